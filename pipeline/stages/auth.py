"""Stage `auth`: who is calling."""

from pipeline.errors import Unauthorized
from pipeline.exchange import Exchange, Request
from pipeline.ports import Ports
from pipeline.stage import Stage, StageConfig

_CARRIERS = (b"x-goog-api-key", b"x-api-key")


class Auth(StageConfig, frozen=True):
    """Accept a caller by its key.

    The key may come as `Authorization: Bearer`, `x-goog-api-key`, `x-api-key` or `?key=`. A missing or wrong one is
    refused with 401 in the caller's dialect.

    Errors: Unauthorized.
    """

    name = "auth"
    needs = frozenset({"request"})
    gives = frozenset({"caller"})

    def build(self, ports: Ports) -> Stage:
        find = ports.keys.caller

        async def auth(x: Exchange) -> None:
            secret = key_of(x.request)
            if not secret:
                raise Unauthorized(
                    "No API key was sent. Send it as 'Authorization: Bearer KEY', 'x-goog-api-key' or 'x-api-key'."
                )
            x.caller = find(secret)
            if x.caller is None:
                raise Unauthorized("Incorrect API key provided.")

        return auth


def key_of(request: Request) -> str:
    """Return the key a request carries, in whichever of the accepted places."""
    for name, value in request.headers:
        if name == b"authorization":
            scheme, _, secret = value.decode("latin-1").partition(" ")
            if scheme.lower() == "bearer" and secret.strip():
                return secret.strip()
        elif name in _CARRIERS and value:
            return value.decode("latin-1").strip()
    return request.query.get("key", "") if request.query_string else ""
