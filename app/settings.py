"""Every environment variable once, with its default, its meaning and its check."""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from datetime import timedelta
from functools import cached_property
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

SECRET_CHARACTERS = 32
ROOT = Path(__file__).parent.parent
DATA = ROOT / "data"
DRIVERS = {
    "sqlite:///": "sqlite+aiosqlite:///",
    "postgresql://": "postgresql+asyncpg://",
    "postgres://": "postgresql+asyncpg://",
}
DEFAULT_PORTS = {"http": 80, "https": 443}
SECRET = frozenset({"secret_key", "metrics_token", "database_url", "redis_url"})  # not to be repeated in an error
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class WrongSetting(Exception):
    """A setting that cannot be used; the text names the variable and says what it takes."""


def whole(least: int, most: int) -> Callable[[str], int]:
    """A parser for whole numbers between two bounds, both allowed."""

    def parse(text: str) -> int:
        if not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
            raise ValueError(f"a whole number from {least:,} to {most:,}")
        return int(text)

    return parse


def one_of(*words: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in words:
            raise ValueError("one of " + ", ".join(words))
        return text

    return parse


def database(text: str) -> str:
    """SQLAlchemy's URL, which names the driver, too."""
    for prefix, driver in DRIVERS.items():
        if text.startswith(prefix):
            return driver + text.removeprefix(prefix)
    raise ValueError("an address like postgresql://parley:password@host/parley or sqlite:////srv/parley/parley.db")


def bus(text: str) -> str:
    cluster = text.startswith(("redis+cluster://", "rediss+cluster://"))
    if not cluster and not text.startswith(("redis://", "rediss://", "unix://")):
        raise ValueError("an address like redis://host:6379/0, unix:///run/redis.sock or redis+cluster://host:6379")
    if cluster and urlsplit(text).path not in ("", "/", "/0"):
        raise ValueError("an address without a number of a database at its end, since a cluster has but one")
    return text


def key(text: str) -> str:
    if len(text) < SECRET_CHARACTERS:
        raise ValueError(f"at least {SECRET_CHARACTERS} characters that nobody can guess")
    return text


def networks(text: str) -> str:
    try:
        return ",".join(str(ip_network(part.strip(), strict=False)) for part in text.split(","))
    except ValueError as error:
        raise ValueError("addresses or networks like 10.0.0.7,172.16.0.0/12") from error


def origin(text: str) -> str:
    """As browsers write it in `Origin`: in lower case, without the port that goes without saying."""
    parts = urlsplit(text)
    if parts.scheme not in DEFAULT_PORTS or not parts.hostname or parts.username or parts.query or parts.fragment:
        raise ValueError("an address like https://chat.example.org or https://example.org/chat")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    port = "" if parts.port in (None, DEFAULT_PORTS[parts.scheme]) else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}{parts.path.rstrip('/')}"


def zone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError("a time zone like Europe/Berlin") from error
    return text


def text(value: str) -> str:
    return value


