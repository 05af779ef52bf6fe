"""Stage `upstream`: asks Google, with the next lease while an attempt fails and nothing has been answered yet."""

import asyncio
from contextlib import aclosing
from time import monotonic

from pipeline.calls import Calls
from pipeline.errors import Broken, NoCredential, Terms, UpstreamError
from pipeline.exchange import Chunk, Exchange, Repair, Reply
from pipeline.ports import Answer, Credential, Decoder, Lease, Ports
from pipeline.stage import Stage, StageConfig


class Upstream(StageConfig, frozen=True):
    """Send the request upstream and wait for the first event of the answer.

    An attempt that fails before that is followed by one with another lease, as long as the verdict on the failure says
    that another may help. After it nothing is retried here. With `retry_empty` an answer that ends before it has said
    anything is such a failure too, that often.

    The head of a stream waits for the first event, so that an early failure is a proper HTTP status; but only for
    `commit_after`: then it goes out, and heartbeats follow, before a proxy on the way cuts a silent connection.

    A request that one call cannot answer (see `Asked.calls`) is sent in several, up to `side_by_side` of them at a
    time, and their answers are joined.

    Units: `commit_after` in seconds; 0 waits for ever.
    Errors: UpstreamError, NoCredential, AllCooling.
    """

    name = "upstream"
    needs = frozenset({"payload", "model", "operation", "leases"})
    gives = frozenset({"reply"})

    retry_empty: int = 0
    commit_after: float = 50.0
    side_by_side: int = 4

    def __post_init__(self) -> None:
        if self.side_by_side < 1:
            raise ValueError("side_by_side: expected a number of calls, 1 at least")

    def build(self, ports: Ports) -> Stage:
        retry_empty, commit_after, side_by_side = self.retry_empty, self.commit_after, self.side_by_side

        async def upstream(x: Exchange) -> None:
            async def ask(payload: Chunk, stream: bool) -> Reply:
                if not x.stream or not commit_after:
                    return await _ask(ports, x, payload, stream, retry_empty)
                timer = asyncio.get_running_loop().call_later(commit_after, x.hold)
                try:
                    return await _ask(ports, x, payload, stream, retry_empty)
                finally:
                    timer.cancel()

            if x.asked.calls is not None:
                calls = Calls(x, lambda part: _ask(ports, part, part.payload, False, retry_empty))
                x.reply = Reply(source=calls.joined(x.asked.calls(x.payload), side_by_side))
            elif x.source is not None:
                x.reply = Reply(source=x.source(ask))
            else:
                x.reply = await ask(x.payload, x.stream)

        return upstream


async def _ask(ports: Ports, x: Exchange, payload: Chunk, stream: bool, retry_empty: int) -> Reply:
    failure: UpstreamError | None = None
    repairs = list(x.repairs)  # each once per call: a source that calls again begins with what upstream refused
    assert x.leases is not None, "the order check lets no pipeline through without `credential`"
    async with aclosing(x.leases(x)) as leases:
        async for lease in leases:
            if failure is not None:
                ports.meter.retried(x.route, failure.error_type)
            attempt = _Attempt(ports, x, lease, repairs, refuses_empty=retry_empty > 0)
            try:
                async with attempt:
                    return await attempt.run(payload, stream)
            except UpstreamError as exc:
                failure = exc
                payload = attempt.payload  # what was mended for one lease is as wrong for the next
                # A request that got one account shut out must not meet the next.
                if exc.verdict.action == "give_up" or isinstance(exc, Terms):
                    raise
                if exc.error_type == "provider_empty":
                    retry_empty -= 1
    raise failure or NoCredential()


