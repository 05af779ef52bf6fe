"""An error as Google words it, and the shapes in which each face sends it."""

from __future__ import annotations

from typing import Any, Literal

from adapters.simulator.details import error, field_violations
from adapters.simulator.fixtures import FIXTURES, fill
from adapters.simulator.reply import HTML, Reply, json_reply

Envelope = Literal["public", "array", "code_assist", "code_assist_array"]

_LEGACY_REASON = {400: "badRequest", 403: "forbidden", 429: "rateLimitExceeded", 404: "notFound"}


class Refusal(Exception):
    """A request that Google would not serve."""

    def __init__(self, status: int, body: dict[str, Any] | str) -> None:
        super().__init__(f"{status} {body}")
        self.status = status
        self.body = body

    @classmethod
    def named(cls, name: str, model: str = "", project: str = "") -> Refusal:
        """One of the recorded errors, about this model and project."""
        status, body = FIXTURES[name]
        return cls(status, fill(body, model, project))

    @classmethod
    def invalid(cls, message: str, fields: list[tuple[str, str]] | None = None) -> Refusal:
        """400 INVALID_ARGUMENT, with the fields at fault where Google names them."""
        details = [field_violations(fields)] if fields else []
        return cls(*error(400, "INVALID_ARGUMENT", message, *details))

    def reply(self, envelope: Envelope = "public") -> Reply:
        """The HTTP answer, in the envelope of the face that was called."""
        if isinstance(self.body, str):
            return Reply(self.status, [HTML], [self.body.encode()])
        return json_reply(self.wrapped(envelope), self.status)

    def wrapped(self, envelope: Envelope = "public") -> Any:
        """The JSON body in an envelope.

        Source: upstream-wire.md §4.1: streams without alt=sse and Code Assist streams send an array, Code
        Assist adds the legacy list.
        """
        if isinstance(self.body, str):
            return self.body
        body: dict[str, Any] = self.body
        error = body.get("error")
        if envelope.startswith("code_assist") and isinstance(error, dict):
            body = {"error": {**error, "errors": [_legacy(error)]}}
        return [body] if envelope.endswith("array") else body


def _legacy(error: dict[str, Any]) -> dict[str, str]:
    reason = _LEGACY_REASON.get(error["code"], "backendError")
    return {"message": error["message"], "domain": "global", "reason": reason}
