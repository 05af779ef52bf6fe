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


VERBS = st.sampled_from(["put", "count", "discount", "write", "fail"])


class Written:
    """A database, and what it would hold had each change been written at once."""

    def __init__(self):
        self.documents, self.counts = {}, {}

    def put(self, place, number):
        self.documents[place] = b"%d" % number

    def count(self, place, number):
        self.counts[place] = self.counts.get(place, 0) + number

    def discount(self, place, number):
        self.counts.pop(place, None)

    def apply(self, batch):
        self.documents.update(batch.documents)
        for place in batch.discounts:
            self.discount(place, 0)
        for place, amounts in batch.counts.items():
            self.count(place, amounts["x"])


@given(st.lists(st.tuples(VERBS, st.sampled_from("abc"), st.integers(1, 9))))
def test_any_order_of_changes_and_failures_ends_as_if_each_had_been_written_at_once(changes):
    pending, expected, there = Pending(MEGABYTE), Written(), Written()
    waiting = {
        "put": lambda key, number: pending.put("k", key, b"%d" % number),
        "count": lambda key, number: pending.count("k", key, {"x": number}),
        "discount": lambda key, number: pending.discount("k", key),
    }
    for verb, key, number in [*changes, ("write", "", 0)]:
        if verb in waiting:
            waiting[verb](key, number)
            getattr(expected, verb)(("k", key), number)
            continue
        for batch in pending.batches():
            if verb == "fail":
                break
            there.apply(batch)
    assert (there.documents, there.counts) == (expected.documents, expected.counts)
    assert pending._used == 0
