"""Carries a plan out: what is not there yet is added, what is there stays as it is."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Literal

import msgspec
from msgspec import Struct

from pipeline import costs, keys, usage
from pipeline.errors import StoreError
from pipeline.exchange import Key
from pipeline.penalties import Note
from pipeline.units import fingerprint
from stores.forms import identity

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from pipeline.ports import StateStore
    from pollux.credentials import Credentials
    from pollux.imports.plan import Condition, CredentialItem, ImportPlan, KeyItem

HOLDER = "import"
_RESTING = "it was resting where it was imported from"


class Outcome(Struct, frozen=True):
    """What became of an item."""

    kind: str
    name: str
    result: Literal["added", "known", "failed"]
    error: str = ""


async def apply(plan: ImportPlan, held: Credentials) -> AsyncIterator[Outcome]:
    """Do what the plan says, except for settings, and tell of each item. Errors: StoreError when a store fails."""
    there = {identity(each) for each in await held.store.load()}
    added: list[tuple[str, CredentialItem]] = []
    for item in plan.credentials:
        if identity(item.credential) in there:
            yield Outcome(item.kind, item.name, "known")
            continue
        try:
            name = await held.store.add(item.credential)
        except StoreError as exc:
            yield Outcome(item.kind, item.name, "failed", exc.message)
            continue
        added.append((name, item))
        yield Outcome(item.kind, name, "added")
    await held.pool.reload()
    for name, item in added:
        _restore(name, item, held)
        if any(item.usage.values()):
            held.state.count(usage.KIND, f"credential/{name}", item.usage)
    async for outcome in _apply_keys(plan, held.state):
        yield outcome
    known = await held.state.load(costs.KIND)
    for cost in plan.costs:
        if cost.name not in known:
            held.state.put(costs.KIND, cost.name, {"cost": cost.cost})
        yield Outcome(cost.kind, cost.name, "known" if cost.name in known else "added")


def _restore(name: str, item: CredentialItem, held: Credentials) -> None:
    """Take a new credential out of use, or let it rest, as it was; one project of several, where it was only that."""
    projects = item.credential.projects or [""]
    for place, project in enumerate(projects):
        condition = item.conditions.get(project)
        if condition is None:
            continue
        unit = f"{name}#{place}"
        if condition.disabled:
            held.pool.disable(name if len(projects) == 1 else unit, condition.disabled)
        _rest(unit, item, condition, held.state)


def _rest(unit: str, item: CredentialItem, condition: Condition, state: StateStore) -> None:
    for model, until in condition.rests.items():
        note = Note(unit, fingerprint(item.credential), model, until, reason=_RESTING)
        state.put("cooldown", f"{unit} {model}", msgspec.to_builtins(note))


async def _apply_keys(plan: ImportPlan, state: StateStore) -> AsyncIterator[Outcome]:
    known = {document.get("digest") for document in (await state.load(keys.KIND)).values()}
    for item in plan.keys:
        digest = keys.digest_of(item.secret)
        if digest not in known:
            known.add(digest)
            await _add_key(item, digest, state)
            yield Outcome(item.kind, item.name, "added")
        else:
            yield Outcome(item.kind, item.name, "known")


async def _add_key(item: KeyItem, digest: str, state: StateStore) -> None:
    key = Key(
        id=secrets.token_hex(6),
        mask=item.name,
        description=item.description,
        created=item.created,
        enabled=item.enabled,
        expires=item.expires,
        total_quota=item.total_quota,
        rpm=item.rpm,
        tpm=item.tpm,
        concurrency=item.concurrency,
    )
    document = {name: value for name, value in msgspec.to_builtins(key).items() if name != "id"}
    if item.used:
        # First, so that a crash in between leaves no key that may use its quota again.
        account = keys.account_of(key.id, "total")
        granted = await state.take(account, HOLDER, item.used, max(item.used, item.total_quota))
        await state.settle(account, HOLDER, granted, 0)
    state.put(keys.KIND, key.id, {**document, "digest": digest})
