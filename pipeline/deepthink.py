"""What deep thinking asks the model in its rounds, and how it reads what comes back."""

from __future__ import annotations

import json
from typing import Any, Literal

import msgspec
from msgspec import Struct

from pipeline.sources import parts_of, text_of

Chunk = dict[str, Any]

Action = Literal["search", "compute", "analyse", "finish"]

_SCHEMA = {
    "type": "object",
    "properties": {
        "action": {"type": "string", "enum": ["search", "compute", "analyse", "finish"]},
        "task": {"type": "string", "description": "What to do, in one or two sentences that stand by themselves."},
    },
    "required": ["action", "task"],
}

_PLAN = (
    "You prepare the answer to the conversation; you do not answer it yet. Decide on the one step that helps most: "
    "`search` to find facts on the web, `compute` to calculate with code, `analyse` to reason a part of the problem "
    "through, or `finish` when what is known is enough for an excellent answer. Do not repeat a step."
)
_STEPS = {
    "search": "Find this out with Google Search and report what you found, with figures and dates",
    "compute": "Work this out by running code, and report the result",
    "analyse": "Reason this through, check it for mistakes, and report what follows",
}
_STEP = "You prepare the answer to the conversation; you do not answer it yet. {}: {}"
_ANSWER = "Answer the conversation. Use what was found out beforehand; do not mention that it was prepared."
_TOOLS: dict[str, Chunk] = {"search": {"googleSearch": {}}, "compute": {"codeExecution": {}}}
_KEPT = ("contents", "safetySettings")


class Plan(Struct, frozen=True):
    """The next step; `finish` when there is none."""

    action: Action = "finish"
    task: str = ""


class Finding(Struct, frozen=True):
    """A step and what came of it."""

    plan: Plan
    text: str


def plan_request(payload: Chunk, findings: list[Finding], left: int) -> Chunk:
    """Return the request for the next step; `left` is how many there may still be."""
    request = _with_system(_of(payload), f"{_PLAN} Steps left: {left}.", findings)
    request["generationConfig"] = {"responseMimeType": "application/json", "responseJsonSchema": _SCHEMA}
    return request


def step_request(payload: Chunk, plan: Plan, findings: list[Finding]) -> Chunk:
    """Return the request that carries a step out: with the one tool of Google's it needs, and none of the caller's."""
    request = _with_system(_of(payload), _STEP.format(_STEPS[plan.action], plan.task), findings)
    if plan.action in _TOOLS:
        request["tools"] = [_TOOLS[plan.action]]
    return request


def answer_request(payload: Chunk, findings: list[Finding]) -> Chunk:
    """Return the caller's own request, tools and all, with what was found out as a part of its system instruction."""
    return _with_system(dict(payload), _ANSWER, findings) if findings else payload


def plan_of(chunk: Chunk) -> Plan:
    """Read a plan, also out of a fenced block or between other words; what is no plan means to finish."""
    text = text_of(chunk)
    decoder = json.JSONDecoder()
    start = text.find("{")
    while start >= 0:
        try:
            return msgspec.convert(decoder.raw_decode(text, start)[0], Plan)
        except (ValueError, RecursionError):  # msgspec's and json's own errors are ValueErrors
            start = text.find("{", start + 1)
    return Plan()


def finding_of(plan: Plan, chunk: Chunk) -> Finding:
    """Read what came of a step: what was said, the code that ran and its output, the sources that were found."""
    said = [told for part in parts_of(chunk) if not part.get("thought") and (told := _told(part))]
    return Finding(plan, "\n".join([*said, *_sources(chunk)]))


def _of(payload: Chunk) -> Chunk:
    """The conversation without what shapes its answer: tools, format and limits."""
    request = {name: payload[name] for name in _KEPT if name in payload}
    if "systemInstruction" in payload:
        request["systemInstruction"] = payload["systemInstruction"]
    return request


def _with_system(request: Chunk, instruction: str, findings: list[Finding]) -> Chunk:
    """Add to a request's system instruction; the caller's own is never changed."""
    parts = [{"text": instruction}, *({"text": _written(finding)} for finding in findings)]
    before = (request.get("systemInstruction") or {}).get("parts") or []
    request["systemInstruction"] = {"parts": [*before, *parts]}
    return request


def _written(finding: Finding) -> str:
    return f"Found out by a step before ({finding.plan.action}: {finding.plan.task}):\n{finding.text}"


def _told(part: Chunk) -> str:
    if "executableCode" in part:
        return f"```\n{part['executableCode'].get('code', '')}\n```"
    if "codeExecutionResult" in part:
        return f"Output: {part['codeExecutionResult'].get('output', '')}"
    return str(part.get("text", ""))


def _sources(chunk: Chunk) -> list[str]:
    candidates = chunk.get("candidates") or [{}]
    found = (candidates[0].get("groundingMetadata") or {}).get("groundingChunks") or ()
    webs = [each.get("web") or {} for each in found]
    return [f"Source: {web.get('title', '')} {web['uri']}" for web in webs if web.get("uri")]
