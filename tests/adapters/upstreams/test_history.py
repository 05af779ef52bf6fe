"""Conversations put in order without a word being lost."""

from __future__ import annotations

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.upstreams.history import alternating, instruction

USER = {"role": "user", "parts": [{"text": "hi"}]}
MODEL = {"role": "model", "parts": [{"text": "hello"}]}
CALL = {"role": "model", "parts": [{"functionCall": {"name": "f"}, "thoughtSignature": "c2ln"}]}
ANSWER = {"functionResponse": {"name": "f", "response": {"ok": True}}}

PART = st.sampled_from([{"text": "a"}, {"text": "b", "thought": True}, ANSWER, {"functionCall": {"name": "f"}}])
CONTENT = st.fixed_dictionaries(
    {"parts": st.lists(PART, max_size=3)}, optional={"role": st.sampled_from(["user", "model", "function", ""])}
)


@pytest.mark.parametrize(
    "contents", [[], [USER], [USER, MODEL, USER], [USER, CALL, {"role": "user", "parts": [ANSWER]}]]
)
def test_conversation_in_order_is_passed_on_as_the_same_object(contents):
    assert alternating(contents) is contents


def test_neighbours_of_one_role_are_joined_part_by_part():
    assert alternating([USER, USER, MODEL, USER]) == [
        {"role": "user", "parts": [{"text": "hi"}, {"text": "hi"}]},
        MODEL,
        USER,
    ]


def test_conversation_gets_a_users_turn_at_either_end():
    roles = [turn["role"] for turn in alternating([MODEL])]
    assert roles == ["user", "model", "user"]


def test_function_answers_come_before_what_was_said_after_them():
    turns = alternating([USER, CALL, {"role": "user", "parts": [{"text": "and?"}, ANSWER]}])
    assert turns[-1]["parts"] == [ANSWER, {"text": "and?"}]


@pytest.mark.parametrize(("role", "becomes"), [("function", "user"), ("", "user"), (None, "user"), ("model", "model")])
def test_role_is_one_of_two(role, becomes):
    assert becomes in [turn["role"] for turn in alternating([{"role": role, "parts": [{"text": "x"}]}])]


@given(st.lists(CONTENT, max_size=6))
def test_turns_alternate_from_user_to_user_and_no_part_is_lost_or_changed(contents):
    before = copy.deepcopy(contents)
    turns = alternating(contents)
    assert contents == before
    roles = [turn["role"] for turn in turns]
    assert roles == ["user", "model"] * (len(roles) // 2) + ["user"] * bool(roles)
    kept = [part for turn in turns for part in turn["parts"]]
    for part in (part for content in contents for part in content["parts"]):
        kept.remove(part)
    assert all(part in ({"text": "..."}, {"text": "Please continue."}) for part in kept)


def test_instruction_gets_the_users_role_where_it_has_none():
    assert instruction({"parts": [{"text": "x"}]}) == {"role": "user", "parts": [{"text": "x"}]}
    said = {"role": "system", "parts": []}
    assert instruction(said) is said
