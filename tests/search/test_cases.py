"""The table of cases: the same answers on both databases."""

from __future__ import annotations

import unicodedata

import pytest
from starlette.applications import Starlette

from app.search.folding import fold, snippet
from app.search.tokens import needle, of_text
from tests.make import Member, make_chat
from tests.search.cases import CASES
from tests.search.conftest import Indexed


async def test_all_of_the_table(ann: Member, bob: Member, app: Starlette, indexed: Indexed) -> None:
    chat_id = await make_chat(app, ann, bob)
    texts = list(dict.fromkeys(text for _, text, *_ in CASES))
    for text in texts:
        await ann.say(chat_id, text)
    await indexed()
    wrong = []
    for what, text, query, is_found, marked in CASES:
        found = (await bob.read("/search", q=query))["messages"]
        hits = {hit["seq"]: [part for part, is_hit in hit["snippet"] if is_hit] for hit in found}
        marks = hits.get(texts.index(text) + 1)
        if (marks is not None) != is_found or (marks and not marks[0].startswith(marked)):
            wrong.append((what, marks))
    assert wrong == []


def test_the_table_is_large() -> None:
    assert len(CASES) >= 60
    scripts = {unicodedata.name(letter).split()[0] for _, text, *_ in CASES for letter in text if letter.isalpha()}
    assert len(scripts - {"MODIFIER", "HALFWIDTH", "FULLWIDTH"}) >= 12, scripts


@pytest.mark.parametrize("text", ["", " ", "\n\t", "\u200b", "\0", "́", "a" * 50_000, "\U0010ffff", "ﷺ" * 100, "‮abc"])
def test_any_text_has_an_index_and_a_snippet(text: str) -> None:
    folded = fold(text)
    assert fold(folded) == folded
    assert all(" " not in token and token for token in of_text(folded))
    wanted = needle(folded[:400])
    snippet(text, [wanted.pattern] if wanted else [])


def test_a_snippet_of_a_long_text_is_the_stretch_around_the_hit() -> None:
    wanted = needle("needle")
    assert wanted
    pieces = snippet("hay " * 1000 + "the needle " + "hay " * 1000, [wanted.pattern])
    assert "".join(piece.text for piece in pieces).startswith("…hay hay")
    assert [piece.text for piece in pieces if piece.is_hit] == ["needle"]
    assert sum(len(piece.text) for piece in pieces) < 200
