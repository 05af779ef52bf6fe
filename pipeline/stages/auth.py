"""Stage `auth`: who is calling."""

from pipeline.errors import Forbidden, NoKey, Unauthorized
from pipeline.exchange import Exchange, Request
from pipeline.ports import Ports
from pipeline.stage import Stage, StageConfig

_CARRIERS = (b"x-goog-api-key", b"x-api-key")


class Auth(StageConfig, frozen=True):
    """Accept a caller by its key: the API password, or a key made by `pollux keys create`.

    The key may come as `Authorization: Bearer`, `x-goog-api-key`, `x-api-key` or `?key=`. A missing or wrong one is
    refused with 401 in the caller's dialect, one that is disabled or has expired with 403.

    Errors: Unauthorized, Forbidden.
    """

    name = "auth"
    needs = frozenset({"request"})
    gives = frozenset({"caller"})

    def build(self, ports: Ports) -> Stage:
        find, now = ports.keys.caller, ports.clock.now

        async def auth(x: Exchange) -> None:
            secret = key_of(x.request)
            if not secret:
                raise NoKey(
                    "No API key was sent. Send it as 'Authorization: Bearer KEY', 'x-goog-api-key' or 'x-api-key'."
                )
            x.caller = find(secret)
            if x.caller is None:
                raise Unauthorized("Incorrect API key provided.")
            key = x.caller.key
            if key is not None and not key.enabled:
                raise Forbidden("This API key is disabled.", error_type="caller_auth")
            if key is not None and 0 < key.expires <= now():
                raise Forbidden("This API key has expired.", error_type="caller_auth")

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
