"""What every state store promises."""

import asyncio

from pipeline.ports import Account


async def test_document_put_is_loaded_by_its_kind_and_key(state):
    state.put("cooldown", "a", {"until": 1.5, "why": "冷却\0 \" ' $x.y"})
    state.put("cooldown", "b/c.d:$e", {})
    state.put("rotation", "a", {"unit": "a"})
    kept = {"a": {"until": 1.5, "why": "冷却\0 \" ' $x.y"}, "b/c.d:$e": {}}
    assert await state.load("cooldown") == kept
    assert await state.get("cooldown", "a") == kept["a"]
    assert await state.load("nothing") == {}
    assert await state.get("nothing", "a") is None


async def test_latest_put_wins_and_none_removes(state):
    for number in range(100):
        state.put("count", "a", {"number": number})
    state.put("count", "b", {})
    state.put("count", "b", None)
    state.put("count", "never", None)
    assert await state.load("count") == {"a": {"number": 99}}
    state.put("count", "a", None)
    assert await state.get("count", "a") is None
    await state.flush()
    assert await state.load("count") == {}
    assert await state.get("count", "a") is None


async def test_document_is_there_at_once_for_whoever_put_it(state):
    state.put("kind", "a", {"number": 1})
    assert await state.get("kind", "a") == {"number": 1}


async def test_loaded_documents_belong_to_whoever_loaded_them(state):
    mine = {"list": [1]}
    state.put("kind", "a", mine)
    mine["list"].append(2)
    (await state.load("kind"))["a"]["list"].append(3)
    assert await state.load("kind") == {"a": {"list": [1]}}


async def test_many_puts_are_all_there_after_a_flush(state):
    for number in range(600):  # more than MongoDB is given at once
        state.put("many", str(number), {"number": number})
    await state.flush()
    assert len(await state.load("many")) == 600


async def test_counts_add_up_by_name(state):
    state.count("usage", "gemini-2.5-pro/a", {"calls": 1, "tokens.in $": 10})
    state.count("usage", "gemini-2.5-pro/a", {"calls": 1, "冷": -3})
    state.count("usage", "b", {"calls": 5})
    await state.flush()
    state.count("usage", "b", {"calls": 2**40})
    state.count("other", "b", {"calls": 1})
    assert await state.counts("usage") == {
        "gemini-2.5-pro/a": {"calls": 2, "tokens.in $": 10, "冷": -3},
        "b": {"calls": 5 + 2**40},
    }


async def test_counts_forgotten_begin_anew(state):
    for key in ("a", "ab"):
        state.count("usage", key, {"calls": 1, "tokens": 2})
    await state.flush()
    state.count("usage", "a", {"calls": 4})
    state.discount("usage", "a")
    state.count("usage", "a", {"calls": 3})
    assert await state.counts("usage") == {"a": {"calls": 3}, "ab": {"calls": 1, "tokens": 2}}
    state.discount("usage", "a")
    assert await state.counts("usage") == {"ab": {"calls": 1, "tokens": 2}}


async def test_account_gives_what_is_left_and_no_more(state):
    assert await state.take("key/day", "worker.1", 100, 150) == 100
    assert await state.take("key/day", "worker.2", 100, 150) == 50
    assert await state.take("key/day", "worker.1", 1, 150) == 0
    assert await state.take("key/day", "worker.1", 10, 155) == 5
    assert await state.take("key/day", "worker.1", 10, 20) == 0
    assert await state.accounts("key/") == {"key/day": Account(0, {"worker.1": 105, "worker.2": 50})}


async def test_settled_lease_is_spent_and_the_rest_can_be_taken_again(state):
    await state.take("a", "one", 10, 10)
    await state.settle("a", "one", 3, 2)
    assert await state.accounts("a") == {"a": Account(3, {"one": 5})}
    assert await state.take("a", "two", 10, 10) == 2
    await state.settle("a", "one", 5, 0)
    await state.settle("a", "two", 0, 2)
    assert await state.accounts("a") == {"a": Account(8, {})}


async def test_spent_on_credit_counts_too(state):
    await state.settle("a", "one", 7, 0)
    await state.take("a", "one", 2, 10)
    await state.settle("a", "one", 4, 0)
    assert await state.accounts("a") == {"a": Account(11, {})}
    assert await state.take("a", "one", 1, 10) == 0


async def test_accounts_are_found_by_how_they_begin_until_closed(state):
    for name in ("key-1/day", "key-1/total", "key-10/day", "other", "key-1_/x", "key-1/冷"):
        await state.take(name, "h", 1, 1)
    assert set(await state.accounts("key-1/")) == {"key-1/day", "key-1/total", "key-1/冷"}
    assert set(await state.accounts("")) >= {"key-1/day", "key-1/total", "key-1/冷"}
    await state.close_account("key-1/day")
    await state.close_account("nobody")
    assert set(await state.accounts("key-1/")) == {"key-1/total", "key-1/冷"}
    assert await state.take("key-1/day", "h", 1, 1) == 1


async def test_takers_at_once_never_get_more_than_there_is(state):
    grants = await asyncio.gather(*(state.take("a", f"h{number % 7}", 3, 100) for number in range(50)))
    assert sum(grants) == 100
    assert sum((await state.accounts("a"))["a"].leased.values()) == 100


async def test_claim_is_of_one_holder_until_it_ends(state):
    assert await state.claim("refresh/a", "one", 60)
    assert not await state.claim("refresh/a", "two", 60)
    assert not await state.claim("refresh/a", "two", 0)
    assert await state.claim("refresh/b", "two", 60)
    assert await state.claim("refresh/a", "one", 60)
    assert await state.claim("refresh/a", "one", 0)
    assert await state.claim("refresh/a", "two", 0.05)
    await asyncio.sleep(0.1)
    assert await state.claim("refresh/a", "one", 60)
