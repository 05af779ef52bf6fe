"""Cut bytes, joined again, are the same bytes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from adapters.simulator.pieces import pieces
from adapters.simulator.scenario import Chunking

CHUNKINGS = st.builds(
    Chunking,
    split=st.sampled_from(["whole", "fixed", "random", "hostile"]),
    size=st.integers(1, 20),
    seed=st.integers(),
)


@given(st.binary(), CHUNKINGS)
def test_pieces_join_to_the_same_bytes(data, chunking):
    cut = list(pieces(data, chunking))
    assert b"".join(cut) == data
    assert b"" not in cut


def test_hostile_cuts_inside_characters_and_line_ends():
    assert list(pieces("é\r\n".encode(), Chunking("hostile"))) == [b"\xc3", b"\xa9\r", b"\n"]
