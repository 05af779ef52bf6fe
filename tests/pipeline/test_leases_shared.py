"""What other processes change, and what changes while that is read."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

from pipeline.errors import Refused, StoreError, Verdict
from pipeline.ports import Credential
from stores.memory import MemoryCredentials, MemoryState
from tests.pipeline.pools import Rig, account, busy, key


class Interrupted(MemoryState):
    """A store in which something happens while rests are read."""

    meanwhile: Callable[[], object] | None = None

    async def load(self, kind: str) -> dict[str, Any]:
        found = await super().load(kind)
        if kind == "cooldown" and self.meanwhile is not None:
            meanwhile, self.meanwhile = self.meanwhile, None
            meanwhile()
        return found


async def test_change_of_the_store_is_seen_while_running():
    rig = await Rig(key("a")).started()
    await rig.store.add(key("b"))
    for _ in range(5):
        await asyncio.sleep(0)
    assert set(await rig.served(2)) == {"a", "b"}


async def test_change_that_could_not_be_read_is_read_again(monkeypatch):
    class Stumbling(MemoryCredentials):
        stumbles = 0

        async def load(self) -> list[Credential]:
            if self.stumbles:
                self.stumbles -= 1
                raise StoreError("busy just now")
            return await super().load()

    monkeypatch.setattr("pipeline.leases._AGAIN", 0.01)
    rig = Rig(key("a"))
    rig.store = store = Stumbling([key("a")])
    rig.pool = rig._new()
    await rig.started()
    store.stumbles = 2
    await store.add(key("b"))
    async with asyncio.timeout(5):
        while set(rig.states()) != {"a#0", "b#0"}:
            await asyncio.sleep(0.01)


async def test_other_process_on_the_same_state_is_heard():
    rig = await Rig(key("a"), key("b")).started()
    mine = rig.pool
    rig.pool = rig._new()
    await rig.pool.start()
    await rig.meet(busy(seconds=5000))
    rig.pool.disable("b", "by hand")
    other, rig.pool = rig.pool, mine
    mine.wake_state()
    for _ in range(5):
        await asyncio.sleep(0)
    assert rig.states() == {"a#0": "exhausted", "b#0": "disabled"}
    other.enable("b")
    mine.wake_state()
    for _ in range(5):
        await asyncio.sleep(0)
    assert rig.states() == {"a#0": "exhausted", "b#0": "ready"}


async def test_rest_that_another_process_ended_is_over_here_too():
    rig = await Rig(key("a"), account("b")).started()
    mine = rig.pool
    await rig.meet(busy(seconds=5000))
    await rig.meet(Refused("401", verdict=Verdict("credential", "refresh")))
    assert rig.states() == {"a#0": "exhausted", "b#0": "refreshing"}
    rig.pool = rig._new()
    await rig.pool.start()
    rig.pool.enable("a")
    await rig.pool.refreshed((await rig.store.load())[1])
    rig.pool = mine
    await mine.reload()
    assert rig.states() == {"a#0": "ready", "b#0": "ready"}


async def test_rest_that_begins_while_notes_are_read_goes_on():
    rig = Rig(key("a"))
    rig.state = state = Interrupted()
    rig.pool = pool = rig._new()
    await rig.started()
    lease = await rig.lease()
    state.meanwhile = partial(lease.fail, busy(seconds=5000))
    await pool.reload()
    assert rig.states() == {"a#0": "exhausted"}


async def test_credential_disabled_or_enabled_while_notes_are_read_stays_so():
    rig = Rig(key("a"), key("b"))
    rig.state = state = Interrupted()
    rig.pool = pool = rig._new()
    await rig.started()
    for change, after in ((partial(pool.disable, "a", "by hand"), "disabled"), (partial(pool.enable, "a"), "ready")):
        state.meanwhile = change
        await pool.reload()
        assert rig.states() == {"a#0": after, "b#0": "ready"}


async def test_account_replaced_while_its_token_is_renewed_stays_replaced():
    rig = await Rig(account("a")).started()
    (before,) = rig.pool.credentials()
    after = Credential(id="a", kind="code_assist", refresh_token="made-up-other")
    await rig.store.remove("a")
    await rig.store.add(after)
    await rig.pool.reload()
    await rig.pool.refreshed(before)
    assert rig.pool.credentials() == [after]
