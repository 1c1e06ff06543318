"""Two people who talk to whatever was started, from outside: by HTTP or HTTPS and a socket, as browsers do."""

from __future__ import annotations

import re
import ssl
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx
from websockets.sync.client import ClientConnection, connect

from tests.make import PASSWORD

PATIENCE = 10
FROM = "127.0.0.5"  # another address than the one from which a proxy on this machine speaks


class Person:
    """Somebody's browser at `url`, which asks for JSON and says that its pages come from there, or from `origin`."""

    def __init__(self, url: str, name: str, trust: ssl.SSLContext | None = None, origin: str = "") -> None:
        self.url = url
        self.name = name
        self.trust = trust
        self.cookie = ""
        transport = httpx.HTTPTransport(verify=trust or True, local_address=FROM)
        headers = {
            "Origin": origin or "{0.scheme}://{0.netloc}".format(urlsplit(url)),
            "Accept": "application/json",
            "Sec-Fetch-Site": "same-origin",
        }
        self.http = httpx.Client(
            base_url=url, headers=headers, transport=transport, timeout=PATIENCE, trust_env=False
        )

    def sign_up(self, path: str = "/register") -> httpx.Response:
        fields = {"username": self.name, "display_name": self.name.title(), "password": PASSWORD}
        answer = self.http.post(self.url + path, data=fields)
        assert answer.status_code == 201, answer.text
        self.enter(*re.findall(r"(__Host-sid=[^;]+)", answer.headers["set-cookie"]))
        return answer

    def enter(self, cookie: str) -> None:
        """Be signed in by a cookie; by hand, as Python keeps a Secure one from http://127.0.0.1."""
        self.cookie = cookie
        self.http.headers["Cookie"] = cookie

    def post(self, path: str, **fields: str) -> httpx.Response:
        """As pages do, once more where a proxy found nobody: the same fields are harmless twice."""
        deadline = time.monotonic() + PATIENCE
        while True:
            answer = self.http.post(self.url + path, data=fields)
            if answer.status_code not in (502, 503) or time.monotonic() > deadline:
                return answer

    def open_chat(self, other: Person) -> int:
        answer = self.post("/chats", username=other.name)
        assert answer.status_code in (200, 201), answer.text
        return int(answer.headers["location"].rpartition("/")[2])

    def say(self, chat_id: int, text: str) -> None:
        answer = self.post(f"/chats/{chat_id}/messages", body=text, id=str(uuid.uuid4()))
        assert answer.status_code in (200, 201), answer.text

    def page(self) -> httpx.Response:
        return self.http.get(f"{self.url}/", headers={"Accept": "text/html", "Sec-Fetch-Site": "none"})

    def address(self) -> str:
        """From where the server thinks this browser speaks."""
        (device,) = self.http.get(f"{self.url}/devices").json()
        return str(device["address"])

    @contextmanager
    def listening(self) -> Iterator[ClientConnection]:
        """A socket, once it is ready."""
        options: dict[str, Any] = {"ssl": self.trust, "source_address": (FROM, 0), "proxy": None}
        headers = {"Cookie": self.cookie, "Origin": self.http.headers["Origin"]}
        with connect(self.url.replace("http", "ws", 1) + "/ws", additional_headers=headers, **options) as socket:
            hear(socket, '"ready"')
            yield socket

    def __enter__(self) -> Person:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()


def hear(socket: ClientConnection, text: str, patience: float = PATIENCE) -> None:
    """Until a frame has `text` in it. Raises TimeoutError when nothing comes, ConnectionClosed when it is over."""
    while text not in str(socket.recv(patience)):
        pass


def talk(one: Person, other: Person) -> None:
    """A message by one is heard by the other, who may be at another process."""
    chat_id = one.open_chat(other)
    with other.listening() as ear:
        one.say(chat_id, "Can you hear me?")
        hear(ear, "Can you hear me?")
    answer = other.http.get(f"{other.url}/chats/{chat_id}/messages")
    assert answer.json()["messages"][-1]["body"] == "Can you hear me?"
