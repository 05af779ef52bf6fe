"""The real openai library embeds texts through the dialect."""

import httpx2
import openai
import pytest

from adapters.dialects.openai_embeddings import OpenAIEmbeddings
from pipeline.errors import BadRequest, Limited
from tests.adapters.dialects.rig import request, transport

TWO = {"embeddings": [{"values": [0.5, -1.0]}, {"values": [0.25, 2.0]}]}


def client(answer, seen=None) -> openai.OpenAI:
    http = httpx2.Client(transport=transport(OpenAIEmbeddings(), answer, [] if seen is None else seen))
    return openai.OpenAI(api_key="k", base_url="http://proxy.example/v1", http_client=http, max_retries=0)


@pytest.mark.parametrize("encoding", [{}, {"encoding_format": "float"}, {"encoding_format": "base64"}])
def test_vectors_come_in_order_in_either_encoding(encoding):
    seen: list = []
    answer = client([TWO], seen).embeddings.create(model="gemini-embedding-001", input=["a", "b"], **encoding)
    vectors: list = [each.embedding for each in answer.data]
    if encoding.get("encoding_format") == "base64":
        assert vectors == ["AAAAPwAAgL8=", "AACAPgAAAEA="]
    else:
        assert vectors == [[0.5, -1.0], [0.25, 2.0]]
    assert [each.index for each in answer.data] == [0, 1]
    assert seen[0].payload["requests"] == [
        {"model": "models/gemini-embedding-001", "content": {"parts": [{"text": text}]}} for text in "ab"
    ]


def test_dimensions_and_usage_pass():
    seen: list = []
    one = {"embeddings": [{"values": [1.0]}], "usageMetadata": {"promptTokenCount": 4}}
    answer = client([one], seen).embeddings.create(model="m", input="hi", dimensions=768)
    assert seen[0].payload["requests"][0]["outputDimensionality"] == 768
    assert (answer.usage.prompt_tokens, answer.usage.total_tokens) == (4, 4)


@pytest.mark.parametrize(
    ("given", "field"),
    [([1, 2], "input"), ([[1], [2]], "input"), ([], "input"), (["a", None], "input[1]"), (7, "input")],
)
def test_input_that_is_no_text_is_refused(given, field):
    with pytest.raises(BadRequest) as refused:
        OpenAIEmbeddings().read(request("/v1/embeddings", {"model": "m", "input": given}))
    assert refused.value.field == field


def test_answer_without_a_vector_for_each_text_is_an_error():
    with pytest.raises(openai.InternalServerError):
        client([{"embeddings": [{"values": [1.0]}]}]).embeddings.create(model="m", input=["a", "b"])


def test_refusal_raises_the_librarys_own_exception():
    with pytest.raises(openai.RateLimitError) as raised:
        client([Limited(retry_after=3)]).embeddings.create(model="m", input="a")
    assert raised.value.response.headers["retry-after"] == "3"
