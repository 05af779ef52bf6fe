"""Vertex AI: in express mode with API keys, and in full with service accounts or a user's own credentials."""

from __future__ import annotations

import orjson

from adapters.endpoints import GOOGLE, Endpoints, split_base
from adapters.upstreams.agent import UserAgent
from adapters.upstreams.code_assist import Bearer, bearer
from adapters.upstreams.google import JSON, GoogleUpstream, KeyUpstream
from adapters.upstreams.targets import Targets, bare, segment, suffix
from adapters.upstreams.verdicts import TABLE, Table
from adapters.upstreams.vertex_embeddings import embedded, embedding_request, method_of
from pipeline.errors import Refused, Verdict
from pipeline.exchange import Chunk, Exchange
from pipeline.ports import Call, Clock, Credential, Lease, Origin

DEFAULT_LOCATION = "global"
_MULTI_REGIONS = {"us", "eu"}
_EMBEDDING = {"embed", "batch_embed"}
_NEEDS_PROJECT = "Vertex needs a project: add one to the credential's projects, then enable it"
_COUNTED = frozenset({"contents", "systemInstruction", "tools", "generationConfig"})


class VertexExpress(KeyUpstream):
    """Calls `/v1beta1/publishers/google/models/{model}:{method}` with a key: no project, no location."""

    name = "vertex_express"
    unwrap = staticmethod(embedded)

    def __init__(self, agent: UserAgent, clock: Clock, endpoints: Endpoints = GOOGLE, *, table: Table = TABLE) -> None:
        super().__init__(agent, clock, endpoints.vertex, table)

    def _target(self, place: str, model: str, operation: str, stream: bool) -> str:
        del place
        method = _method(model, operation, stream)
        return f"{self._base}/v1beta1/publishers/google/models/{segment(model)}{method}"

    def _rewritten(self, payload: Chunk, model: str, operation: str) -> Chunk:
        return rewritten(payload, model, operation)


class Vertex(GoogleUpstream):
    """Calls `/v1/projects/{project}/locations/{location}/publishers/google/models/{model}:{method}`.

    Shape: the location is the credential's, else the default given here; `global`, `us` and `eu` have hosts
        of their own kind. A base URL that is not Google's is used for every location.
    """

    name = "vertex"
    transparent = True
    unwrap = staticmethod(embedded)

    def __init__(
        self,
        agent: UserAgent,
        clock: Clock,
        tokens: Bearer,
        endpoints: Endpoints = GOOGLE,
        location: str = DEFAULT_LOCATION,
        *,
        table: Table = TABLE,
    ) -> None:
        super().__init__(agent, clock, table)
        self._tokens = tokens
        self._location = location
        self._endpoint = endpoints.vertex
        self._origins: dict[str, Origin] = {}
        self._base = split_base(endpoints.vertex)[1]
        self._targets = Targets(self._target)

    async def call(self, lease: Lease, x: Exchange, payload: Chunk, stream: bool) -> Call:
        """Build the request; refreshes the token first where needed."""
        credential = lease.credential
        place = f"projects/{segment(_project(lease))}/locations/{segment(self._location_of(credential))}"
        token = await self._tokens.token(credential)
        model = bare(x.model)
        headers = [JSON, *bearer(token, credential), (b"user-agent", self._agent(model))]
        body = orjson.dumps(rewritten(payload, model, x.operation))
        target = self._targets.of(model, x.operation, stream, place)
        return Call(self._origin_of(credential), target, headers, body, stream=stream)

    async def refresh(self, lease: Lease) -> bool:
        """Force one new token after a 401."""
        return await self._tokens.renew(lease.credential)

    def _location_of(self, credential: Credential) -> str:
        return credential.location or self._location

    def _origin_of(self, credential: Credential) -> Origin:
        location = self._location_of(credential)
        origin = self._origins.get(location)
        if origin is None:
            base = self._endpoint if self._endpoint != GOOGLE.vertex else regional_base(location)
            origin = self._origins[location] = split_base(base)[0]
        return origin

    def _target(self, place: str, model: str, operation: str, stream: bool) -> str:
        method = _method(model, operation, stream)
        return f"{self._base}/v1/{place}/publishers/google/models/{segment(model)}{method}"


def regional_base(location: str) -> str:
    """Return the base URL of a Vertex location."""
    if location == "global":
        return GOOGLE.vertex
    if location in _MULTI_REGIONS:
        return f"https://aiplatform.{location}.rep.googleapis.com"
    return f"https://{location}-aiplatform.googleapis.com"


def rewritten(payload: Chunk, model: str, operation: str) -> Chunk:
    """Return the payload in Vertex's form: every turn names its role, the model is in the path only.

    Source: its CountTokensRequest has the fields that count at top level, and refuses all others.
    """
    if operation in _EMBEDDING:
        return embedding_request(payload, model, operation)
    request = payload
    if operation == "count_tokens":
        whole = payload.get("generateContentRequest") or payload
        request = {key: value for key, value in whole.items() if key in _COUNTED}
    contents = request.get("contents") or []
    if "model" not in request and all("role" in content for content in contents):
        return request
    named = [content if "role" in content else {**content, "role": "user"} for content in contents]
    return {**{key: value for key, value in request.items() if key != "model"}, "contents": named}


def _method(model: str, operation: str, stream: bool) -> str:
    return f":{method_of(model)}" if operation in _EMBEDDING else suffix(operation, stream)


def _project(lease: Lease) -> str:
    """Return the project that is called. Errors: Refused when neither lease nor credential names one."""
    credential = lease.credential
    account = credential.service_account or {}
    for project in (lease.project, account.get("project_id"), credential.extra.get("quota_project_id")):
        if isinstance(project, str) and project and project != "_auto":
            return project
    raise Refused(
        "The proxy's credential names no project to call.",
        verdict=Verdict("unit", "disable", None, _NEEDS_PROJECT),
        status=502,
        error_type="provider_auth",
    )
