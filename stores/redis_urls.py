"""A Redis client from a URL: one server, sentinels or a cluster, with or without TLS.

Source: redis-py's URLs; for several hosts, what other clients write: redis+sentinel://host,host/master/database.
"""

from typing import Any, TypeAlias
from urllib.parse import SplitResult, urlsplit, urlunsplit

from redis.asyncio import Redis, RedisCluster, Sentinel
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.connection import parse_url
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from pipeline.errors import StoreError

Client: TypeAlias = "Redis | RedisCluster"

_PORT, _SENTINEL_PORT = 6379, 26379
_TIMEOUT = 5.0


def client(url: str, database: str) -> tuple[Client, list[Redis]]:
    """Return a client that connects when it is used; certificates are verified unless the URL says otherwise.

    Shape: the second are the clients of its sentinels, which are to be closed with it.
    Errors: StoreError when the URL says nothing that can be understood.
    """
    parts = urlsplit(url)
    try:
        if parts.scheme.endswith("+sentinel"):
            return _sentinel(parts, database)
        if parts.scheme.endswith("+cluster"):
            return _cluster(parts), []
        path = f"/{int(database)}" if database else parts.path
        return Redis.from_url(urlunsplit(parts._replace(path=path)), **_options()), []
    except ValueError as exc:
        raise StoreError(f"storage.url is no Redis URL that can be used: {exc}") from exc


def _options() -> dict[str, Any]:
    # One more try at once: a connection of the pool may be from before the server was restarted.
    once_more = Retry(NoBackoff(), 1)
    return {
        "socket_timeout": _TIMEOUT,
        "socket_connect_timeout": _TIMEOUT,
        "health_check_interval": 15,
        "retry": once_more,
    }


def _sentinel(parts: SplitResult, database: str) -> tuple[Redis, list[Redis]]:
    master, _, number = parts.path.strip("/").partition("/")
    if not master:
        raise ValueError("name the master: redis+sentinel://host:26379/mymaster")
    options = _given(parts)
    password = options.pop("sentinel_password", None)
    tls = {name: value for name, value in options.items() if name.startswith("ssl")}
    sentinels = Sentinel(  # type: ignore[no-untyped-call]  # redis-py forgot its annotation
        _hosts(parts, _SENTINEL_PORT),
        sentinel_kwargs={**_options(), **tls, "password": password},
        **_options(),
        **options,
        db=int(database or number or 0),
    )
    return sentinels.master_for(master), list(sentinels.sentinels)


def _cluster(parts: SplitResult) -> RedisCluster:
    nodes = [ClusterNode(host, port) for host, port in _hosts(parts, _PORT)]
    return RedisCluster(startup_nodes=nodes, **{**_options(), "retry": None}, **_given(parts))


def _given(parts: SplitResult) -> dict[str, Any]:
    """Return what the URL says besides hosts and path, as redis-py reads it."""
    user, at, _ = parts.netloc.rpartition("@")
    options: dict[str, Any] = dict(parse_url(f"redis://{user}{at}_/?{parts.query}"))
    del options["host"]
    return {**options, "ssl": True} if parts.scheme.startswith("rediss") else options


def _hosts(parts: SplitResult, port: int) -> list[tuple[str, int]]:
    """Return hosts and ports, which commas separate. Errors: ValueError."""
    found = []
    for each in parts.netloc.rpartition("@")[2].split(","):
        one = urlsplit(f"//{each}")
        if not one.hostname:
            raise ValueError("a host is missing")
        found.append((one.hostname, one.port or port))
    return found
