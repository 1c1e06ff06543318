"""What compose.cluster.yaml starts, started here: PostgreSQL, Redis, two Parleys, and Caddy before them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.packaging.compose import ComposedPostgres, ComposedRedis, compose, make_secrets
from tests.packaging.dockerfile import Image
from tests.packaging.people import FROM, Person, hear, talk
from tests.packaging.programs import Caddy, Command
from tests.packaging.test_proxies import LIES

NEEDED = ("caddy", "redis-server", "redis-cli", "psql")


class Cluster:
    """Its services, with their names in what they are told replaced by where they are on this machine."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.services: dict[str, dict[str, Any]] = compose("compose.cluster.yaml")["services"]
        self.secrets = make_secrets(folder)
        self.postgres = stack.enter_context(ComposedPostgres((self.secrets / "postgres_password").read_text()))
        self.redis = stack.enter_context(ComposedRedis(self.services["redis"]))
        self.image = Image(folder)
        self.image.build(runs=False)
        self.apps = [self.app(name) for name in ("app1", "app2")]
        upstreams = self.services["proxy"]["environment"]["PARLEY_UPSTREAMS"]
        for name, app in zip(("app1", "app2"), self.apps, strict=True):
            upstreams = upstreams.replace(f"{name}:8000", f"127.0.0.1:{app.port}")
        self.proxy = Caddy(upstreams, PARLEY_DOMAIN=self.services["proxy"]["environment"]["PARLEY_DOMAIN"])
        for app in self.apps:
            app.environment["PARLEY_BASE_URL"] += f":{self.proxy.port}"
            stack.push(app.__exit__)
        with ThreadPoolExecutor() as threads:  # both at once: one of them makes the tables
            list(threads.map(lambda app: app.start(), self.apps))
        stack.enter_context(self.proxy)

    def app(self, name: str) -> Command:
        places = {
            "/run/secrets": str(self.secrets),
            "redis:6379": f"127.0.0.1:{self.redis.port}",
            "172.30.7.0/24": "127.0.0.1",
        }
        said = dict(self.services[name]["environment"])
        for place, here in places.items():
            said = {variable: value.replace(place, here) for variable, value in said.items()}
        (self.image.root / "data").mkdir(exist_ok=True)
        url = self.secrets / "database_url"
        url.write_text(url.read_text().replace("@postgres/", f"@127.0.0.1:{self.postgres.port}/"))
        environment = {**self.image.environment, **said, "PARLEY_REGISTRATION": "open"}
        return Command(self.image.words(self.image.command), self.image.folder, environment)

    def person(self, name: str) -> Person:
        return Person(self.proxy.url, name, self.proxy.trust)

    def at(self, number: int, who: Person) -> Person:
        """The same person, who speaks to one Parley past the proxy."""
        person = Person(self.apps[number].url, who.name, origin=self.proxy.url)
        person.enter(who.cookie)
        return person


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    missing = [name for name in NEEDED if not shutil.which(name)]
    if missing:
        pytest.skip(f"{', '.join(missing)} missing")
    with ExitStack() as stack:
        yield Cluster(tmp_path, stack)


@pytest.mark.torture
def test_two_parleys_behind_the_proxy_are_one(cluster: Cluster) -> None:
    cluster.postgres.check(cluster.services["postgres"])
    cluster.redis.check(cluster.services["redis"])
    with cluster.person("ann") as ann, cluster.person("bob") as bob:
        ann.http.headers.update(LIES)
        ann.sign_up()
        bob.sign_up()
        assert ann.page().status_code == 200
        assert ann.address() == FROM
        talk(ann, bob)
        with cluster.at(0, ann) as first, cluster.at(1, bob) as second:
            talk(first, second)
            talk(second, first)
        _does_not_believe_a_stranger(cluster)
        _goes_on_while_each_restarts(cluster, ann, bob)


def _does_not_believe_a_stranger(cluster: Cluster) -> None:
    with Person(cluster.apps[0].url, "cara", origin=cluster.proxy.url) as cara:
        cara.http.headers.update(LIES)
        cara.sign_up()
        assert cara.address() == FROM


def _goes_on_while_each_restarts(cluster: Cluster, ann: Person, bob: Person) -> None:
    chat_id = ann.open_chat(bob)
    for app in cluster.apps:
        assert app.ended() == 0
        ann.say(chat_id, "one is away")
        talk(ann, bob)
        app.start()
    with bob.listening() as ear:
        ann.say(chat_id, "all are back")
        hear(ear, "all are back")
