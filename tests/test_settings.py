"""Settings: their defaults work, and a wrong one is a sentence that names it."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from app.settings import Settings, WrongSetting


def test_an_empty_environment_is_enough() -> None:
    settings = Settings.from_environment({"HOME": "/x", "PARLEY_PORT": ""})
    assert (settings.host, settings.port, settings.base_path, settings.is_local) == ("127.0.0.1", 8000, "", True)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PARLEY_PORT", "http"),
        ("PARLEY_PORT", "65536"),
        ("PARLEY_PORT", "-1"),
        ("PARLEY_REGISTRATION", "sometimes"),
        ("PARLEY_BASE_URL", "chat.example.org"),
        ("PARLEY_BASE_URL", "ftp://example.org"),
        ("PARLEY_BASE_URL", "https://ann:secret@example.org"),
        ("PARLEY_BASE_URL", "https://example.org?x=1"),
        ("PARLEY_BASE_URL", "https://example.org:port"),
        ("PARLEY_TIMEZONE", "Mars/Olympus"),
        ("PARLEY_DATABASE_URL", "mysql://localhost/parley"),
        ("PARLEY_REDIS_URL", "http://localhost"),
        ("PARLEY_SECRET_KEY", "short"),
        ("PARLEY_SECRET_KEY_FILE", "/nowhere/at/all"),
        ("PARLEY_TRUSTED_PROXIES", "everybody"),
        ("PARLEY_LOG_LEVEL", "loud"),
        ("PARLEY_MESSAGE_LENGTH", "0"),
        ("PARLEY_SEND_RATE", "1.5"),
        ("PARLEY_PROT", "8000"),
    ],
)
def test_a_wrong_value_is_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(WrongSetting, match=rf"^{name} is .*\.$"):
        Settings.from_environment({name: value})


@pytest.mark.parametrize(
    ("url", "path", "local"),
    [
        ("https://chat.example.org", "", False),
        ("https://example.org/chat/", "/chat", False),
        ("http://localhost:8000", "", True),
    ],
)
def test_the_public_address_says_where_and_for_whom(url: str, path: str, local: bool) -> None:
    settings = Settings.from_environment({"PARLEY_BASE_URL": url})
    assert (settings.base_path, settings.is_local) == (path, local)


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("HTTPS://Chat.Example.ORG", "https://chat.example.org"),
        ("https://example.org:443/Chat/", "https://example.org/Chat"),
        ("http://example.org:80", "http://example.org"),
        ("http://example.org:443", "http://example.org:443"),
        ("https://[2001:DB8::1]:8443", "https://[2001:db8::1]:8443"),
    ],
)
def test_the_public_address_is_kept_as_browsers_write_it(typed: str, kept: str) -> None:
    assert Settings.from_environment({"PARLEY_BASE_URL": typed}).base_url == kept


def test_listening_to_all_is_not_local() -> None:
    assert not Settings(host="0.0.0.0").is_local


def test_the_secret_is_made_once_and_for_the_owner_alone(tmp_path: Path) -> None:
    first = Settings(data=tmp_path / "new").secret
    path = tmp_path / "new" / "secret"
    assert len(first) >= 43
    assert Settings(data=tmp_path / "new").secret == first == path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("left", ["", "\n", "half a key"])
def test_a_key_that_was_cut_off_signs_nothing(tmp_path: Path, left: str) -> None:
    (tmp_path / "secret").write_text(left)
    with pytest.raises(WrongSetting, match="no whole key"):
        _ = Settings(data=tmp_path).secret


KEY = "k" * 43
SHARED = "postgresql://parley:hunter2@db/parley"


def test_a_secret_may_be_given_or_stand_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(KEY + "\n")
    assert Settings.from_environment({"PARLEY_SECRET_KEY": KEY}).secret == KEY
    assert Settings.from_environment({"PARLEY_SECRET_KEY_FILE": str(tmp_path / "key")}).secret == KEY


def test_the_database_is_named_with_its_driver() -> None:
    for url in (SHARED, SHARED.replace("postgresql", "postgres")):
        settings = Settings.from_environment({"PARLEY_DATABASE_URL": url})
        assert (settings.database, settings.is_shared) == (SHARED.replace("sql:", "sql+asyncpg:"), True)
    assert not Settings().is_shared


def test_a_bus_needs_a_database_that_several_processes_share() -> None:
    with pytest.raises(WrongSetting, match="PARLEY_DATABASE_URL"):
        Settings.from_environment({"PARLEY_REDIS_URL": "redis://localhost"})
    Settings.from_environment({"PARLEY_REDIS_URL": "redis://localhost", "PARLEY_DATABASE_URL": SHARED})


@pytest.mark.parametrize(
    "wrong", ["http://redis", "cluster://redis", "redis+cluster://redis/1", "rediss+cluster://redis/2"]
)
def test_a_bus_has_an_address_that_redis_knows(wrong: str) -> None:
    for right in (
        "redis://r:6379/1",
        "rediss://r",
        "unix:///r.sock",
        "redis+cluster://r:7000",
        "rediss+cluster://:pw@r/0",
    ):
        settings = Settings.from_environment({"PARLEY_REDIS_URL": right, "PARLEY_DATABASE_URL": SHARED})
        assert settings.redis_url == right
    with pytest.raises(WrongSetting, match="PARLEY_REDIS_URL is hidden, but it must be an address"):
        Settings.from_environment({"PARLEY_REDIS_URL": wrong, "PARLEY_DATABASE_URL": SHARED})


def test_an_error_does_not_repeat_a_password() -> None:
    with pytest.raises(WrongSetting) as refusal:
        Settings.from_environment({"PARLEY_DATABASE_URL": "mysql://parley:hunter2@db/parley"})
    assert "hunter2" not in str(refusal.value)
