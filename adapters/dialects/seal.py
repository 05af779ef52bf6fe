"""A thought signature in a protocol that has a place for opaque reasoning, but not for Google's.

The envelope says whose it is and which part it belongs to, so that a signature of another vendor, from a
conversation that began elsewhere, is known for what it is and never sent to Google.
"""

from __future__ import annotations

import binascii
from base64 import b64decode, b64encode
from typing import Any

import msgspec
import orjson
from msgspec import Struct

VERSION = 1


class Seal(Struct):
    """A signature and the kind of part it stood on: `call` or `text`."""

    sig: str
    on: str = "call"
    v: int = VERSION


def sealed(part: dict[str, Any]) -> str:
    """Return the envelope for a signed part's signature."""
    seal = Seal(part["thoughtSignature"], "call" if "functionCall" in part else "text")
    return b64encode(orjson.dumps({"v": seal.v, "sig": seal.sig, "on": seal.on})).decode()


def opened(envelope: str | None) -> Seal | None:
    """Return what an envelope holds; None when it is not one of ours."""
    if not envelope:
        return None
    try:
        seal = msgspec.json.decode(b64decode(envelope, validate=True), type=Seal)
    except (binascii.Error, ValueError):  # msgspec's errors are ValueErrors
        return None
    return seal if seal.v == VERSION and seal.on in {"call", "text"} else None
