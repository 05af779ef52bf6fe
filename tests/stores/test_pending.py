"""What waits to be written is bounded, whole, and in order."""

from hypothesis import given
from hypothesis import strategies as st

from stores import pending as module
from stores.pending import Pending

MEGABYTE = 1024 * 1024


def written(pending):
    return [(batch.number, dict(batch.documents), set(batch.discounts), batch.counts) for batch in pending.batches()]


def test_batch_that_was_not_written_comes_again_as_it_was():
    pending = Pending(MEGABYTE)
    pending.put("k", "a", b"1")
    pending.count("k", "a", {"x": 1})
    for batch in pending.batches():
        first = batch
        break  # as an error does
    pending.put("k", "a", b"2")
    pending.count("k", "a", {"x": 2})
    assert pending.find("k", "a") == (True, b"2")
    again, later = list(pending.batches())
    assert again is first
    assert (again.number, again.documents, again.counts) == (1, {("k", "a"): b"1"}, {("k", "a"): {"x": 1}})
    assert (later.number, later.documents, later.counts) == (2, {("k", "a"): b"2"}, {("k", "a"): {"x": 2}})
    assert len(pending) == 0
    assert pending.find("k", "a") == (False, None)


def test_what_waits_is_bounded_and_what_is_refused_is_counted():
    pending = Pending(10 * 1024)
    for number in range(100):
        pending.put("k", str(number), b"x" * 1000)
        pending.count("k", str(number), {"x": 1})
    kept = len(pending)
    assert 5 < kept < 20
    assert pending.dropped > 100
    pending.put("k", "0", b"y" * 1000)  # what is known is brought up to date all the same
    assert pending.find("k", "0") == (True, b"y" * 1000)
    assert len(pending) == kept
    assert sum(len(documents) for _, documents, _, _ in written(pending)) > 5
    dropped = pending.dropped
    for number in range(7):
        pending.put("k", str(number), b"x" * 1000)
    assert pending.dropped == dropped


def test_what_no_database_could_hold_is_refused_and_blocks_nothing():
    pending = Pending(100 * MEGABYTE)
    for key in ("a\0b", "x" * 1000, "\ud800"):
        pending.put("k", key, b"1")
        pending.count("k", key, {"x": 1})
        pending.count("k", "a", {key: 1})
        pending.discount("k", key)
    pending.put("k", "a", b"x" * (9 * MEGABYTE))
    assert (pending.dropped, len(pending)) == (13, 0)


def test_many_keys_are_written_in_several_batches(monkeypatch):
    monkeypatch.setattr(module, "_AT_ONCE", 10)
    pending = Pending(MEGABYTE)
    for number in range(25):
        pending.discount("k", str(number))
        pending.count("k", str(number), {"x": number})
        pending.put("k", str(number), b"1")
    batches = written(pending)
    assert [number for number, *_ in batches] == [1, 2, 3, 4, 5, 6][: len(batches)]
    for _, documents, _, _ in batches:
        assert len(documents) <= 10
    for _, _, discounts, counts in batches:
        assert discounts == counts.keys()  # a key's counters are forgotten and counted in one batch
    assert sum(len(documents) for _, documents, _, _ in batches) == 25


CHANGE = st.tuples(
    st.sampled_from(["put", "count", "discount", "write", "fail"]), st.sampled_from("abc"), st.integers(1, 9)
)


@given(st.lists(CHANGE))
def test_any_order_of_changes_and_failures_ends_as_if_each_had_been_written_at_once(changes):
    pending = Pending(MEGABYTE)
    expected: tuple[dict, dict] = ({}, {})
    there: tuple[dict, dict] = ({}, {})

    def apply(batch):
        documents, counts = there
        documents.update(batch.documents)
        for place in batch.discounts:
            counts.pop(place, None)
        for place, amounts in batch.counts.items():
            counts[place] = counts.get(place, 0) + amounts["x"]

    for verb, key, number in changes:
        place = ("k", key)
        if verb == "put":
            pending.put(*place, b"%d" % number)
            expected[0][place] = b"%d" % number
        elif verb == "count":
            pending.count(*place, {"x": number})
            expected[1][place] = expected[1].get(place, 0) + number
        elif verb == "discount":
            pending.discount(*place)
            expected[1].pop(place, None)
        else:
            for batch in pending.batches():
                if verb == "fail":
                    break
                apply(batch)
    for batch in pending.batches():
        apply(batch)
    assert there == expected
    assert pending._used == 0
