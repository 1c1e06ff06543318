import pytest

from app.messages.emoji import emoji_count

FAMILY = "👨‍👩‍👧‍👦"
KISS = "👩🏽‍❤️‍💋‍👩🏽"
ENGLAND = "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f"


@pytest.mark.parametrize(
    ("body", "count"),
    [
        ("😀", 1),
        ("😀😀", 2),
        ("😀 😀\n😀", 3),
        ("😀😀😀😀", 0),
        (FAMILY, 1),
        (FAMILY * 3, 3),
        (KISS, 1),
        (KISS * 3, 3),
        ("👍🏽", 1),
        ("☝🏿", 1),
        ("🇩🇪", 1),
        ("🇩🇪🇫🇷", 2),
        ("🇩", 0),
        ("🇩🇪🇫", 0),
        (ENGLAND, 1),
        ("🏴‍☠️🏳️‍🌈", 2),
        ("❤️", 1),
        ("❤️‍🔥", 1),
        ("❤‍🔥", 1),
        ("1️⃣", 1),
        ("#️⃣*️⃣", 2),
        ("1", 0),
        ("123", 0),
        ("#", 0),
        ("1\ufe0f", 0),
        ("©", 0),
        ("©️", 1),
        ("❤", 0),
        ("☺", 0),
        ("☺️", 1),
        ("😀\ufe0e", 0),
        ("😀\u200d", 0),
        ("\u200d", 0),
        ("\ufe0f", 0),
        ("", 0),
        ("  ", 0),
        ("a", 0),
        ("😀a", 0),
        ("ok 👍", 0),
        ("ツ", 0),
        ("😀" * 60_000, 0),
        ("\u200d" * 60_000, 0),
    ],
)
def test_emoji_are_counted_as_people_see_them(body: str, count: int) -> None:
    assert emoji_count(body) == count
