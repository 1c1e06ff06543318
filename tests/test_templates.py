"""What all pages have in common is put together when a template is compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import pytest
from jinja2 import TemplateSyntaxError
from markupsafe import Markup

from app.settings import Settings
from app.templates import Templates

PIECE = '<a href="{{ base }}/chats">{{ icon("pin") }}</a>{{ icon(name) }}'


@pytest.fixture(scope="module")
def templates() -> Templates:
    return Templates(Settings(base_url="https://example.org/talk"))


def test_it_reads_the_same_as_what_is_worked_out_for_each_page(templates: Templates) -> None:
    sprite = f"/talk/static/{templates.release}/icons.svg"
    pin = f'<svg class="icon" aria-hidden="true"><use href="{sprite}#pin"/></svg>'
    page = templates.environment.from_string(PIECE).render(name="pin")
    assert page == f'<a href="/talk/chats">{pin}</a>{pin}'
    assert f'<a href="/talk/chats">{pin}</a>' in templates.environment.compile(PIECE, raw=True).replace("\\'", "'")


def test_what_a_person_wrote_is_escaped_all_the_same(templates: Templates) -> None:
    page = templates.environment.from_string("{{ avatar(initials, 20) }}{{ icon(name) }}")
    html = page.render(initials="<b", name='"><script>')
    assert "<b" not in html
    assert "<script" not in html
    assert "&lt;b" in html


def test_an_avatar_says_whose_presence_it_shows(templates: Templates) -> None:
    avatar: Callable[..., Markup] = cast("Any", templates.environment.globals["avatar"])
    assert avatar("AB", 20) == Markup('<span class="avatar" data-hue="20" aria-hidden="true">AB</span>')
    here = avatar("AB", 20, "tiny", of=7, online=True)
    assert 'class="avatar avatar--tiny"' in here
    assert 'data-presence-of="7" data-online' in here


def test_no_template_gives_such_a_name_another_meaning(templates: Templates) -> None:
    with pytest.raises(TemplateSyntaxError, match="base is the same in all templates"):
        templates.environment.from_string("{% set base = 1 %}")
