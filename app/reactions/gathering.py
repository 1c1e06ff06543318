"""Makes static/emoji.txt from the npm package emojibase-data, unpacked in a folder; scripts/emoji runs it.

Groups have an empty line before them and begin with their name. Then a line is an emoji, its English name, its
shortcodes and its keywords, with tabs between them. A * behind an emoji says that it comes in skin tones. What the
name says already is left out.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

from app.messages.emoji import qualified
from app.reactions.catalogue import FILE

GROUPS = {
    0: "Smileys and emotion",
    1: "People and body",
    3: "Animals and nature",
    4: "Food and drink",
    5: "Travel and places",
    6: "Activities",
    7: "Objects",
    8: "Symbols",
    9: "Flags",
}
NEWEST = 15.1  # what is younger many devices cannot show yet


def main(folder: Path, version: str) -> None:
    english = folder / "en"
    known = json.loads((english / "data.json").read_text("utf-8"))
    codes = json.loads((english / "shortcodes/github.json").read_text("utf-8"))
    lines = [f"// emojibase-data {version}, MIT licence: vendor/emojibase/LICENSE; made by scripts/emoji"]
    for number, name in GROUPS.items():
        lines += ["", name]
        group = [each for each in known if each.get("group") == number and each["version"] <= NEWEST]
        lines += [line(each, codes) for each in sorted(group, key=lambda each: each["order"])]
    FILE.write_text("\n".join(lines) + "\n", "utf-8")


def line(emoji: dict[str, Any], codes: dict[str, Any]) -> str:
    name = emoji["label"]
    found = codes.get(emoji["hexcode"], [])
    short = [code for code in ([found] if isinstance(found, str) else found) if code != slug(name)]
    said = {*re.findall(r"\w+", name.lower()), *"_".join(short).split("_")}
    more = [tag for tag in emoji.get("tags", []) if not any(word.startswith(tag) for word in said)]
    sign = qualified(emoji["emoji"]) + (
        "*" if any(skin["version"] <= NEWEST for skin in emoji.get("skins", [])) else ""
    )
    return "\t".join([sign, name, " ".join(short), " ".join(more)]).rstrip()


def slug(name: str) -> str:
    return re.sub(r"\W+", "_", name.lower()).strip("_")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
