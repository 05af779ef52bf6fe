"""Cutting bytes where it hurts: anywhere, at random, or inside characters and line ends."""

from __future__ import annotations

import random
from collections.abc import Iterator

from adapters.simulator.scenario import Chunking


def pieces(data: bytes, chunking: Chunking) -> Iterator[bytes]:
    """The bytes in the pieces that the chunking asks for; joined they are the same bytes."""
    start = 0
    for end in (*_cuts(data, chunking), len(data)):
        if end > start:
            yield data[start:end]
            start = end


def _cuts(data: bytes, chunking: Chunking) -> list[int]:
    if chunking.split == "fixed":
        return list(range(chunking.size, len(data), chunking.size))
    if chunking.split == "random":
        return _random_cuts(len(data), chunking)
    if chunking.split == "hostile":
        return [i for i in range(1, len(data)) if _inside(data[i - 1], data[i])]
    return []


def _random_cuts(length: int, chunking: Chunking) -> list[int]:
    dice = random.Random(chunking.seed)
    cuts = [0]
    while cuts[-1] < length:
        cuts.append(cuts[-1] + dice.randint(1, chunking.size))
    return cuts[1:]


def _inside(before: int, after: int) -> bool:
    """Whether a cut here falls inside a UTF-8 sequence or between CR and LF."""
    return after & 0xC0 == 0x80 or (before == 0x0D and after == 0x0A)
