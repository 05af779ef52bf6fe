"""Why an answer ended, in every protocol's own word.

Source: generativelanguage v1beta, Candidate.FinishReason and PromptFeedback.BlockReason.
"""

from __future__ import annotations

from msgspec import Struct


class Finish(Struct, frozen=True):
    """One finishReason in the words of the three protocols.

    Shape: `error` is the error_type when the answer is broken rather than ended; empty when it is an answer.
        `always` says that it is broken even when some of it came: a call was lost, so what came misleads.
    """

    chat: str
    responses: str
    anthropic: str
    error: str = ""
    always: bool = False


STOP = Finish("stop", "completed", "end_turn")
CALLS = Finish("tool_calls", "completed", "tool_use")
LENGTH = Finish("length", "max_output_tokens", "max_tokens")
FILTER = Finish("content_filter", "content_filter", "refusal")
EMPTY = Finish("content_filter", "content_filter", "refusal", "provider_empty")
MALFORMED = Finish("content_filter", "failed", "refusal", "provider_malformed", always=True)

BLOCKED_PROMPT = FILTER

REASONS: dict[str, Finish] = {
    "STOP": STOP,
    "MAX_TOKENS": LENGTH,
    "CONTINUATION": LENGTH,  # a hop's limit; a stage that continues it never lets it come here
    "SAFETY": FILTER,
    "RECITATION": FILTER,
    "LANGUAGE": FILTER,
    "BLOCKLIST": FILTER,
    "PROHIBITED_CONTENT": FILTER,
    "SPII": FILTER,
    "MODEL_ARMOR": FILTER,
    "IMAGE_SAFETY": FILTER,
    "IMAGE_PROHIBITED_CONTENT": FILTER,
    "IMAGE_RECITATION": FILTER,
    "IMAGE_OTHER": EMPTY,
    "NO_IMAGE": Finish("stop", "completed", "end_turn", "provider_empty"),
    "OTHER": EMPTY,
    "FINISH_REASON_UNSPECIFIED": EMPTY,
    "MALFORMED_FUNCTION_CALL": MALFORMED,
    "MALFORMED_RESPONSE": MALFORMED,
    "UNEXPECTED_TOOL_CALL": MALFORMED,
    "TOO_MANY_TOOL_CALLS": MALFORMED,
    "MISSING_THOUGHT_SIGNATURE": MALFORMED,
    "ESCALATION": EMPTY,
    "PUP_LIMITED_DISABLED": EMPTY,
    "BLOCKED_PROMPT": BLOCKED_PROMPT,
}
"""By finishReason; BLOCKED_PROMPT is the engine's word for a prompt that was refused.

Shape: `responses` is `completed`, `failed`, or the reason of an `incomplete`.
"""


def finish(reason: str, calls: bool = False) -> Finish:
    """Return what a finishReason means; one that Google invents tomorrow is treated as OTHER.

    Shape: `calls` says that the answer holds a function call: upstream then says STOP too.
    """
    found = REASONS.get(reason, EMPTY)
    return CALLS if calls and found is STOP else found


def broken(reason: str, answered: bool) -> str:
    """Return the error_type of an answer that is none, else an empty string."""
    found = REASONS.get(reason, EMPTY)
    return "" if answered and not found.always else found.error
