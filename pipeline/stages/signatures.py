"""Stage `signatures`: thought signatures survive callers that drop them, workers that change, and models that do."""

from pipeline.errors import UpstreamError
from pipeline.exchange import Chunk, Exchange, Pipe
from pipeline.ports import Ports
from pipeline.signatures import checks, current_turn, fill_missing, replace_all
from pipeline.sources import parts_of
from pipeline.stage import Stage, StageConfig
from pipeline.vault import Kept, Vault


class Signatures(StageConfig, frozen=True):
    """Give back the thought signatures that Gemini wants to see again.

    A signature the caller sends along is used as it is. One that the caller dropped is restored by the id of its
    function call, wherever in the house it was seen. Where none can be had, as with history from another model, the
    bypass that Google documents takes its place. A request that Google still refuses because of its signatures is sent
    once more with the bypass throughout.
    """

    name = "signatures"
    needs = frozenset({"payload", "model", "operation"})

    def build(self, ports: Ports) -> Stage:
        vault = ports.vault

        async def signatures(x: Exchange) -> None:
            if x.operation != "generate" or not checks(x.model):
                return
            contents = x.payload.get("contents") or []
            if len(contents) > 1:
                await _restore(contents, x.model, vault)
                x.payload["contents"] = fill_missing(contents, x.model)
                x.repairs.append(_without_signatures)
            if x.payload.get("tools"):
                x.pipes.append(_keeper(x, vault))

        return signatures


async def _restore(contents: list[Chunk], model: str, vault: Vault) -> None:
    for content in contents[current_turn(contents) + 1 :]:
        for part in content.get("parts") or ():
            call = part.get("functionCall")
            known = call.get("id") if call else None
            if "thoughtSignature" in part or not known or not isinstance(known, str):
                continue
            kept = await vault.find(known)
            if kept is not None and kept.model == model and kept.function == call.get("name"):
                part["thoughtSignature"] = kept.signature


def _keeper(x: Exchange, vault: Vault) -> Pipe:
    def keep(chunk: Chunk) -> Chunk:
        for part in parts_of(chunk):
            call = part.get("functionCall")
            if call and call.get("id") and part.get("thoughtSignature"):
                vault.keep(call["id"], Kept(part["thoughtSignature"], x.model, call.get("name", "")))
        return chunk

    return keep


def _without_signatures(payload: Chunk, exc: UpstreamError) -> Chunk | None:
    """Mend a request whose signatures came from another model, route or account."""
    if exc.status != 400 or "signature" not in exc.message.lower():
        return None
    return {**payload, "contents": replace_all(payload.get("contents") or [])}
