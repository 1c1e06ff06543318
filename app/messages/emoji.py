"""Emoji, counted the way people see them."""

import regex

MOST = 3
"""So many emoji alone are shown large."""

_LONGEST = 128  # three of the longest sequences, a kiss between two skin tones, take 30
_EMOJI = regex.compile(
    r"""
    \p{Regional_Indicator}{2}
    | [0-9\#*]\uFE0F?\u20E3
    | \U0001F3F4[\U000E0020-\U000E007E]+\U000E007F
    | \p{Extended_Pictographic}(?:\uFE0F|\p{Emoji_Modifier})?
      (?:\u200D\p{Extended_Pictographic}(?:\uFE0F|\p{Emoji_Modifier})?)+
    | \p{Emoji_Modifier_Base}\uFE0F?\p{Emoji_Modifier}
    | (?![0-9\#*])\p{Emoji}\uFE0F
    | (?!\p{Regional_Indicator})\p{Emoji_Presentation}
    """,
    regex.VERBOSE,
)


def emoji_count(body: str) -> int:
    """How many emoji a text is made of: 1 to 3 when it is nothing else, spaces between them aside, else 0.

    A family, a flag, a keycap or a skin tone counts as the one picture it is. A character that is text
    unless asked otherwise (©, ❤, a digit) is an emoji only when it asks, by a variation selector.
    """
    if len(body) > _LONGEST or body[:1].isalpha():
        return 0
    pictures = regex.findall(r"\X", "".join(body.split()))
    if len(pictures) > MOST or not all(_EMOJI.fullmatch(picture) for picture in pictures):
        return 0
    return len(pictures)
