"""An exchange that has come to its end, as metrics and logs see it."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any, cast

from pipeline.exchange import Caller, Exchange, Reply, Request
from pipeline.ports import Credential, Dialect, Lease


def ended(**fields: Any) -> Exchange:
    """A complete stream of half a second, its first event after a quarter, unless the fields say otherwise."""
    started = time.monotonic() - 0.5
    credential = Credential(id="made-up-1", kind="gemini_api", api_key="test-key-1")
    x = Exchange(
        id="req-1",
        request=Request("POST", "/v1/chat/completions", [], query_string=b"key=test-key-2"),
        dialect=cast("Dialect", SimpleNamespace(name="openai_chat")),
        started=started,
        model="gemini-2.5-flash",
        stream=True,
        caller=Caller("default"),
        lease=cast("Lease", SimpleNamespace(credential=credential)),
        reply=Reply(),
        usage={"promptTokenCount": 10, "candidatesTokenCount": 5, "thoughtsTokenCount": 3},
        finish={0: "STOP"},
        attempts=2,
        first_byte=started + 0.25,
    )
    for name, value in fields.items():
        setattr(x, name, value)
    return x
