"""What a URL of Redis says about TLS is done, and what it does not say is safe."""

from __future__ import annotations

import ssl

import pytest
from redis.asyncio import Redis
from redis.asyncio.connection import SSLConnection

from stores.redis_urls import client


@pytest.mark.parametrize(
    ("query", "mode"), [("", ssl.CERT_REQUIRED), ("?ssl_cert_reqs=none&ssl_check_hostname=false", ssl.CERT_NONE)]
)
@pytest.mark.parametrize("url", ["rediss://cache.example:6380/1", "rediss+sentinel://cache.example/mymaster/1"])
def test_certificates_are_verified_unless_the_url_says_otherwise(url: str, query: str, mode: ssl.VerifyMode) -> None:
    """Seed #16."""
    redis, _ = client(url + query, "")
    assert isinstance(redis, Redis)
    connection = redis.connection_pool.make_connection()
    assert isinstance(connection, SSLConnection)
    context = connection.ssl_context.get()
    assert (context.verify_mode, context.check_hostname) == (mode, mode is ssl.CERT_REQUIRED)
