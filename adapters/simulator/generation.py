"""Answering generateContent and its kin, the same on every face.

Source: upstream-wire.md §3.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from adapters.simulator.answers import compose
from adapters.simulator.events import Context, merged
from adapters.simulator.faults import scripted, with_error
from adapters.simulator.framing import SSE, Shape, frames, unary
from adapters.simulator.messages import Face
from adapters.simulator.models import Model
from adapters.simulator.refusal import Refusal
from adapters.simulator.reply import JSON, Reply, json_reply
from adapters.simulator.scenario import Fault, Scenario
from adapters.simulator.tokens import prompt_tokens
from adapters.simulator.validator import validate


class Generation(Struct, frozen=True):
    """One call of generateContent or streamGenerateContent."""

    face: Face
    model: Model
    shape: Shape
    request: dict[str, Any]
    fault: Fault | None
    answer_id: str

    def reply(self, scenario: Scenario) -> Reply:
        """Validate, think, and frame the answer.

        Errors: `Refusal`.
        """
        validate(self.request, self.model, self.face, stream=self.shape.stream)
        answer = compose(self.request, self.model, self.answer_id, scenario.text, scenario.events)
        stream = scripted(self.fault, answer, self._context(scenario))
        error = self._error()
        if self.shape.stream:
            built = with_error(self.fault, error, frames(stream, self.shape), self.shape)
            kind = SSE if self.shape.sse else JSON
            return Reply(200, [kind], built, streamed=True, latency=scenario.latency, cadence=scenario.cadence)
        if error:
            return error.reply(self.shape.envelope)
        body = merged(stream) if stream else {}
        return json_reply(unary(body, self.shape), latency=scenario.latency)

    def _context(self, scenario: Scenario) -> Context:
        config = self.request.get("generationConfig", {})
        return Context(
            model=self.model.name,
            answer_id=self.answer_id,
            prompt_tokens=prompt_tokens(self.request),
            cached_tokens=scenario.cached_tokens,
            candidates=config.get("candidateCount", 1),
            logprobs=config.get("responseLogprobs", False),
        )

    def _error(self) -> Refusal | None:
        fault = self.fault
        if fault is None or fault.effect not in ("first_event_error", "mid_stream_error"):
            return None
        return Refusal.named(fault.error, self.model.name, fault.project)
