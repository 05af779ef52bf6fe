"""`pollux explain`: what would happen to a request, without sending anything."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
from typing import TYPE_CHECKING, Any, BinaryIO

import click
import msgspec

from pipeline.errors import ProxyError, StoreError
from pollux.commands import configuration
from pollux.problem import ConfigErrors

if TYPE_CHECKING:
    from pipeline.exchange import Chunk, Request
    from pollux.config import Loaded
    from pollux.explanation import Change, Effect, Explanation

_WIDTH = 100
_UNITS_SHOWN = 20


@click.command("explain")
@configuration.option
@click.option("--request", "source", type=click.File("rb"), required=True, help="The request; - is standard input.")
@click.option("--path", default="/v1/chat/completions", show_default=True, help="Where a body without a head goes.")
@click.option("--json", "as_json", is_flag=True, help="For programs; nothing is shortened.")
def command(config: str | None, source: BinaryIO, path: str, as_json: bool) -> None:
    """Show which pipeline and stages a request takes, what each changes, and which credential it would get.

    The file holds a request as in an .http file (request line, headers, empty line, body), or a JSON body alone,
    which is taken to come with the API password. Nothing is sent to Google.
    """
    from pollux.explanation import request_from
    from pollux.serve import with_passwords

    try:
        loaded, _ = with_passwords(configuration.load_or_exit(config))
        request = request_from(source.read(), path, loaded.settings.auth.api_password)
    except ConfigErrors as exc:
        raise click.ClickException(str(exc)) from exc
    except ValueError as exc:
        raise click.BadParameter(str(exc), param_hint="--request") from exc
    try:
        explanation = asyncio.run(_explanation(loaded, request))
    except (ProxyError, StoreError) as exc:
        raise click.ClickException(exc.message) from exc
    click.echo(_json(explanation) if as_json else _text(explanation))


class _Table:
    """The catalogue as far as it is known without asking Google."""

    def __init__(self, kinds: set[str]) -> None:
        self._kinds = kinds

    async def models(self) -> list[Chunk]:
        from adapters.catalogue import merged

        return merged(self._kinds, None)


async def _explanation(loaded: Loaded, request: Request) -> Explanation:
    from pipeline.exchange import Exchange
    from pipeline.plan import steps
    from pollux.explanation import explain
    from pollux.wiring import House

    house = await House.open(loaded, environ=os.environ)
    try:
        dialect = house.dialects.choose(request)
        x = Exchange(secrets.token_hex(8), request, dialect, house.ports.clock.tick())
        if loaded.routes:
            x.route = loaded.pipeline(request.path, dialect.read(request).model)
        kinds = {credential.kind for credential in house.pool.credentials()}
        ports = msgspec.structs.replace(house.ports, catalogue=_Table(kinds))
        return await explain(list(steps(loaded.pipelines[x.route], ports)), x, house.pool.snapshot)
    finally:
        await house.close()


def _json(explanation: Explanation) -> str:
    return json.dumps(msgspec.to_builtins(explanation), indent=2, ensure_ascii=False)


def _text(explanation: Explanation) -> str:
    lines = [f"pipeline {explanation.route}"]
    for effect in explanation.effects:
        lines += ["", effect.stage, *_effect(effect)]
    draw = explanation.lease
    if draw is not None:
        project = f" in project {draw.project}" if draw.project else ""
        got = f"is asked with {draw.credential} ({draw.kind}){project}"
        lines += ["", f"upstream {got if not draw.refused else 'is not asked: ' + draw.refused}"]
        lines += [f"  {line}" for line in draw.why[:_UNITS_SHOWN]]
        if len(draw.why) > _UNITS_SHOWN:
            lines.append(f"  and {len(draw.why) - _UNITS_SHOWN} more: pollux creds list")
    return "\n".join(lines)


def _effect(effect: Effect) -> list[str]:
    lines = [f"  {_change(change)}" for change in effect.changes]
    if effect.refused:
        lines.append(f"  refuses: {effect.refused}")
    return lines or ["  changes nothing"]


def _change(change: Change) -> str:
    return f"{change.field}: {_short(change.before)} -> {_short(change.after)}"


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _WIDTH else f"{text[:_WIDTH]}... ({len(text)} characters)"
