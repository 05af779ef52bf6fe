"""Every finishReason has a word in every protocol."""

from __future__ import annotations

import pytest

from adapters.dialects.finish import REASONS, broken, finish

KNOWN_TO_GOOGLE = (
    "FINISH_REASON_UNSPECIFIED STOP MAX_TOKENS SAFETY RECITATION LANGUAGE OTHER BLOCKLIST PROHIBITED_CONTENT SPII"
    " MALFORMED_FUNCTION_CALL IMAGE_SAFETY IMAGE_PROHIBITED_CONTENT IMAGE_OTHER NO_IMAGE IMAGE_RECITATION"
    " UNEXPECTED_TOOL_CALL TOO_MANY_TOOL_CALLS MISSING_THOUGHT_SIGNATURE MALFORMED_RESPONSE ESCALATION"
    " PUP_LIMITED_DISABLED CONTINUATION MODEL_ARMOR"
)


@pytest.mark.parametrize("reason", KNOWN_TO_GOOGLE.split())
def test_reason_of_google_has_a_row(reason):
    assert reason in REASONS
    assert finish(reason).chat in {"stop", "length", "content_filter"}


def test_stop_with_calls_is_tool_calls_and_truncation_stays_truncation():
    assert finish("STOP", calls=True).chat == "tool_calls"
    assert finish("STOP", calls=True).anthropic == "tool_use"
    assert finish("MAX_TOKENS", calls=True).chat == "length"


@pytest.mark.parametrize(
    ("reason", "answered", "error"),
    [
        ("STOP", False, ""),
        ("MAX_TOKENS", False, ""),
        ("SAFETY", False, ""),
        ("OTHER", False, "provider_empty"),
        ("OTHER", True, ""),
        ("NO_IMAGE", False, "provider_empty"),
        ("NO_IMAGE", True, ""),
        ("MALFORMED_FUNCTION_CALL", False, "provider_malformed"),
        ("MALFORMED_FUNCTION_CALL", True, "provider_malformed"),
        ("INVENTED_TOMORROW", False, "provider_empty"),
        ("INVENTED_TOMORROW", True, ""),
    ],
)
def test_end_that_is_no_answer_is_an_error(reason, answered, error):
    assert broken(reason, answered) == error
