"""Static files: packed, kept for ever under the name of their release, and nothing beside them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from app.joining import addition, script, style
from app.templates import STATIC, release
from tests.make import HTML, Client, Member

HTMX_SCRIPT = "vendor/htmx/htmx.min.js"


@pytest.mark.parametrize(("accepted", "encoding"), [("gzip, deflate", "gzip"), ("gzip;q=1, br;q=0.9", "br")])
async def test_packed_or_plain_it_is_the_same(anonymous: Client, accepted: str, encoding: str) -> None:
    path = f"/static/{release()}/{HTMX_SCRIPT}"
    plain = await anonymous.get(path, headers={"accept-encoding": "identity"})
    packed = await anonymous.get(path, headers={"accept-encoding": accepted})
    assert (plain.status_code, plain.content) == (200, packed.content)
    assert packed.headers["content-encoding"] == encoding
    assert int(packed.headers["content-length"]) < len(plain.content) / 2
    assert "content-encoding" not in plain.headers
    assert plain.headers["content-type"].startswith("text/javascript")
    assert "Accept-Encoding" in plain.headers["vary"]


async def test_it_is_kept_for_ever(anonymous: Client) -> None:
    response = await anonymous.get(f"/static/{release()}/icon.svg")
    assert response.headers["cache-control"] == "public, max-age=31536000, immutable"


async def test_a_page_of_another_release_gets_ours_and_does_not_keep_it(anonymous: Client) -> None:
    ours = await anonymous.get(f"/static/{release()}/icon.svg")
    response = await anonymous.get("/static/000000000000/icon.svg")
    assert (response.status_code, response.content) == (200, ours.content)
    assert response.headers["cache-control"] == "no-store"
    assert (await anonymous.get("/static//icon.svg")).status_code == 404


@pytest.mark.parametrize(
    "path", ["..%2f..%2fpyproject.toml", "..%2fapp%2fmain.py", "%2e%2e/%2e%2e/README.md", "", "css", "%00", "vendor/"]
)
async def test_nothing_beside_it_is_served(anonymous: Client, path: str) -> None:
    assert (await anonymous.get(f"/static/{release()}/{path}")).status_code == 404


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("POST", 404), ("DELETE", 404)])
async def test_it_is_only_read(anonymous: Client, method: str, status: int) -> None:
    response = await anonymous.request(method, f"/static/{release()}/icon.svg")
    assert response.status_code in (status, 405)
    assert method == "HEAD" or response.status_code != 200


@pytest.mark.parametrize(("accepted", "encoding"), [("gzip", "gzip"), ("gzip, deflate, br, zstd", "br")])
async def test_pages_are_packed_too(ann: Member, chat_id: int, accepted: str, encoding: str) -> None:
    await ann.say(chat_id, "Hello, how are you?")
    packed = await ann.get(f"/chats/{chat_id}", headers={**HTML, "accept-encoding": accepted})
    assert packed.headers["content-encoding"] == encoding
    assert "Hello, how are you?" in packed.text
    assert {"Accept", "Accept-Encoding", "Cookie", "HX-Request"} == set(packed.headers["vary"].split(", "))


async def test_all_scripts_come_in_one_and_all_styles(anonymous: Client) -> None:
    joined = {kind: (await anonymous.get(f"/static/{release()}/{kind}/app.{kind}")).text for kind in ("js", "css")}
    later = (await anonymous.get(f"/static/{release()}/js/later.js")).text
    assert re.findall(r"^import .*(\".*\");$", later, re.MULTILINE) == ['"./app.js"']
    assert re.findall(r"^import .*", joined["js"], re.MULTILINE) == [
        'import * as $local_time from "./local-time.js";'
    ]
    assert "@import" not in joined["css"]
    alone = {"app.js", "app.css", "local-time.js", "swaps.js"}
    joined["js"] += later
    for kind, text in joined.items():
        for path in (STATIC / kind).iterdir():
            *_, last = path.read_text().strip().splitlines()
            assert path.name in alone or _solid(last) in _solid(text), path.name


def _solid(text: str) -> str:
    return re.sub(r"\s", "", text)


def test_what_stands_in_strings_of_a_stylesheet_stays(tmp_path: Path) -> None:
    (tmp_path / "a.css").write_text('@import url("b.css") layer(base);\n')
    (tmp_path / "b.css").write_text('a, b :is(c, d) {\n  content: "x: { y; z }, ";\n  margin: 0 auto;\n}\n')
    assert style(tmp_path / "a.css") == '@layer base{a,b :is(c,d){content:"x: { y; z }, ";margin:0 auto;}}'


async def test_what_only_people_read_stays_here(anonymous: Client) -> None:
    for name in ("js/app.js", "js/later.js", "js/local-time.js", "js/swaps.js", "css/app.css"):
        text = (await anonymous.get(f"/static/{release()}/{name}")).text
        assert re.findall(r"^(?:[ \t]|//|/\*).*", text, re.MULTILINE) == [], name


def test_modules_run_after_those_that_they_need_and_share_what_is_exported(tmp_path: Path) -> None:
    (tmp_path / "app.js").write_text('import "./a.js";\nimport * as b from "./b.js";\nfound(b.list);\n')
    (tmp_path / "a.js").write_text('import { list, add as put } from "./b.js";\nput(1);\nlist.push(2);\n')
    (tmp_path / "b.js").write_text("export const list = [];\n// add\nexport function add(x) { list.push(x); }\n")
    assert script(tmp_path / "app.js").splitlines() == [
        'import * as $local_time from "./local-time.js";',
        "const $b = (() => {",
        "const list = [];",
        "function add(x) { list.push(x); }",
        "return { list, add };",
        "})();",
        "const $a = (() => {",
        "const { list, add: put } = $b;",
        "put(1);",
        "list.push(2);",
        "return {  };",
        "})();",
        "const $app = (() => {",
        "",
        "const b = $b;",
        "found(b.list);",
        "return {  };",
        "})();",
        "export { $b, $a, $app };",
    ]


def test_what_comes_later_shares_the_modules_that_are_there(tmp_path: Path) -> None:
    (tmp_path / "app.js").write_text('import "./b.js";\n')
    (tmp_path / "b.js").write_text("export const list = [];\n")
    (tmp_path / "c.js").write_text("export const more = 1;\n")
    (tmp_path / "later.js").write_text(
        'import { list } from "./b.js";\nimport { more } from "./c.js";\nput(list, more);\n'
    )
    assert addition(tmp_path / "later.js").splitlines() == [
        'import { $b } from "./app.js";',
        "const $c = (() => {",
        "const more = 1;",
        "return { more };",
        "})();",
        "const $later = (() => {",
        "const { list } = $b;",
        "const { more } = $c;",
        "put(list, more);",
        "return {  };",
        "})();",
    ]


@pytest.mark.parametrize(
    "text",
    [
        'import "./b.js";',
        "export default 1;",
        "export let changing = 1;",
        'import whole from "./app.js";',
        'import { far } from "../elsewhere.js";',
        'export * from "./app.js";',
        "const text = `one\ntwo`;",
    ],
)
def test_what_cannot_be_joined_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "app.js").write_text('import "./b.js";\n')
    (tmp_path / "b.js").write_text(f"{text}\n")
    with pytest.raises(ValueError, match=r"b\.js"):
        script(tmp_path / "app.js")
