"""What somebody wants to ask."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from app.errors import Invalid
from app.messages import text
from app.messages.drafts import Draft

QUESTION = 255
OPTION = 100
FEWEST, MOST = 2, 12


def read(fields: Mapping[str, str], options: Sequence[str]) -> Draft:
    """The poll as a message. Raises Invalid with a sentence for each wrong field."""
    question = text.clean(fields.get("question", ""))
    cleaned = [" ".join(text.clean(option).split()) for option in options]
    given = tuple(option for option in cleaned if not text.is_blank(option))
    wrong = {}
    if text.is_blank(question):
        wrong["question"] = "Please ask a question."
    elif len(question) > QUESTION:
        wrong["question"] = f"Please keep it to {QUESTION} characters."
    if sentence := _wrong_options(given):
        wrong["options"] = sentence
    if wrong:
        raise Invalid(**wrong)
    asked = Draft.read({**fields, "body": question}, QUESTION)
    poll = {"options": given, "multiple": fields.get("multiple", "") not in ("", "0", "false")}
    return Draft(body=asked.body, id=asked.id, seen=asked.seen, kind="poll", brings={"poll": poll})


def _wrong_options(options: Sequence[str]) -> str:
    if len(options) < FEWEST:
        return f"Please give at least {FEWEST} answers to choose from."
    if len(options) > MOST:
        return f"A poll takes {MOST} options; these are {len(options)}."
    if max(map(len, options)) > OPTION:
        return f"Please keep each option to {OPTION} characters."
    if len(set(options)) < len(options):
        return "Two options are the same."
    return ""
