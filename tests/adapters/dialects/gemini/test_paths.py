"""Every URL that Gemini clients use, and what it means."""

import pytest

from adapters.dialects.gemini.paths import Target, target
from pipeline.errors import MethodNotAllowed, NotFound


@pytest.mark.parametrize(
    ("path", "due"),
    [
        ("/v1beta/models/gemini-3.8-flash:generateContent", Target("v1beta", "generate", "gemini-3.8-flash")),
        ("/v1/models/gemini-3.8-flash:generateContent", Target("v1", "generate", "gemini-3.8-flash")),
        ("/v1alpha/models/m:countTokens", Target("v1alpha", "count_tokens", "m")),
        ("/v1beta/m:streamGenerateContent", Target("v1beta", "generate", "m", stream=True)),
        ("/v1/models/假流式/m:streamGenerateContent", Target("v1", "generate", "假流式/m", stream=True)),
        ("/v1beta/models/tunedModels/x:generateContent", Target("v1beta", "generate", "tunedModels/x")),
        ("/v1beta/models/m%3AgenerateContent", Target("v1beta", "generate", "m")),
        ("/v1beta/models/ft:m:embedContent", Target("v1beta", "embed", "ft:m")),
        ("/v1beta/models/m:batchEmbedContents", Target("v1beta", "batch_embed", "m")),
    ],
)  # fmt: skip
def test_call_path_names_model_and_operation(path, due):
    assert target("POST", path) == due


@pytest.mark.parametrize(
    ("path", "due"),
    [
        ("/v1beta/models", Target("v1beta", "models")),
        ("/v1/models/", Target("v1", "models")),
        ("/v1beta/models/fake/gemini-x", Target("v1beta", "model", "fake/gemini-x")),
    ],
)
def test_get_path_names_list_or_model(path, due):
    assert target("GET", path) == due


def test_unknown_method_is_not_found_in_googles_words():
    with pytest.raises(NotFound, match=r"^models/m is not found for API version v1beta, or is not supported for fly"):
        target("POST", "/v1beta/models/m:fly")


def test_wrong_http_method_says_which_is_due():
    with pytest.raises(MethodNotAllowed, match="takes POST, not GET"):
        target("GET", "/v1beta/models/m:generateContent")


def test_other_path_is_not_found():
    with pytest.raises(NotFound):
        target("POST", "/v2/anything")
