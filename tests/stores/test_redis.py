"""Redis behind sentinels, in a cluster and over TLS: the same promises."""

import asyncio
import datetime as dt
import ssl

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from pipeline.errors import StoreError
from pipeline.ports import Account
from pollux.settings import Storage
from pollux.storage import opened
from tests.stores.servers import Process, RedisServer
from tests.stores.wire import Wire


@pytest.fixture
def redis():
    server = RedisServer()
    server.start()
    yield server
    server.remove()


@pytest.fixture
def cluster():
    server = RedisServer("--cluster-enabled", "yes")
    server.start()
    yield server
    server.remove()


async def asked(port, command, answer):
    """Send a command until the server answers so."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    found = b""
    async with asyncio.timeout(10):
        while answer not in found:
            writer.write(command + b"\r\n")
            found = await reader.read(4096)
    writer.close()
    await writer.wait_closed()


async def promises(url):
    """Try what has to work everywhere, as two processes."""
    mine, other = await opened(Storage(url=url)), await opened(Storage(url=url))
    told = asyncio.Event()
    other.watch("kind", told.set)
    mine.put("kind", "a", {"b": 1})
    mine.count("usage", "a", {"calls": 1})
    other.count("usage", "a", {"calls": 2})
    await asyncio.gather(mine.flush(), other.flush())
    await asyncio.wait_for(told.wait(), 1)
    assert await other.load("kind") == {"a": {"b": 1}}
    assert await mine.counts("usage") == {"a": {"calls": 3}}
    grants = await asyncio.gather(*(store.take("a", "h", 2, 5) for store in (mine, other) * 2))
    assert sum(grants) == 5
    await mine.settle("a", "h", 3, 1)
    assert await other.accounts("a") == {"a": Account(3, {"h": 1})}
    assert await mine.claim("c", "one", 60)
    assert not await other.claim("c", "two", 60)
    await mine.close()
    await other.close()


async def test_cluster_keeps_the_promises(cluster):
    for first in (0, 8192):  # a line may be 64 KiB long
        slots = b" ".join(b"%d" % slot for slot in range(first, first + 8192))
        await asked(cluster.port, b"CLUSTER ADDSLOTS " + slots, b"OK")
    await asked(cluster.port, b"CLUSTER INFO", b"cluster_state:ok")
    await promises(f"redis+cluster://127.0.0.1:{cluster.port},127.0.0.1:1")


async def test_sentinels_lead_to_the_master(redis):
    def command(directory, port):
        (directory / "sentinel.conf").write_text(f"port {port}\nsentinel monitor main 127.0.0.1 {redis.port} 1\n")
        return [redis._command[0], str(directory / "sentinel.conf"), "--sentinel"]

    sentinel = Process(command)
    sentinel.start()
    try:
        await promises(f"redis+sentinel://127.0.0.1:{sentinel.port}/main/3")
        with pytest.raises(StoreError, match="cannot be used"):
            await opened(Storage(url=f"redis+sentinel://127.0.0.1:{sentinel.port}/nobody"))
    finally:
        sentinel.remove()


@pytest.fixture
async def tls(redis, tmp_path):
    """The server behind TLS, with a certificate of an authority that nobody knows. Yields port and authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem, secret = tmp_path / "certificate.pem", tmp_path / "key.pem"
    pem.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    secret.write_bytes(key.private_bytes(serialization.Encoding.PEM, *private))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, secret)

    wire = await Wire(redis.port, context).open()
    yield wire.port, pem
    await wire.cut()


async def test_certificate_is_verified_unless_the_url_says_otherwise(tls):
    port, authority = tls
    for url in (f"rediss://localhost:{port}/0", f"rediss://127.0.0.1:{port}/0?ssl_ca_certs={authority}"):
        with pytest.raises(StoreError, match="certificate verify failed"):
            await opened(Storage(url=url))
    await promises(f"rediss://localhost:{port}/0?ssl_ca_certs={authority}")


async def test_number_of_the_database_is_the_settings_before_the_urls(redis):
    url = f"redis://127.0.0.1:{redis.port}"
    one, two = await opened(Storage(url=f"{url}/1", database="2")), await opened(Storage(url=f"{url}/2"))
    one.put("kind", "a", {})
    await one.flush()
    assert await two.load("kind") == {"a": {}}
    await one.close()
    await two.close()


@pytest.mark.parametrize(
    ("url", "database"),
    [("redis+sentinel://host:1", ""), ("redis+cluster://:1", ""), ("redis://host:1/x", ""), ("redis://host", "main")],
)
async def test_url_that_means_nothing_is_an_error(url, database):
    with pytest.raises(StoreError, match=r"storage\.url|cannot be used"):
        await opened(Storage(url=url, database=database))
