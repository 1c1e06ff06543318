"""The connection to Redis that the processes of one server share, and the names of what they keep there."""

from __future__ import annotations

import asyncio
from typing import Any

from redis.asyncio import BlockingConnectionPool, ConnectionPool, Redis, RedisCluster
from redis.asyncio.client import PubSub
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError, RedisClusterException, RedisError

PATIENCE = 2.0  # seconds for a command, and for a connection
CONNECTIONS = 16

# Whatever a Redis that cannot be reached, or will not, may be met with.
FAILURES = (RedisError, RedisClusterException, OSError, TimeoutError)

Client = Redis | RedisCluster


class Cluster(RedisCluster):
    """Commands wait for one another, as on one Redis. The library would open ever more connections to a node.

    Nothing is tried twice, since a pipeline would send again what has arrived.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.turns = asyncio.Semaphore(CONNECTIONS)

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        async with asyncio.timeout(PATIENCE), self.turns:
            return await super().execute_command(*args, **options)


def connect(url: str) -> Client:
    """A client whose commands fail after PATIENCE seconds, and wait for one another rather than overflow.

    Only a connection that has died since it was last used is replaced, once: whoever uses Redis here can do
    without it for a while.
    """
    if "+cluster://" in url:
        return Cluster.from_url(
            url.replace("+cluster", "", 1),
            max_connections=CONNECTIONS * 64,  # pipelines take no turns
            socket_timeout=PATIENCE / 2,  # so that one node that hangs leaves time to ask another
            socket_connect_timeout=PATIENCE / 2,
            retry=Retry(NoBackoff(), 0),
            reinitialize_steps=0,  # a slot that moved is looked up anew; no connection is closed for it
            decode_responses=True,
        )
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


async def listen(redis: Client, channel: str) -> PubSub:
    """A connection that may subscribe to this channel, and in a cluster to those that share its slot alone.

    The cluster's own pub/sub would move subscriptions by itself and not say that it lost something.
    """
    if isinstance(redis, Redis):
        return redis.pubsub()
    await redis.initialize()
    node = redis.get_node_from_key(channel)
    assert node, "a cluster that is initialized covers every slot"
    options = {**node.connection_kwargs, "retry": Retry(NoBackoff(), 0)}
    return PubSub(ConnectionPool(node.connection_class, **options))


def name(redis: Client, *parts: object) -> str:
    """The name of a key or channel; the number of the database keeps servers apart that share a Redis."""
    number = redis.connection_pool.connection_kwargs.get("db", 0) if isinstance(redis, Redis) else 0
    return ":".join(["parley", str(number), *map(str, parts)])
