"""Requests that begin alike go to the same unit, whoever else comes and goes."""

from collections import Counter
from typing import Any

from pipeline.affinity import CacheAffine
from pipeline.exchange import Exchange
from tests.pipeline.pools import Rig, busy, exchange, key

NAMES = [f"key-{number}" for number in range(8)]


def asked(prompt: str, *more: str, **fields: Any) -> Exchange:
    x = exchange()
    contents = [{"role": "user", "parts": [{"text": text}]} for text in (prompt, *more)]
    x.payload = {"systemInstruction": {"parts": [{"text": "Be brief."}]}, "contents": contents, **fields}
    return x


async def rig_of(*names: str, **scheduling: Any) -> Rig:
    return await Rig(*map(key, names), strategy="cache-affine", **scheduling).started()


def choice(rig: Rig, x: Exchange) -> str:
    unit = rig.pool._grants.pick(x)
    assert unit is not None
    return unit.credential.id


async def choices(*names: str, prompts: int = 500) -> dict[str, str]:
    rig = await rig_of(*names)
    return {prompt: choice(rig, asked(prompt)) for prompt in map(str, range(prompts))}


async def test_conversation_stays_with_its_unit_as_it_grows():
    rig = await rig_of(*NAMES)
    assert len({choice(rig, asked("hello", *["more"] * turns)) for turns in range(20)}) == 1


async def test_another_system_instruction_or_tool_is_another_prefix():
    rig = await rig_of(*NAMES)
    tools = [{"functionDeclarations": [{"name": f"f{n}"}]} for n in range(50)]
    assert len({choice(rig, asked("hello", tools=[tool])) for tool in tools}) > 4


async def test_shares_are_even():
    shares = Counter((await choices(*NAMES, prompts=4000)).values())
    assert min(shares.values()) > 500 * 0.7
    assert max(shares.values()) < 500 * 1.3


async def test_other_workers_choose_alike_whatever_the_order_of_their_units():
    assert await choices(*NAMES) == await choices(*reversed(NAMES))


async def test_unit_that_goes_moves_only_its_own_requests():
    before, after = await choices(*NAMES), await choices(*NAMES[1:])
    moved = {prompt for prompt in before if before[prompt] != after[prompt]}
    assert moved == {prompt for prompt in before if before[prompt] == NAMES[0]}


async def test_unit_that_comes_later_serves_what_it_would_have_served_from_the_start():
    rig = await rig_of(*NAMES[1:])
    await rig.store.add(key(NAMES[0]))
    await rig.pool.reload()
    assert {prompt: choice(rig, asked(prompt)) for prompt in map(str, range(500))} == await choices(*NAMES)


async def test_ring_is_made_when_credentials_are_loaded_and_not_for_a_request():
    rig = await rig_of(*(f"key-{number}" for number in range(300)))
    (strategy, *_) = [tier.strategy for tier in rig.pool._roster.tiers]
    assert isinstance(strategy, CacheAffine)
    ring = list(strategy._ring)
    assert {place & 0xFFFFFF for place in ring} == set(range(300))
    choice(rig, asked("hello"))
    assert strategy._ring == ring


async def test_resting_unit_moves_only_its_own_requests_and_gets_them_back():
    rig = await rig_of(*NAMES)
    before = {prompt: choice(rig, asked(prompt)) for prompt in map(str, range(300))}
    rested = await rig.meet(busy(seconds=100))
    during = {prompt: choice(rig, asked(prompt)) for prompt in before}
    assert {before[prompt] for prompt in before if before[prompt] != during[prompt]} == {rested}
    rig.clock.time += 110
    assert {prompt: choice(rig, asked(prompt)) for prompt in before} == before


async def test_unit_that_is_busier_than_most_gives_way():
    rig = await rig_of(*NAMES)
    x = asked("everybody asks the same")
    leases = []
    for _ in range(80):
        async for lease in rig.pool.leases(asked("everybody asks the same"), 1, 0.0):
            leases.append(lease)
            break
    shares = Counter(lease.credential.id for lease in leases)
    assert max(shares.values()) <= 1.25 * 80 / 8 + 1
    assert leases[0].credential.id == leases[1].credential.id == choice(await rig_of(*NAMES), x)


async def test_prefix_is_read_once_for_all_attempts():
    rig = await rig_of(*NAMES)
    x = asked("hello")
    first = choice(rig, x)
    x.payload = {}
    assert choice(rig, x) == first
