"""The connection to Redis that the processes of one server share, and the names of what they keep there."""

from __future__ import annotations

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError

PATIENCE = 2.0  # seconds for a command, and for a connection
CONNECTIONS = 16


def connect(url: str) -> Redis:
    """A client whose commands fail after PATIENCE seconds, and wait for one another rather than overflow.

    Only a connection that has died since it was last used is replaced, once: whoever uses Redis here can do
    without it for a while.
    """
    pool = BlockingConnectionPool.from_url(
        url,
        max_connections=CONNECTIONS,
        timeout=PATIENCE,
        socket_timeout=PATIENCE,
        socket_connect_timeout=PATIENCE,
        retry=Retry(NoBackoff(), 1, supported_errors=(ConnectionError,)),
        decode_responses=True,
    )
    return Redis.from_pool(pool)


def name(redis: Redis, *parts: object) -> str:
    """The name of a key or channel; the number of the database keeps servers apart that share a Redis."""
    number = redis.connection_pool.connection_kwargs.get("db", 0)
    return ":".join(["parley", str(number), *map(str, parts)])
