"""The models that are really served: what Google lists, and what is known of those that list nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from itertools import islice
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import orjson
import structlog
from msgspec import Struct

from adapters.endpoints import GOOGLE, Endpoints
from adapters.families import FAMILIES
from pipeline.errors import Broken, UpstreamError

if TYPE_CHECKING:
    from adapters.egress import Egress
    from pipeline.exchange import Chunk
    from pipeline.ports import Clock, Credential

FRESH = 3600.0
"""How long a list is good, in seconds."""

_PAUSE = 60.0  # between attempts while Google does not answer
_PATIENCE = 5.0  # what a first caller waits for Google's list
_KEYS = 3
_PAGES = 20
_SERVED = {"generateContent", "embedContent", "batchEmbedContents"}

log = structlog.get_logger(__name__)


class ModelEntry(Struct, frozen=True):
    """What an operator says of models, by glob of their names; "" and 0 leave it as it is. Units: tokens."""

    name: str
    display_name: str = ""
    input_limit: int = 0
    output_limit: int = 0

    def applied(self, listed: Chunk) -> Chunk:
        """Return a listed model with what is said here in place of what Google says."""
        said = {
            "displayName": self.display_name,
            "inputTokenLimit": self.input_limit,
            "outputTokenLimit": self.output_limit,
        }
        return {**listed, **{field: value for field, value in said.items() if value}}


class GoogleCatalogue:
    """Lists models in Gemini's form: live ones through an API key, others from the table of families.

    Shape: `credentials` gives those there are; of `entries` the first that fits a model counts; `aliases` are other
        names of models, listed with them. The live list is fetched by the first who asks and renewed in the background;
        when Google does not answer, the last list serves, or the table.
    """

    def __init__(
        self,
        egress: Egress,
        clock: Clock,
        credentials: Callable[[], Iterable[Credential]],
        endpoints: Endpoints = GOOGLE,
        entries: Sequence[ModelEntry] = (),
    ) -> None:
        self._egress = egress
        self._clock = clock
        self._credentials = credentials
        self.entries = entries
        self.aliases: Mapping[str, str] = {}
        self._url = f"{endpoints.gemini_api}/v1beta/models?pageSize=1000"
        self._live: list[Chunk] | None = None
        self._due = float("-inf")
        self._flight: asyncio.Task[None] | None = None

    async def models(self) -> list[Chunk]:
        """Return the models that the credentials present can serve, by name."""
        served = {listed["name"]: listed for listed in await self._served()}
        for alias, model in self.aliases.items():
            if f"models/{model}" in served:
                served.setdefault(f"models/{alias}", {**served[f"models/{model}"], "name": f"models/{alias}"})
        return [self._entered(served[name]) for name in sorted(served)]

    async def _served(self) -> list[Chunk]:
        credentials = [credential for credential in self._credentials() if not credential.disabled]
        kinds = {credential.kind for credential in credentials}
        keys = [credential for credential in credentials if credential.kind == "gemini_api"]
        if not keys:
            return merged(kinds, None)
        if self._clock.tick() >= self._due and self._flight is None:
            self._flight = asyncio.create_task(self._renew(keys))
        if self._live is None and self._flight is not None:
            await asyncio.wait([self._flight], timeout=_PATIENCE)
        return merged(kinds, self._live)

    async def close(self) -> None:
        """Give up what is under way."""
        if self._flight is not None:
            self._flight.cancel()
            await asyncio.wait([self._flight])

    def _entered(self, listed: Chunk) -> Chunk:
        name = listed["name"].removeprefix("models/")
        entry = next((entry for entry in self.entries if fnmatchcase(name, entry.name)), None)
        return entry.applied(listed) if entry else listed

    async def _renew(self, keys: list[Credential]) -> None:
        self._due = self._clock.tick() + _PAUSE
        try:
            for credential in islice(keys, _KEYS):
                try:
                    self._live = await self._list(credential)
                except UpstreamError as exc:
                    log.warning("models_not_listed", credential=credential.id, error=str(exc))
                else:
                    self._due = self._clock.tick() + FRESH
                    return
        finally:
            self._flight = None

    async def _list(self, credential: Credential) -> list[Chunk]:
        headers = [(b"x-goog-api-key", credential.api_key.encode())]
        listed: list[Chunk] = []
        url = self._url
        for _ in range(_PAGES):
            fetched = await self._egress.fetch("GET", url, headers)
            page = _page(fetched.status, fetched.body)
            models = page.get("models")
            listed.extend(filter(_is_served, models if isinstance(models, list) else ()))
            token = page.get("nextPageToken")
            if not token or not isinstance(token, str):
                break
            url = f"{self._url}&pageToken={quote(token, safe='')}"
        return listed


def merged(kinds: set[str], live: list[Chunk] | None) -> list[Chunk]:
    """Return the live list, and of the table what those kinds serve that no live list speaks for."""
    spoken_for = {"gemini_api"} if live is not None else set()
    models = {entry["name"]: entry for entry in live or ()}
    for family in FAMILIES:
        if family.kinds & (kinds - spoken_for):
            models.setdefault(f"models/{family.name}", family.entry())
    return [models[name] for name in sorted(models)]


def _page(status: int, body: bytes) -> Chunk:
    """Return one page. Errors: Broken; whatever is wrong with this key, another one may list."""
    try:
        page: Any = orjson.loads(body) if status == 200 else None
    except orjson.JSONDecodeError:
        page = None
    if not isinstance(page, dict):
        raise Broken(f"Google answered {status} when asked for its models.")
    return page


def _is_served(model: Any) -> bool:
    """Whether an entry is one of a model that can be asked here; what is no entry at all is not."""
    if not isinstance(model, dict) or not isinstance(model.get("name"), str):
        return False
    methods = model.get("supportedGenerationMethods")
    return isinstance(methods, list) and any(method in _SERVED for method in methods if isinstance(method, str))
