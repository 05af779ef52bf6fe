"""The body of a request to the admin API: never longer, and never slower, than allowed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import msgspec

from adapters.admin.operation import Refusal

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

MAX_JSON = 8 * 1024 * 1024
MAX_UPLOAD = 64 * 1024 * 1024
_SECONDS = 60.0


def limited(receive: Callable[[], Awaitable[MutableMapping[str, Any]]], most: int) -> Callable[[], Awaitable[Any]]:
    """Return a `receive` that refuses bodies that are too long or take too long. Errors: Refusal (408, 413)."""
    got = 0
    deadline = asyncio.get_running_loop().time() + _SECONDS

    async def receiving() -> MutableMapping[str, Any]:
        nonlocal got
        try:
            async with asyncio.timeout_at(deadline):
                message = await receive()
                got += len(message.get("body", b""))
                # Most clients hear no answer before they have sent everything: the rest is read and dropped.
                while got > most and message.get("more_body"):
                    message = await receive()
        except TimeoutError as exc:
            raise Refusal(408, "too_slow", f"The body took more than {_SECONDS:g} seconds.") from exc
        if got > most:
            raise Refusal(413, "too_large", f"The body is longer than {most} bytes.")
        return message

    return receiving


def decoded(body: bytes, kind: Any) -> Any:
    """Read a JSON document, whatever its content type says. Errors: Refusal (400, 422) that names the field."""
    try:
        return msgspec.json.decode(body or b"{}", type=kind)
    except msgspec.ValidationError as exc:
        raise invalid(exc) from exc
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as exc:
        raise Refusal(400, "malformed", f"The body is not JSON: {exc}") from exc


def invalid(exc: msgspec.ValidationError) -> Refusal:
    """Return the refusal of a document of the wrong shape."""
    message, _, place = str(exc).partition(" - at `$")
    return Refusal(422, "invalid", message.replace("`", "'"), field=place.rstrip("`").lstrip("."))
