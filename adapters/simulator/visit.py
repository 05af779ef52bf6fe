"""One request on its way through the simulated Google: what it asks for, and who asks.

Source: upstream-wire.md §3.1.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from adapters.simulator.framing import Shape
from adapters.simulator.refusal import Refusal
from adapters.simulator.scenario import Fault
from adapters.simulator.wire import Request
from adapters.simulator.world import Caller, World


class Visit(Struct):
    """A request, the world it comes to, and what its address said.

    Shape: `place` holds the named parts of the path (model, method, project, ...).
    """

    request: Request
    world: World
    place: dict[str, str]
    body: Any = None
    fault: Fault | None = None

    @property
    def shape(self) -> Shape:
        """How the caller wants its answer."""
        stream = self.place.get("method") == "streamGenerateContent"
        sse = stream and self.request.query.get("alt") == "sse"
        return Shape(stream, sse, wrapped=self.request.path.startswith("/v1internal"))

    @property
    def model(self) -> str:
        """The model that is asked for, "" where there is none."""
        return self.place.get("model") or self._said("model").removeprefix("models/")

    @property
    def project(self) -> str:
        """The project that is asked for, "" where there is none."""
        return self.place.get("project") or self._said("project") or self._said("cloudaicompanionProject")

    def _said(self, name: str) -> str:
        value = self.body.get(name) if isinstance(self.body, dict) else None
        return value if isinstance(value, str) else ""

    # credentials

    def caller(self) -> Caller:
        """Who this claims to be, true or not; for faults and for the journal."""
        bearer = _bearer(self.request)
        token = bearer or self.request.headers.get("x-goog-api-key") or self.request.query.get("key", "")
        if self.request.path == "/token":
            token = self.request.form().get("refresh_token", "")
            return Caller(token, self.world.account(token) if token else None)
        return Caller(token, self.world.bearer(bearer) if bearer else None)

    def require_bearer(self) -> Caller:
        """The account behind the access token.

        Errors: `Refusal` 401.
        """
        self._one_carrier()
        token = _bearer(self.request)
        if not token:
            raise Refusal.named("401-missing")
        account = self.world.bearer(token)
        if account is None:
            raise Refusal.named("401")
        return Caller(token, account)

    def require_any(self) -> Caller:
        """The owner of an API key or of an access token.

        Errors: `Refusal` 400 for a bad key, 401 for a bad token, 403 for neither.
        """
        self._one_carrier()
        if _bearer(self.request):
            return self.require_bearer()
        key = self.request.headers.get("x-goog-api-key") or self.request.query.get("key", "")
        if not key:
            raise Refusal.named("403-no-key")
        if not self.world.knows_key(key):
            raise Refusal.named("400-key")
        return Caller(key)

    def _one_carrier(self) -> None:
        headers = self.request.headers
        carriers = ("authorization" in headers, "x-goog-api-key" in headers, "key" in self.request.query)
        if sum(carriers) > 1:
            raise Refusal.named("400-multiple-credentials")


def _bearer(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""