def _variable(default: Any, parse: Callable[[str], Any], meaning: str) -> Any:
    return field(default=default, metadata={"parse": parse, "meaning": meaning})


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What can be set from outside: field `data` is read from PARLEY_DATA, and so on."""

    host: str = _variable("127.0.0.1", text, "Address to listen on.")
    port: int = _variable(8000, whole(0, 65535), "Port to listen on; 0 takes a free one.")
    data: Path = _variable(DATA, Path, "Folder of everything worth keeping: database and secrets.")
    database_url: str = _variable("", database, "PostgreSQL 14 or newer; empty means SQLite in the data folder.")
    database_pool: int = _variable(10, whole(1, 1000), "Connections to PostgreSQL that one process may have.")
    database_pooler: str = _variable(
        "none",
        one_of("none", "transaction"),
        "What stands between Parley and PostgreSQL: nothing, or a pgbouncer in `transaction` mode.",
    )
    redis_url: str = _variable(
        "",
        bus,
        "Redis 7, or Valkey, through which several processes are one server; `redis+cluster://…` for a cluster.",
    )
    secret_key: str = _variable(
        "", key, "Signs cookies and links, the same for all processes; empty means a file in the data folder."
    )
    base_url: str = _variable(
        "", origin, "Public address, with the path if Parley lives under one. Needed behind a proxy."
    )
    trusted_proxies: str = _variable(
        "127.0.0.1,::1",
        networks,
        "Addresses and networks of proxies whose X-Forwarded-For and -Proto are believed.",
    )
    registration: str = _variable(
        "auto",
        one_of("auto", "open", "invite"),
        "Who may sign up: anybody, invited people only, or `auto`: open on this machine alone, else by invite.",
    )
    timezone: str = _variable("UTC", zone, "Zone of the times in pages; browsers with scripts show their own.")
    metrics_token: str = _variable(
        "", key, "Bearer token for /metrics; empty means that only this machine reads them, past any proxy."
    )
    log_level: str = _variable("info", one_of("debug", "info", "warning", "error"), "How much is logged.")
    session_days: int = _variable(30, whole(1, 3650), "Days without use after which a device is signed out.")
    edit_minutes: int = _variable(15, whole(0, 525600), "Minutes in which a message may be edited.")
    delete_hours: int = _variable(48, whole(0, 8760), "Hours in which a message may be deleted for everyone.")
    group_size: int = _variable(1024, whole(2, 100_000), "Most members of a group.")
    message_length: int = _variable(20_000, whole(1, 60_000), "Most characters of a message.")
    link_cards: str = _variable(
        "on", one_of("on", "off"), "Whether the server asks for pages that people link to, to show a card of them."
    )
    send_rate: int = _variable(10, whole(1, 1_000_000), "Messages a second that one person may send.")
    send_burst: int = _variable(30, whole(1, 1_000_000), "Messages that one person may send at once.")
    login_attempts: int = _variable(10, whole(1, 1_000_000), "Wrong passwords per account in 15 minutes.")
    address_attempts: int = _variable(
        100, whole(1, 1_000_000), "Sign-ins and sign-ups per network address in 15 minutes."
    )
    request_rate: int = _variable(50, whole(1, 1_000_000), "Writing requests a second that one person may make.")
    sockets_per_user: int = _variable(20, whole(1, 10_000), "Open pages of one person at a time.")

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """Read PARLEY_… variables; an empty one counts as unset.

        PARLEY_…_FILE names a file that holds the value, for secrets. Raises WrongSetting
        with a sentence that names the variable, also for a PARLEY_… variable that does
        not exist, which is nearly always a typing error.
        """
        known = {f"PARLEY_{each.name.upper()}": each for each in fields(cls)}
        values: dict[str, Any] = {}
        for name, value in environment.items():
            if not name.startswith("PARLEY_") or not value:
                continue
            if name.endswith("_FILE"):
                name, value = name.removesuffix("_FILE"), _content(name, value)
            if name not in known:
                raise WrongSetting(f"{name} is not a setting of Parley; see the table in the README.")
            try:
                values[known[name].name] = known[name].metadata["parse"](value)
            except ValueError as error:
                shown = "hidden" if known[name].name in SECRET else repr(value)
                raise WrongSetting(f"{name} is {shown}, but it must be {error}.") from error
        return cls(**values)._consistent()

    def _consistent(self) -> Settings:
        """Raises WrongSetting for settings that do not go together."""
        if self.redis_url and not self.is_shared:
            raise WrongSetting(
                "PARLEY_REDIS_URL is set, but SQLite serves one process: set PARLEY_DATABASE_URL to a PostgreSQL, "
                "or leave PARLEY_REDIS_URL empty."
            )
        return self

    @property
    def is_shared(self) -> bool:
        """Whether the database can serve several processes."""
        return self.database.startswith("postgresql")

    @property
    def badge(self) -> str:
        """By which processes know that they sign with the same key; it tells nothing of the key."""
        return hashlib.sha256(f"badge of {self.secret}".encode()).hexdigest()[:16]

    @property
    def database(self) -> str:
        """SQLAlchemy's URL of the database."""
        return self.database_url or f"sqlite+aiosqlite:///{self.data / 'parley.db'}"

    @cached_property
    def base_path(self) -> str:
        """Path under which Parley is reached, without a slash at its end: "" or "/chat"."""
        return urlsplit(self.base_url).path

    @cached_property
    def is_local(self) -> bool:
        """Whether only this machine is meant to reach Parley."""
        hosts = {self.host, urlsplit(self.base_url).hostname or self.host}
        return hosts <= LOOPBACK

    @property
    def edit_window(self) -> timedelta:
        return timedelta(minutes=self.edit_minutes)

    @property
    def delete_window(self) -> timedelta:
        return timedelta(hours=self.delete_hours)

    @cached_property
    def secret(self) -> str:
        """The key that signs cookies and links: as given, else made on first use and kept in the data
        folder, mode 0600.
        """
        if self.secret_key:
            return self.secret_key
        path = self.data / "secret"
        self.data.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return _whole_secret(path)
        with os.fdopen(handle, "w") as file:
            file.write(secrets.token_urlsafe(48))
        return _whole_secret(path)


def _content(name: str, path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise WrongSetting(f"{name} is {path!r}, but it must be a file that can be read.") from error


def _whole_secret(path: Path) -> str:
    """Raises WrongSetting where the key is cut off, as by a full disk: with an empty one anybody could sign."""
    secret = path.read_text().strip()
    if len(secret) < SECRET_CHARACTERS:
        raise WrongSetting(f"{path} holds no whole key: delete it, and a new one is made; everybody signs in again.")
    return secret


def table() -> str:
    """The settings as the Markdown table that the README shows."""
    rows = ["| variable | default | meaning |", "|---|---|---|"]
    for each in fields(Settings):
        default = "`data` in the checkout" if each.name == "data" else f"`{each.default}`"
        rows.append(
            f"| `PARLEY_{each.name.upper()}` | {'' if each.default == '' else default} | {each.metadata['meaning']} |"
        )
    return "\n".join(rows)
