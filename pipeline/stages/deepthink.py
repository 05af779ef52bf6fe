"""Stage `deepthink`: the model plans, searches, computes and reasons in rounds before it answers."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from pipeline.deepthink import Finding, Plan, answer_request, finding_of, plan_of, plan_request, step_request
from pipeline.errors import ProxyError, Terms
from pipeline.exchange import Chunk, Exchange, Open, Source
from pipeline.ports import Ports
from pipeline.sources import plain, said, summed, whole
from pipeline.stage import Stage, StageConfig

_SAID = {"search": "Searching", "compute": "Computing", "analyse": "Analysing"}


class Deepthink(StageConfig, frozen=True):
    """Prepare an answer in rounds of searching, computing and analysing, then give it.

    Each round the model plans one step: Google Search, Gemini's own code execution, an analysis, or to finish. What
    the steps find goes into the system instruction of the one call that answers, with the caller's own tools and
    settings. Progress comes as thoughts, the usage of all calls as one. A step that fails ends the rounds, and the
    answer is given from what was found so far. Turns that only hand in the results of tools are answered directly.

    Asked for by the model's name (`-deepthink`), or for every request with `always`. A round takes two calls, and no
    round begins once `seconds` have passed or `tokens` are spent.

    Units: `seconds` and `heartbeat` in seconds, `rounds` from 1 to 7.
    """

    name = "deepthink"
    needs = frozenset({"features", "stream", "payload"})
    gives = frozenset({"source"})

    always: bool = False
    rounds: int = 7
    seconds: float = 300.0
    tokens: int = 200_000
    heartbeat: float = 3.0

    def __post_init__(self) -> None:
        if not 1 <= self.rounds <= 7:
            raise ValueError("rounds: expected 1 to 7")

    def build(self, ports: Ports) -> Stage:
        async def deepthink(x: Exchange) -> None:
            wanted = self.always or "deepthink" in x.features
            if not wanted or x.operation != "generate" or not _begins_a_turn(x.payload):
                return
            x.commit_early = True
            x.heartbeat = min(x.heartbeat or self.heartbeat, self.heartbeat)
            x.source = _prepared(x, x.source or plain(x), self)

        return deepthink


def _begins_a_turn(payload: Chunk) -> bool:
    """Whether the user asks something new. What is cached upstream cannot be given another system instruction."""
    contents = payload.get("contents") or [{}]
    handed_in = any("functionResponse" in part for part in contents[-1].get("parts") or ())
    return not handed_in and "cachedContent" not in payload


def _prepared(x: Exchange, inner: Source, options: Deepthink) -> Source:
    async def source(ask: Open) -> AsyncGenerator[list[Chunk], None]:
        rounds = _Rounds(x.payload, whole(ask), options)
        async with aclosing(rounds.run()) as thoughts:
            async for text in thoughts:
                thought = said([{"text": text, "thought": True}])
                yield [{**thought, "usageMetadata": rounds.spent}]
        x.payload = answer_request(x.payload, rounds.findings)
        async with aclosing(inner(ask)) as batches:
            async for chunks in batches:
                yield [_counted(chunk, rounds.spent) for chunk in chunks]

    return source


def _counted(chunk: Chunk, spent: Chunk) -> Chunk:
    usage = chunk.get("usageMetadata")
    return {**chunk, "usageMetadata": summed([spent, usage])} if usage else chunk


class _Rounds:
    """Plans and carries out one step after the other."""

    def __init__(self, payload: Chunk, ask: Open, options: Deepthink) -> None:
        self.findings: list[Finding] = []
        self.spent: Chunk = {}
        self._payload = payload
        self._ask = ask
        self._options = options

    async def run(self) -> AsyncGenerator[str, None]:
        """Yield what is being done and what came of it; ends when nothing is left to do, or to do it with."""
        deadline = asyncio.get_running_loop().time() + self._options.seconds
        for done in range(self._options.rounds):
            plan = await self._plan(self._options.rounds - done, deadline)
            if plan.action == "finish":
                return
            yield f"**{_SAID[plan.action]}**: {plan.task}\n\n"
            finding = await self._carry_out(plan, deadline)
            if finding is None:
                yield "This step failed; the answer is given without it.\n\n"
                return
            self.findings.append(finding)
            yield f"{finding.text}\n\n"

    async def _plan(self, left: int, deadline: float) -> Plan:
        if self.spent.get("totalTokenCount", 0) >= self._options.tokens:
            return Plan()
        chunk = await self._call(plan_request(self._payload, self.findings, left), deadline)
        return Plan() if chunk is None else plan_of(chunk)

    async def _carry_out(self, plan: Plan, deadline: float) -> Finding | None:
        chunk = await self._call(step_request(self._payload, plan, self.findings), deadline)
        finding = None if chunk is None else finding_of(plan, chunk)
        return finding if finding and finding.text else None

    async def _call(self, payload: Chunk, deadline: float) -> Chunk | None:
        """Ask once and return the whole answer; None when it fails or the time is over.

        Errors: Terms, for the request that got one account shut out must not meet the next.
        """
        try:
            async with asyncio.timeout_at(deadline):
                reply = await self._ask(payload, False)
        except Terms:
            raise
        except (ProxyError, TimeoutError):
            return None
        chunk = reply.first[0] if reply.first else {}
        self.spent = summed([self.spent, chunk.get("usageMetadata") or {}])
        return chunk
