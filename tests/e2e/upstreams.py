"""The four upstreams, each with a credential of its kind, and what must hold for whatever reached them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from msgspec.structs import replace

from adapters.simulator import Scenario
from adapters.simulator.journal import Entry
from tests.proxy import CODE_ASSIST, KEY, Running, pollux

ROBOT = "robot@test-project-1.example.test"

UPSTREAMS = ("gemini_api", "code_assist", "vertex_express", "vertex")
PUBLIC = tuple(name for name in UPSTREAMS if name != "code_assist")
"""Those that serve every model: Code Assist has neither embeddings nor image models."""

NO_RETRY = {"RETRY_429_ENABLED": "false"}
"""One attempt: what Google said is what the caller sees."""

_NO_CREDENTIAL = {"/token"}
"""Where Google is asked for an access token: what is shown there is in the form."""


@cache
def key_pair() -> tuple[str, str]:
    """A private and a public key (PEM), made once per process."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return private.decode(), public.decode()


def credentials(upstream: str) -> dict[str, Any]:
    """The credential files of a proxy that has only this upstream."""
    if upstream == "code_assist":
        return {"account.json": CODE_ASSIST}
    if upstream == "vertex_express":
        return {"express.json": {"api_key": "test-express-key", "upstream": "vertex"}}
    if upstream == "vertex":
        robot = {
            "type": "service_account",
            "client_email": ROBOT,
            "private_key": key_pair()[0],
            "project_id": "test-project-1",
        }
        return {"robot.json": robot}
    return {}


@asynccontextmanager
async def proxy_to(
    upstream: str, folder: Path, scenario: Scenario | None = None, config: str = "", **variables: str
) -> AsyncIterator[Running]:
    """Serve a proxy whose every credential belongs to this upstream; check at the end what reached it."""
    scenario = scenario or Scenario()
    if upstream == "vertex":
        scenario = replace(scenario, service_accounts={ROBOT: key_pair()[1]})
    keys = "test-key-1,test-key-2,test-key-3" if upstream == "gemini_api" else ""
    files = credentials(upstream)
    async with pollux(folder, scenario=scenario, config=config, credentials=files, keys=keys, **variables) as running:
        yield running
        for entry in running.google.requests:
            assert_one_credential(entry)


def assert_one_credential(entry: Entry) -> None:
    """Exactly one credential carrier reaches Google, and never the caller's key."""
    carriers = [
        entry.headers[name] for name in ("authorization", "x-goog-api-key", "x-api-key") if name in entry.headers
    ]
    carriers += [entry.query[name] for name in ("key", "access_token") if name in entry.query]
    assert len(carriers) == (0 if entry.path in _NO_CREDENTIAL else 1), (entry.path, carriers)
    assert KEY not in json.dumps([entry.path, entry.query, entry.headers, entry.body])


def asked(proxy: Running) -> list[dict[str, Any]]:
    """The GenerateContentRequests that reached Google, in order, without Code Assist's envelope."""
    bodies = [entry.body for entry in proxy.google.requests if "enerateContent" in entry.path]
    return [body.get("request", body) for body in bodies]
