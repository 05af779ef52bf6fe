"""The plan: the order is proven before anything runs, and what has nothing to do costs nothing."""

from __future__ import annotations

from typing import Any, ClassVar, cast

import pytest

from pipeline.plan import Misplaced, misplaced, plan, steps
from pipeline.ports import Ports
from pipeline.stage import Stage, StageConfig

PORTS = cast("Ports", None)


class Base(StageConfig, frozen=True):
    idle: bool = False

    def build(self, ports: Ports) -> Stage | None:
        async def run(x: Any) -> None:
            x.append(self.name)

        return None if self.idle else run


class Reader(Base, frozen=True):
    name: ClassVar[str] = "format"
    needs: ClassVar[frozenset[str]] = frozenset({"request"})
    gives: ClassVar[frozenset[str]] = frozenset({"model"})


class Credential(Base, frozen=True):
    name: ClassVar[str] = "credential"
    needs: ClassVar[frozenset[str]] = frozenset({"model"})
    gives: ClassVar[frozenset[str]] = frozenset({"leases"})


class Upstream(Base, frozen=True):
    name: ClassVar[str] = "upstream"
    needs: ClassVar[frozenset[str]] = frozenset({"leases"})
    gives: ClassVar[frozenset[str]] = frozenset({"reply"})


class Transform(Base, frozen=True):
    name: ClassVar[str] = "transform"
    gives: ClassVar[frozenset[str]] = frozenset({"encoder"})


async def test_plan_splits_below_upstream_and_keeps_the_order() -> None:
    made = plan("default", [Reader(), Credential(), Upstream(), Transform()], PORTS)
    ran: list[str] = []
    for stage in made.ask:
        await stage(cast("Any", ran))
    assert ran == ["format", "credential", "upstream"]
    for stage in made.answer:
        await stage(cast("Any", ran))
    assert ran[3:] == ["transform"]


def test_stage_with_nothing_to_do_is_not_in_the_plan() -> None:
    configs = [Reader(idle=True), Credential(), Upstream(), Transform(idle=True)]
    made = plan("default", configs, PORTS)
    assert (len(made.ask), len(made.answer)) == (2, 0)
    assert [step.config for step in steps(configs, PORTS)] == configs[1:3]


def test_stage_above_what_it_needs_is_told_what_to_move() -> None:
    assert misplaced([Credential(), Reader(), Upstream(), Transform()]) == [
        Misplaced(0, "'credential' needs 'model', which no stage above it gives: move 'format' above it")
    ]


def test_stage_whose_need_nobody_gives_is_told_so() -> None:
    assert misplaced([Reader(), Upstream(), Transform()]) == [
        Misplaced(1, "'upstream' needs 'leases', which no stage above it gives: no stage of this pipeline does")
    ]


def test_pipeline_without_upstream_or_encoder_is_refused() -> None:
    assert misplaced([Reader()]) == [
        Misplaced(None, "no stage 'upstream': nothing would answer"),
        Misplaced(None, "no stage gives 'encoder', without which no answer can leave"),
    ]


def test_second_upstream_is_refused_at_its_place() -> None:
    assert misplaced([Reader(), Credential(), Upstream(), Upstream(), Transform()]) == [
        Misplaced(3, "a second 'upstream': a pipeline asks upstream in one place")
    ]


def test_plan_of_a_wrong_order_is_never_built() -> None:
    with pytest.raises(ValueError, match="pipeline 'x': 'upstream' needs 'leases'"):
        plan("x", [Reader(), Upstream(), Transform()], PORTS)
