"""Gemini Code Assist, with the OAuth credentials of people and projects that hold a licence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import orjson

from adapters.endpoints import GOOGLE, Endpoints, split_base
from adapters.upstreams.agent import UserAgent
from adapters.upstreams.google import JSON, GoogleUpstream
from adapters.upstreams.history import alternating, instruction
from adapters.upstreams.targets import bare, suffix
from adapters.upstreams.verdicts import TABLE, Table
from pipeline.errors import Refused, Verdict
from pipeline.exchange import Chunk, Exchange, Headers
from pipeline.ports import Call, Clock, Credential, Lease

ALIASES = {"gemini-3.5-flash": "gemini-3-flash"}
"""Public names that Code Assist knows by another. Source: gemini-cli `config/models.ts`."""

# What gemini-cli forwards, and no others: anything else is "Unknown name ... Cannot find field".
_REQUEST_FIELDS = {
    *("contents", "systemInstruction", "cachedContent", "tools", "toolConfig"),
    *("labels", "safetySettings", "generationConfig"),
}
_CONFIG_FIELDS = {
    *("temperature", "topP", "topK", "candidateCount", "maxOutputTokens", "stopSequences", "seed"),
    *("responseLogprobs", "logprobs", "presencePenalty", "frequencyPenalty", "thinkingConfig"),
    *("responseMimeType", "responseSchema", "responseJsonSchema", "responseModalities", "speechConfig"),
    *("routingConfig", "modelSelectionConfig", "mediaResolution", "audioTimestamp"),
}


class Bearer(Protocol):
    """Where access tokens come from; `adapters.oauth.Tokens` is one."""

    async def token(self, credential: Credential) -> str:
        """Return a token that is good now."""

    async def renew(self, credential: Credential) -> bool:
        """Force one refresh; False when there is nothing to refresh."""


class Finder(Protocol):
    """Where a credential's project comes from; `adapters.discovery.Projects` is one."""

    async def find(self, credential: Credential) -> str:
        """Return the project that the credential's account is to name."""


def unwrapped(chunk: Chunk) -> Chunk:
    """Return the answer within an envelope; an answer without one is returned as it is."""
    inner = chunk.get("response")
    if not isinstance(inner, dict):
        return chunk
    if "responseId" not in inner and "traceId" in chunk:
        inner["responseId"] = chunk["traceId"]
    return inner


class CodeAssist(GoogleUpstream):
    """Calls `/v1internal:{method}` with the request in an envelope, and takes answers out of theirs.

    Shape: there are no embeddings here. The project is always sent.
    """

    name = "code_assist"
    transparent = False
    operations = frozenset({"generate", "count_tokens"})
    unwrap = staticmethod(unwrapped)

    def __init__(
        self,
        agent: UserAgent,
        clock: Clock,
        tokens: Bearer,
        projects: Finder,
        endpoints: Endpoints = GOOGLE,
        aliases: Mapping[str, str] = ALIASES,
        *,
        table: Table = TABLE,
    ) -> None:
        super().__init__(agent, clock, table)
        self._tokens = tokens
        self._projects = projects
        self._aliases = aliases
        self._origin, base = split_base(endpoints.code_assist)
        self._targets = {
            (operation, stream): f"{base}/v1internal{suffix(operation, stream)}"
            for operation in self.operations
            for stream in (False, True)
        }

    async def call(self, lease: Lease, x: Exchange, payload: Chunk, stream: bool) -> Call:
        """Build the request; refreshes the token and finds the project first where needed."""
        credential = lease.credential
        token = await self._tokens.token(credential)
        name = bare(x.model)
        model = self._aliases.get(name, name)
        if x.operation == "count_tokens":
            envelope: Chunk = {"request": counted(payload, model)}
        else:
            envelope = {
                "model": model,
                "project": await self._project(lease),
                "user_prompt_id": x.id,
                "request": accepted(payload),
            }
        headers = [JSON, *bearer(token, credential), (b"user-agent", self._agent(model))]
        target = self._targets[x.operation, stream]
        return Call(self._origin, target, headers, orjson.dumps(envelope), stream=stream)

    async def refresh(self, lease: Lease) -> bool:
        """Force one token refresh after a 401."""
        return await self._tokens.renew(lease.credential)

    async def _project(self, lease: Lease) -> str:
        project = lease.project
        if not project or project == "_auto":
            return await self._projects.find(lease.credential)
        if project.isdecimal():
            reason = f"project {project} is a number; Code Assist takes the project's id"
            raise Refused(
                "The proxy's credential names its project by number.",
                verdict=Verdict("unit", "disable", None, reason),
                status=502,
                error_type="provider_auth",
            )
        return project


def bearer(token: str, credential: Credential) -> Headers:
    """Return the headers that carry a token, and who pays where the credential says it."""
    headers = [(b"authorization", b"Bearer " + token.encode())]
    payer = credential.extra.get("quota_project_id")
    if isinstance(payer, str) and payer:
        headers.append((b"x-goog-user-project", payer.encode()))
    return headers


def accepted(payload: Chunk) -> Chunk:
    """Return the request with the fields that Code Assist knows. The payload is left as it is."""
    request = {key: value for key, value in payload.items() if key in _REQUEST_FIELDS}
    if "contents" in request:
        request["contents"] = alternating(request["contents"])
    if "systemInstruction" in request:
        request["systemInstruction"] = instruction(request["systemInstruction"])
    config = request.get("generationConfig")
    if config and not config.keys() <= _CONFIG_FIELDS:
        request["generationConfig"] = {key: value for key, value in config.items() if key in _CONFIG_FIELDS}
    return request


def counted(payload: Chunk, model: str) -> Chunk:
    """Return the request that counts a whole request's tokens.

    Source: this countTokens takes contents only, and refuses parts that are marked as thoughts.
    """
    request = payload.get("generateContentRequest") or payload
    folded: list[Any] = []
    system = request.get("systemInstruction")
    if system and system.get("parts"):
        folded.extend(system["parts"])
    if request.get("tools"):
        folded.append({"text": orjson.dumps(request["tools"]).decode()})
    head = [{"role": "user", "parts": folded}] if folded else []
    return {"model": f"models/{model}", "contents": [*head, *map(_unmarked, request.get("contents") or ())]}


def _unmarked(content: Chunk) -> Chunk:
    parts = content.get("parts") or []
    if not any("thought" in part for part in parts):
        return content
    plain = [{key: value for key, value in part.items() if key != "thought"} for part in parts]
    return {**content, "parts": plain}
