"""Three processes on PostgreSQL and Redis."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.backing import Postgres, Redis
from tests.cluster import Cluster


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The HTTP client leaves it to the garbage collector to close connections that a killed server has cut."""
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"))


@dataclass
class Machines:
    """What one installation consists of."""

    cluster: Cluster
    postgres: Postgres
    redis: Redis


@pytest.fixture
def postgres() -> Iterator[Postgres]:
    with Postgres(durable=True) as server:
        yield server


@pytest.fixture
def redis() -> Iterator[Redis]:
    with Redis() as server:
        yield server


@pytest.fixture
async def machines(tmp_path: Path, postgres: Postgres, redis: Redis) -> AsyncIterator[Machines]:
    addresses = {"PARLEY_DATABASE_URL": postgres.url, "PARLEY_REDIS_URL": redis.url}
    async with Cluster(tmp_path, 3, **addresses) as cluster:
        yield Machines(cluster, postgres, redis)
