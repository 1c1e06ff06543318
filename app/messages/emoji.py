"""Emoji, counted the way people see them."""

import regex

MOST = 3
"""So many emoji alone are shown large."""

# Text unless a selector or a skin tone follows.
_PLAIN = regex.compile(r"(?!\p{Emoji_Presentation})(\p{Emoji})(?!\p{Emoji_Modifier})")
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
    if len(body) > _LONGEST or (body[:1].isalpha() and body[0] != "ℹ"):
        return 0
    pictures = regex.findall(r"\X", "".join(body.split()))
    if len(pictures) > MOST or not all(_EMOJI.fullmatch(picture) for picture in pictures):
        return 0
    return len(pictures)


def qualified(emoji: str) -> str:
    """The one spelling of an emoji, with a variation selector where one is needed, and nowhere else."""
    return str(_PLAIN.sub("\\1\ufe0f", emoji.replace("\ufe0f", "")))
