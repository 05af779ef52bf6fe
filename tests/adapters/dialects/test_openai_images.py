"""The real openai library draws pictures through the dialect."""

import httpx2
import openai
import pytest

from adapters.dialects.openai_images import OpenAIImages, image_config
from pipeline.errors import BadRequest
from tests.adapters.dialects.rig import ended, request, said, transport

DRAWN = {
    "candidates": [
        {"content": {"parts": [{"inlineData": {"mimeType": "image/png", "data": "AP_-"}}]}, "finishReason": "STOP"}
    ],
    "usageMetadata": {"promptTokenCount": 4, "candidatesTokenCount": 1290, "totalTokenCount": 1294},
}


def client(answer, seen=None) -> openai.OpenAI:
    http = httpx2.Client(transport=transport(OpenAIImages(), answer, [] if seen is None else seen))
    return openai.OpenAI(api_key="k", base_url="http://proxy.example/v1", http_client=http, max_retries=0)


def draw(answer, seen=None, **options):
    return client(answer, seen).images.generate(**{"model": "gemini-3-pro-image", "prompt": "a cat", **options})


def test_picture_comes_as_standard_base64_or_as_a_data_url():
    assert draw([DRAWN]).data[0].b64_json == "AP/+"
    assert draw([DRAWN], response_format="url").data[0].url == "data:image/png;base64,AP/+"


def test_usage_counts_pictures_and_text():
    usage = draw([DRAWN]).usage
    assert (usage.input_tokens, usage.output_tokens, usage.total_tokens) == (4, 1290, 1294)
    assert usage.input_tokens_details.text_tokens == 4


def test_pictures_of_thoughts_are_not_shown_and_words_are_the_revised_prompt():
    thought = {"candidates": [{"content": {"parts": [{"inlineData": {"data": "AA=="}, "thought": True}]}}]}
    data = draw([thought, said("A cat it is."), DRAWN]).data
    assert [(each.b64_json, each.revised_prompt) for each in data] == [("AP/+", "A cat it is.")]


def test_words_are_the_revised_prompt_of_their_own_calls_pictures():
    data = draw([said("A cat."), DRAWN, DRAWN, said("No dog."), ended(), said("Two "), said("cats."), DRAWN]).data
    assert [each.revised_prompt for each in data] == ["A cat.", None, "Two cats."]


def test_size_reaches_upstream_and_count_is_a_number_of_calls():
    seen: list = []
    draw([DRAWN], seen, n=2, size="1536x1024")
    assert seen[0].asked.calls(seen[0].payload) == [seen[0].payload] * 2
    assert seen[0].payload == {
        "contents": [{"role": "user", "parts": [{"text": "a cat"}]}],
        "generationConfig": {
            "responseModalities": ["IMAGE"],
            "imageConfig": {"aspectRatio": "3:2"},
        },
    }


@pytest.mark.parametrize(
    ("size", "config"),
    [
        (None, {}),
        ("auto", {}),
        ("1024x1024", {"aspectRatio": "1:1"}),
        ("1792x1024", {"aspectRatio": "16:9"}),
        ("1024x1792", {"aspectRatio": "9:16"}),
        ("2048x2048", {"aspectRatio": "1:1", "imageSize": "2K"}),
        ("3840x2160", {"aspectRatio": "16:9", "imageSize": "4K"}),
        ("21:9", {"aspectRatio": "21:9"}),
        ("2k", {"imageSize": "2K"}),
    ],
)
def test_size_becomes_ratio_and_resolution(size, config):
    assert image_config(size) == config


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"prompt": ""}, "prompt"),
        ({}, "prompt"),
        ({"prompt": "x", "size": "huge"}, "size"),
        ({"prompt": "x", "size": "1024x0"}, "size"),
        ({"prompt": "x", "stream": True}, "stream"),
        ({"prompt": "x", "n": "two"}, "n"),
        ({"prompt": "x", "n": 0}, "n"),
        ({"prompt": "x", "n": 11}, "n"),
    ],
)
def test_misfit_is_refused_with_its_place(body, field):
    with pytest.raises(BadRequest) as refused:
        OpenAIImages().read(request("/v1/images/generations", {"model": "m", **body}))
    assert refused.value.field == field


def test_refused_picture_is_a_bad_request():
    with pytest.raises(openai.BadRequestError) as raised:
        draw([ended("IMAGE_SAFETY")])
    assert raised.value.code == "provider_safety"


@pytest.mark.parametrize("reason", ["STOP", "NO_IMAGE", "OTHER", "MAX_TOKENS"])
def test_answer_without_a_picture_is_an_error_with_the_models_words(reason):
    with pytest.raises(openai.InternalServerError, match="I cannot draw"):
        draw([said("I cannot draw"), ended(reason)])
