"""Thought signatures: minted so that they can be checked later without remembering them."""

from __future__ import annotations

import base64
import hashlib
import hmac

from adapters.simulator.fields import decode_base64

# Not a secret: it only has to be the same in every process and after every restart.
_KEY = b"pollux simulator thought signatures"
_SALT_BYTES = 8
_MAC_BYTES = 64

DUMMIES = frozenset({"skip_thought_signature_validator", "context_engineering_is_the_way_to_go"})
_DUMMY_BYTES = {text.encode() for text in DUMMIES}


def mint(model: str, function: str, salt: str) -> str:
    """A signature that is good for this model and this function only ("" for text).

    Shape: standard base64 of protobuf field 2 > field 1 > payload beginning with 0x01, as real ones are.
    """
    grain = hashlib.sha256(salt.encode()).digest()[:_SALT_BYTES]
    payload = b"\x01" + grain + _mac(model, function, grain)
    inner = b"\x0a" + bytes([len(payload)]) + payload
    return base64.b64encode(b"\x12" + bytes([len(inner)]) + inner).decode()


def is_dummy(signature: str) -> bool:
    """Whether this is one of the documented bypasses, raw or base64 encoded."""
    return signature in DUMMIES or decode_base64(signature) in _DUMMY_BYTES


def is_genuine(signature: str, model: str, function: str) -> bool:
    """Whether this simulator minted the signature for the model and the function."""
    raw = decode_base64(signature) or b""
    payload = raw[4:]
    grain, mac = payload[1 : 1 + _SALT_BYTES], payload[1 + _SALT_BYTES :]
    return raw[:1] == b"\x12" and hmac.compare_digest(mac, _mac(model, function, grain))


def _mac(model: str, function: str, grain: bytes) -> bytes:
    return hmac.new(_KEY, b"\0".join((model.encode(), function.encode(), grain)), hashlib.sha512).digest()
