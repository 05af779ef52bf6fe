"""The description of the admin API says what is served, and what is served keeps to it."""

from __future__ import annotations

import re

import msgspec

from adapters.admin.openapi import document
from adapters.admin.v1.table import OPERATIONS
from tests.adapters.admin.visitor import visiting


def test_document_describes_each_operation_once():
    paths = document("1")["paths"]
    described = {f"{method.upper()} {path}" for path, methods in paths.items() for method in methods}
    assert described == {f"{each.method} {re.sub(':path}', '}', each.path)}" for each in OPERATIONS}
    ids = [operation["operationId"] for methods in paths.values() for operation in methods.values()]
    assert len(ids) == len(set(ids))


def test_document_names_no_schema_that_is_not_there():
    text = msgspec.json.encode(document("1")).decode()
    named = set(re.findall(r"#/components/schemas/(\w+)", text))
    assert named <= set(document("1")["components"]["schemas"])


def test_every_operation_and_schema_says_what_it_is():
    for methods in document("1")["paths"].values():
        for operation in methods.values():
            assert operation["summary"].endswith("."), operation["operationId"]
    for name, schema in document("1")["components"]["schemas"].items():
        assert schema.get("description"), name


async def test_served_document_is_this_one(tmp_path):
    async with visiting(tmp_path) as visitor:
        answer = await visitor.ask("GET", "/api/v1/openapi.json", headers={})
        assert answer.document == document(answer.document["info"]["version"])


async def test_real_answers_are_as_described(tmp_path):
    async with visiting(tmp_path) as visitor:
        key = (await visitor.ask("POST", "/api/v1/keys", {})).document["key"]["id"]
        await visitor.chat()
        await visitor.chat(model="no-such-model")
        places = {
            "{id}": "account",
            "{model:path}": "gemini-2.5-pro",
            "{name:path}": "account",
            "{scope}": "credential",
        }
        asked = 0
        for each in OPERATIONS:
            if each.method != "GET" or each.answer in {None, bytes} or "oauth" in each.path or each.door == "public":
                continue
            path = each.path.replace("/keys/{id}", f"/keys/{key}")
            for place, value in places.items():
                path = path.replace(place, value)
            answer = await visitor.ask("GET", path)
            assert answer.status == each.status, path
            msgspec.json.decode(answer.body, type=each.answer)
            asked += 1
        assert asked >= 15


async def test_fault_is_in_the_one_form_and_names_the_field(tmp_path):
    async with visiting(tmp_path) as visitor:
        wrong = await visitor.ask("POST", "/api/v1/keys", {"rpm": "many"})
        assert wrong.status == 422
        assert wrong.document["error"]["field"] == "rpm"
        assert (await visitor.ask("POST", "/api/v1/keys", body=b"{")).status == 400
        assert (await visitor.ask("GET", "/api/v1/logs?lines=0")).document["error"]["field"] == "lines"
        assert (await visitor.ask("GET", "/api/v1/nothing")).document["error"]["code"] == "not_found"
        assert (await visitor.ask("PUT", "/api/v1/keys", {})).status == 405
        assert (await visitor.ask("POST", "/api/v1/keys", body=b" " * (9 * 1024 * 1024))).status == 413
