"""Problems: one text for people, one for programs, one for a pull request's margin."""

from __future__ import annotations

import json

from pollux.problem import Problem, dotted, written

WRONG = Problem("expected int, got str", "pipeline[3].attempts", "proxy.toml", 41, 1)
VAGUE = Problem("50% of\nit: is, wrong", file="a:b,c.toml", level="warning")


def test_path_is_written_as_people_write_it() -> None:
    assert dotted(("pipeline", 3, "attempts")) == "pipeline[3].attempts"
    assert dotted(("a", "b.c", "流")) == 'a."b.c".流'
    assert dotted(()) == ""


def test_text_has_the_place_first() -> None:
    assert written([WRONG, VAGUE], "text") == (
        "proxy.toml:41: pipeline[3].attempts: expected int, got str\nwarning: a:b,c.toml: 50% of\nit: is, wrong"
    )


def test_json_is_a_list_of_problems() -> None:
    assert json.loads(written([WRONG], "json")) == [
        {
            "message": "expected int, got str", "path": "pipeline[3].attempts", "file": "proxy.toml",
            "line": 41, "column": 1, "level": "error",
        }
    ]  # fmt: skip
    assert written([], "json") == "[]"


def test_github_annotation_is_escaped_as_its_runner_wants_it() -> None:
    assert written([WRONG, VAGUE], "github") == (
        "::error file=proxy.toml,line=41,col=1::pipeline[3].attempts: expected int, got str\n"
        "::warning file=a%3Ab%2Cc.toml::50%25 of%0Ait: is, wrong"
    )
