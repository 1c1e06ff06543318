"""What others see when somebody arrives or changes their name."""

from __future__ import annotations

from collections.abc import Iterator

from markupsafe import escape

from app.db import Render
from app.realtime import topics
from app.realtime.frames import Frame, partial
from app.users.models import Person


def renamed(_: Render, person: Person) -> Iterator[Frame]:
    """Every place of every open page that shows this name."""
    html = partial(f"[data-name-of='{person.id}']", str(escape(person.display_name)), "innerHTML")
    yield Frame(topics.everyone(), html)


def arrived(render: Render, person: Person) -> Iterator[Frame]:
    """A newcomer's line in open directories."""
    html = render("users/_person.html", user=person)
    yield Frame(topics.everyone(), partial("#directory", html, "beforeend"))
