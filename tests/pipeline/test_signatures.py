"""The bypass stands exactly where Google would miss a signature, and the caller's contents stay as they were."""

from __future__ import annotations

import copy
from typing import Any

from pipeline.signatures import DUMMY, fill_missing, replace_all

USER: dict[str, Any] = {"role": "user", "parts": [{"text": "go"}]}


def call(name, **extra):
    return {"functionCall": {"name": name, "args": {}}, **extra}


def answer(name):
    return {"functionResponse": {"name": name, "response": {}}}


STEP: list[dict[str, Any]] = [
    {"role": "model", "parts": [{"text": "hm"}, call("f"), call("g")]},
    {"role": "user", "parts": [answer("f"), answer("g")]},
]


def test_first_call_of_each_step_of_the_current_turn_is_filled():
    filled = fill_missing([USER, *STEP, *STEP], "gemini-3.8-flash")
    for number in (1, 3):
        signatures = [part.get("thoughtSignature") for part in filled[number]["parts"]]
        assert signatures == [None, DUMMY, None]


def test_earlier_turns_are_left_alone():
    contents = [USER, *STEP, USER, *STEP]
    filled = fill_missing(contents, "gemini-4-argon")
    assert filled[1] is contents[1]
    assert filled[4]["parts"][1]["thoughtSignature"] == DUMMY


def test_signed_call_keeps_its_signature():
    contents = [USER, {"role": "model", "parts": [call("f", thoughtSignature="c2ln"), call("g")]}]
    assert fill_missing(contents, "gemini-3.8-flash") == contents


def test_older_models_are_left_alone():
    contents = [USER, *STEP]
    assert fill_missing(contents, "gemini-2.5-pro") is contents


def test_pictures_that_image_models_made_are_filled_in_every_turn():
    picture = {"inlineData": {"mimeType": "image/png", "data": "AAAA"}}
    contents = [USER, {"role": "model", "parts": [picture]}, USER]
    assert fill_missing(contents, "gemini-3-pro-image")[1]["parts"][0]["thoughtSignature"] == DUMMY
    assert fill_missing(contents, "gemini-3.8-flash")[1]["parts"][0] == picture


def test_replacing_touches_signatures_only():
    contents = [
        USER,
        {
            "role": "model",
            "parts": [{"text": "a", "thoughtSignature": "x"}, call("f", thoughtSignature="y"), call("g")],
        },
    ]
    replaced = replace_all(contents)
    assert [part.get("thoughtSignature") for part in replaced[1]["parts"]] == [DUMMY, DUMMY, None]
    assert replaced[0] is contents[0]


def test_callers_contents_are_never_edited():
    contents = [USER, *STEP, {"role": "model", "parts": [call("f", thoughtSignature="y")]}, {"role": "user"}]
    before = copy.deepcopy(contents)
    fill_missing(contents, "gemini-3.8-flash")
    replace_all(contents)
    assert contents == before