class _Attempt:
    """One lease, used once; the lease is closed when the attempt fails or the exchange ends."""

    __slots__ = ("_answer", "_lease", "_ports", "_refuses_empty", "_repairs", "_x", "payload")

    def __init__(self, ports: Ports, x: Exchange, lease: Lease, repairs: list[Repair], *, refuses_empty: bool) -> None:
        self._refuses_empty = refuses_empty
        self._repairs = repairs
        self._ports = ports
        self._x = x
        self._lease = lease
        self._answer: Answer | None = None
        self.payload: Chunk = {}

    async def __aenter__(self) -> None:
        """Use the lease."""

    async def __aexit__(self, _: object, exc: BaseException | None, __: object) -> None:
        if exc is None:
            self._x.closers.append(self._end_answered)
        else:
            await self._end(exc)

    async def run(self, payload: Chunk, stream: bool) -> Reply:
        upstream = self._ports.upstreams[self._lease.credential.kind]
        x, meter = self._x, self._ports.meter
        x.lease = self._lease
        try:
            reply = await self._send(payload, stream)
        except UpstreamError as exc:
            exc.message = _without_secrets(exc.message, self._lease.credential)
            self._lease.fail(exc)
            meter.attempted(upstream.name, x.model, exc.error_type, self._lease.credential.id)
            raise
        meter.attempted(upstream.name, x.model, "ok", self._lease.credential.id)
        return reply

    async def _send(self, payload: Chunk, stream: bool) -> Reply:
        """Send once, and once more for each thing that can be put right without another lease."""
        refreshed = False
        self.payload = payload
        while True:
            try:
                return await self._send_once(self.payload, stream)
            except UpstreamError as exc:
                if self._answer is not None:
                    self._answer.close()
                mended = self._mended(exc)
                if mended is not None:
                    self.payload = mended
                elif exc.verdict.action == "refresh" and not refreshed:
                    refreshed = True
                    upstream = self._ports.upstreams[self._lease.credential.kind]
                    if not await upstream.refresh(self._lease):
                        raise
                else:
                    raise

    def _mended(self, exc: UpstreamError) -> Chunk | None:
        for repair in self._repairs:
            mended = repair(self.payload, exc)
            if mended is not None:
                self._repairs.remove(repair)
                return mended
        return None

    async def _send_once(self, payload: Chunk, stream: bool) -> Reply:
        upstream = self._ports.upstreams[self._lease.credential.kind]
        call = await upstream.call(self._lease, self._x, payload, stream)
        sent, meter = monotonic(), self._ports.meter
        if self._x.attempts == 1 and self._answer is None:
            meter.sent(self._x.route, sent - self._x.started)
        self._answer = answer = await self._ports.transport.send(call)
        meter.headed(upstream.name, monotonic() - sent)
        if answer.status != 200:
            raise upstream.refusal(answer.status, answer.headers, await answer.read_all())
        decode = upstream.decoder(stream)
        head, first = await (_first_event(answer, decode) if stream else _whole(answer, decode))
        if self._refuses_empty and _is_empty(first):
            raise Broken("Upstream's answer ended before it said anything.", error_type="provider_empty")
        # Only answers of generate come back in the very form they were asked for in.
        transparent = upstream.transparent and self._x.operation == "generate"
        judge = upstream.decoder(stream) if transparent else None
        return Reply(answer=answer, decode=decode, first=first, head=head, judge=judge)

    async def _end_answered(self, outcome: BaseException | None) -> None:
        if isinstance(outcome, UpstreamError) and self._x.lease is self._lease:
            self._lease.fail(outcome)
        await self._end(outcome)

    async def _end(self, outcome: BaseException | None) -> None:
        if self._answer is not None:
            self._answer.close()
        await self._lease.close(outcome)


async def _first_event(answer: Answer, decode: Decoder) -> tuple[bytes, list[Chunk]]:
    """Read until there is an event, so that an upstream which fails at once is a status and not a broken stream."""
    head = b""
    while True:
        data = await answer.read()
        head += data
        first = decode(data)
        if first:
            return head, first
        if not data:
            raise Broken("Upstream ended its answer without an event.", error_type="provider_empty")


async def _whole(answer: Answer, decode: Decoder) -> tuple[bytes, list[Chunk]]:
    body = await answer.read_all()
    return body, decode(body) + decode(b"")


def _is_empty(first: list[Chunk]) -> bool:
    """Whether a finished answer holds nothing: no text, call or picture, and no reason of upstream's for that."""
    candidates = [candidate for chunk in first for candidate in chunk.get("candidates") or ()]
    if not any(candidate.get("finishReason") == "STOP" for candidate in candidates):
        return False
    parts = [part for candidate in candidates for part in (candidate.get("content") or {}).get("parts") or ()]
    return all(part.get("thought") or part.get("text") == "" for part in parts)


def _without_secrets(message: str, credential: Credential) -> str:
    """Take the credential's own secrets out of what upstream said: a key has no shape by which it could be found."""
    for secret in (credential.api_key, credential.access_token, credential.refresh_token):
        if secret and secret in message:
            message = message.replace(secret, "***")
    return message
