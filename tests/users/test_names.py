"""Names that make one person look like another are refused; the names of the world are not."""

from __future__ import annotations

import pytest

from app.users.models import initials
from app.users.names import key, tidy, wrong_display_name
from tests.make import JSON, Member

BIDI = [
    chr(code) for code in (0x202A, 0x202B, 0x202C, 0x202D, 0x202E, 0x2066, 0x2067, 0x2068, 0x2069, 0x200E, 0x200F)
]
INVISIBLE = ["\u200b", "\u200c", "\u200d", "\u2060", "\ufeff", "\u00ad", "\u034f", "\u061c", "\u115f", "\u1160"]
INVISIBLE += [
    "\u17b4",
    "\u180e",
    "\u3164",
    "\uffa0",
    "\u2800",
    "\ufe0f",
    "\ufe00",
    "\U000e0041",
    "\U000e0100",
    "\u206a",
]
CONTROL = ["\x00", "\x07", "\x1b", "\x7f", "\x85", "\u2028", "\u2029", "\ue000", "\U000f0000", "\ufdd0", "\U0010ffff"]
MIXED = ["Аnn", "Аda", "Bоb", "Воb", "Сara", "Cаra", "Βob", "Boϐ", "Аnn Smith", "Ann Sмith", "Կim", "Ꭺnn"]
OTHERS = ["", "x" * 65, "...", "!?", "-", "a" + "\u0301" * 5, "\u0301\u0302\u0303\u0304 a"]
SPOOFS = [f"An{mark}n" for mark in BIDI + INVISIBLE + CONTROL] + MIXED + OTHERS
FINE = [
    "Ann", "Ann B.", "Ann-Marie O’Neill", "José", "Þórður", "Nguyễn Văn An", "Анна", "Αννα", "Աննա", "أحمد", "דוד",
    "अन्ना", "แอนนา", "田中 太郎", "김안나", "X Æ A-12", "Anna Анна", "👩‍🚀 Ann", "❤️", "1️⃣ Ann", "👍🏽", "ß",
    "x" * 64, "7",
]  # fmt: skip


@pytest.mark.parametrize("name", SPOOFS, ids=ascii)
def test_a_spoof_is_refused(name: str) -> None:
    assert wrong_display_name(tidy(name)) or tidy(name) == "An n"


def test_there_are_sixty_of_them() -> None:
    assert len(SPOOFS) >= 60


@pytest.mark.parametrize("name", FINE)
def test_a_name_is_fine(name: str) -> None:
    assert wrong_display_name(tidy(name)) == ""


@pytest.mark.parametrize(
    ("typed", "kept"),
    [("  Ann   B ", "Ann B"), ("Ann\u00a0\u3000B", "Ann B"), ("Jose\u0301", "José"), ("A\nB\tC", "A B C")],
)
def test_names_are_tidied(typed: str, kept: str) -> None:
    assert tidy(typed) == kept


@pytest.mark.parametrize("other", ["ANN", "ａｎｎ", " ann ", "Ann"])
def test_spellings_share_a_key(other: str) -> None:
    assert key(other) == key("ann")


@pytest.mark.parametrize(
    ("name", "letters"),
    [
        ("Ann", "A"), ("Ann Smith", "AS"), ("ann b. smith", "AS"), ("Anne-Marie", "AM"), ("👩‍🚀 Ann", "A"),
        ("❤️", "❤️"), ("田中 太郎", "田太"), ("ß", "SS"), ("... !", ".!"), ("José É", "JÉ"),
    ],
)  # fmt: skip
def test_initials(name: str, letters: str) -> None:
    assert initials(name) == letters


@pytest.mark.parametrize("name", ["", "An\u202en", "x" * 65])
async def test_a_profile_refuses_them_too(ann: Member, name: str) -> None:
    response = await ann.post("/you/edit", data={"display_name": name, "about": ""}, headers=JSON)
    assert (response.status_code, list(response.json()["errors"])) == (422, ["display_name"])
