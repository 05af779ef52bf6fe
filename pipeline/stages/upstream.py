"""Stage `upstream`: asks Google, with the next lease while an attempt fails and nothing has been answered yet."""

from contextlib import aclosing

from pipeline.errors import Broken, NoCredential, UpstreamError
from pipeline.exchange import Chunk, Exchange, Reply
from pipeline.ports import Answer, Decoder, Lease, Ports
from pipeline.stage import Stage, StageConfig


class Upstream(StageConfig, frozen=True):
    """Send the request upstream and wait for the first event of the answer.

    An attempt that fails before that is followed by one with another lease, as long as the verdict on the failure says
    that another may help. After it nothing is retried here.

    Errors: UpstreamError, NoCredential, AllCooling.
    """

    name = "upstream"
    needs = frozenset({"payload", "model", "operation", "leases"})
    gives = frozenset({"reply"})

    def build(self, ports: Ports) -> Stage:
        async def upstream(x: Exchange) -> None:
            async def ask(payload: Chunk, stream: bool) -> Reply:
                return await _ask(ports, x, payload, stream)

            if x.source is not None:
                x.reply = Reply(source=x.source(ask))
            else:
                x.reply = await ask(x.payload, x.stream)

        return upstream


async def _ask(ports: Ports, x: Exchange, payload: Chunk, stream: bool) -> Reply:
    failure: UpstreamError | None = None
    assert x.leases is not None, "the order check lets no pipeline through without `credential`"
    async with aclosing(aiter(x.leases)) as leases:
        async for lease in leases:
            attempt = _Attempt(ports, x, lease)
            try:
                return await attempt.run(payload, stream)
            except UpstreamError as exc:
                failure = exc
                if exc.verdict.action == "give_up":
                    raise
    raise failure or NoCredential()


class _Attempt:
    """One lease, used once; the lease is closed when the attempt fails or the exchange ends."""

    __slots__ = ("_answer", "_lease", "_ports", "_x")

    def __init__(self, ports: Ports, x: Exchange, lease: Lease) -> None:
        self._ports = ports
        self._x = x
        self._lease = lease
        self._answer: Answer | None = None

    async def run(self, payload: Chunk, stream: bool) -> Reply:
        upstream = self._ports.upstreams[self._lease.credential.kind]
        x, meter = self._x, self._ports.meter
        x.lease = self._lease
        try:
            reply = await self._send(payload, stream)
        except UpstreamError as exc:
            self._lease.fail(exc)
            meter.attempted(upstream.name, x.model, exc.error_type)
            await self._end(exc)
            raise
        except BaseException as exc:
            await self._end(exc)
            raise
        meter.attempted(upstream.name, x.model, "ok")
        x.closers.append(self._end_answered)
        return reply

    async def _send(self, payload: Chunk, stream: bool) -> Reply:
        """Send once, and once more for each thing that can be put right without another lease."""
        refreshed = False
        while True:
            try:
                return await self._send_once(payload, stream)
            except UpstreamError as exc:
                if self._answer is not None:
                    self._answer.close()
                mended = self._mended(payload, exc)
                if mended is not None:
                    payload = mended
                elif exc.verdict.action == "refresh" and not refreshed:
                    refreshed = True
                    upstream = self._ports.upstreams[self._lease.credential.kind]
                    if not await upstream.refresh(self._lease):
                        raise
                else:
                    raise

    def _mended(self, payload: Chunk, exc: UpstreamError) -> Chunk | None:
        for repair in self._x.repairs:
            mended = repair(payload, exc)
            if mended is not None:
                self._x.repairs.remove(repair)
                return mended
        return None

    async def _send_once(self, payload: Chunk, stream: bool) -> Reply:
        upstream = self._ports.upstreams[self._lease.credential.kind]
        call = await upstream.call(self._lease, self._x, payload, stream)
        self._answer = answer = await self._ports.transport.send(call)
        if answer.status != 200:
            raise upstream.refusal(answer.status, answer.headers, await answer.read_all())
        decode = upstream.decoder(stream)
        head, first = await (_first_event(answer, decode) if stream else _whole(answer, decode))
        return Reply(answer=answer, decode=decode, first=first, head=head, transparent=upstream.transparent)

    async def _end_answered(self, outcome: BaseException | None) -> None:
        if isinstance(outcome, UpstreamError):
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
