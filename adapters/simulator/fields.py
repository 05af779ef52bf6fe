"""Reading a request as Google's JSON parser does: both casings, strict names, the real 400 texts."""

from __future__ import annotations

import base64
import binascii
from typing import Any

import orjson

from adapters.simulator.messages import CATALOGUES, SPELLINGS, Face, Fields, snake
from adapters.simulator.refusal import Refusal

_ENUM_TYPE = "type.googleapis.com/google.ai.generativelanguage.v1beta."
_TYPES: dict[str, tuple[str, tuple[type, ...]]] = {
    "string": ("TYPE_STRING", (str,)),
    "bool": ("TYPE_BOOL", (bool,)),
    "int": ("TYPE_INT32", (int, float)),
    "float": ("TYPE_FLOAT", (int, float)),
}
_WORDS_AS_NUMBERS = {"int": int, "float": float}


def read(raw: bytes, message: str, face: Face) -> dict[str, Any]:
    """The request in camelCase, null fields gone, everything inside schemas and arguments untouched.

    Errors: `Refusal` 400 with one line and one field violation per field at fault.
    """
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError as exc:
        raise Refusal.invalid(f"Invalid JSON payload received. {exc}") from exc
    reader = _Reader(CATALOGUES[face])
    clean = reader.message(body, message, "")
    if reader.violations:
        raise Refusal.invalid("\n".join(text for _, text in reader.violations), reader.violations)
    assert isinstance(clean, dict)
    return clean


def decode_base64(text: str) -> bytes | None:
    """Bytes of either base64 alphabet, padded or not; None when it is neither."""
    plain = text.replace("-", "+").replace("_", "/").rstrip("=")
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except binascii.Error:
        return None


class _Reader:
    def __init__(self, messages: dict[str, Fields]) -> None:
        self._messages = messages
        self.violations: list[tuple[str, str]] = []

    def message(self, value: Any, name: str, path: str) -> Any:
        if not isinstance(value, dict):
            return self._wrong(path, f"{_ENUM_TYPE}{name}", value)
        fields, clean = self._messages[name], {}
        for key, member in value.items():
            field = SPELLINGS.get(key, key)
            if field not in fields:
                self._unknown(key, path)
            elif member is not None:
                clean[field] = self._field(member, fields[field], f"{path}.{snake(field)}".lstrip("."))
        return clean

    def _field(self, value: Any, kind: str, path: str) -> Any:
        if kind.startswith("*"):
            # proto3 JSON of hand-written clients: one object where a list belongs is taken as a list of one.
            items = value if isinstance(value, list) else [value]
            return [self._one(item, kind[1:], f"{path}[{number}]") for number, item in enumerate(items)]
        if isinstance(value, list) and kind != "Value":
            return self._violation(
                path,
                f"Invalid value at '{path}' ({path.rpartition('.')[2]}), Proto field is not repeating,"
                " cannot start list.",
            )
        return self._one(value, kind, path)

    def _one(self, value: Any, kind: str, path: str) -> Any:
        if kind == "Value":
            return value
        if kind == "Struct":
            good = isinstance(value, dict)
            return value if good else self._wrong(path, "type.googleapis.com/google.protobuf.Struct", value)
        if kind.startswith("map<"):
            return self._map(value, kind[4:-1], path)
        if kind.startswith("="):
            return self._word(value, kind[1:].split("|"), path)
        if kind == "bytes":
            return self._bytes(value, path)
        return self._scalar(value, kind, path) if kind in _TYPES else self.message(value, kind, path)

    def _map(self, value: Any, kind: str, path: str) -> Any:
        if not isinstance(value, dict):
            return self._wrong(path, "Map", value)
        entries = enumerate(value.items())
        return {key: self.message(member, kind, f"{path}[{number}].value") for number, (key, member) in entries}

    def _word(self, value: Any, words: list[str], path: str) -> Any:
        word = value.upper() if isinstance(value, str) and path.endswith(".type") else value
        return word if word in words else self._wrong(path, _ENUM_TYPE + path.rpartition(".")[2], value)

    def _bytes(self, value: Any, path: str) -> Any:
        if not isinstance(value, str):
            return self._wrong(path, "TYPE_BYTES", value)
        if decode_base64(value) is None:
            text = f"Invalid value at '{path}' (TYPE_BYTES), Base64 decoding failed for {_quoted(value)}"
            return self._violation(path, text)
        return value

    def _scalar(self, value: Any, kind: str, path: str) -> Any:
        name, types = _TYPES[kind]
        if isinstance(value, str) and kind in _WORDS_AS_NUMBERS:
            try:
                return _WORDS_AS_NUMBERS[kind](value)
            except ValueError:
                return self._wrong(path, name, value)
        fits = isinstance(value, types) and (kind == "bool") == isinstance(value, bool)
        if not fits or (kind == "int" and value != int(value)):
            return self._wrong(path, name, value)
        return int(value) if kind == "int" else value

    def _unknown(self, key: str, path: str) -> None:
        place = f" at '{path}'" if path else ""
        text = f'Invalid JSON payload received. Unknown name "{key}"{place}: Cannot find field.'
        self._violation(path, text)

    def _wrong(self, path: str, name: str, value: Any) -> None:
        self._violation(path, f"Invalid value at '{path}' ({name}), {_quoted(value)}")

    def _violation(self, path: str, text: str) -> None:
        self.violations.append((path, text))


def _quoted(value: Any) -> str:
    text = orjson.dumps(value).decode()
    return text if len(text) <= 200 else text[:200] + '..."'
