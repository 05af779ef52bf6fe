"""What several pieces of one answer rest on, as one: no source twice, and every passage with its own sources.

Source: generativelanguage v1beta, GroundingMetadata. Of one answer Google sends it once or several times: pieces that
repeat what came before (its JavaScript libraries keep the last one), and pieces of what is new, numbered from 0 again
(google-genai adds up the steps of a continued answer so). Sources that are known by what they are serve both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from pipeline.exchange import Chunk

_SOURCES, _PASSAGES, _NUMBERS = "groundingChunks", "groundingSupports", "groundingChunkIndices"
_QUERIES = ("webSearchQueries", "imageSearchQueries", "retrievalQueries")

_key = msgspec.json.Encoder(order="deterministic").encode


def joined(old: Chunk, new: Chunk) -> Chunk:
    """Return the groundingMetadata of two pieces of one answer; neither is changed.

    Shape: the numbers in `new` are places among its own sources; where it has none, among those of `old`.
    """
    if not old:
        return new
    sources, places = _numbered(old.get(_SOURCES) or [], new.get(_SOURCES) or [])
    passages = [*(old.get(_PASSAGES) or ()), *(_renumbered(each, places) for each in new.get(_PASSAGES) or ())]
    whole = {**old, **new}
    if sources:
        whole[_SOURCES] = sources
    if passages:
        whole[_PASSAGES] = list({_key([each.get("segment"), each.get(_NUMBERS)]): each for each in passages}.values())
    whole.update((name, united(old[name], new[name])) for name in _QUERIES if old.get(name) and new.get(name))
    return whole


def shifted(grounding: Chunk, offset: int) -> Chunk:
    """Return it for a text that stands that much later in the answer. Units: bytes of UTF-8, as Google counts."""
    if not offset or not grounding.get(_PASSAGES):
        return grounding
    return {**grounding, _PASSAGES: [_moved(each, offset) for each in grounding[_PASSAGES]]}


def united(old: list[Any], new: list[Any]) -> list[Any]:
    """Return two lists of evidence as one in which nothing stands twice."""
    return list({_key(each): each for each in (*old, *new)}.values())


def _numbered(old: list[Any], new: list[Any]) -> tuple[list[Any], list[int]]:
    """The sources of both, and the place among them of each new one."""
    whole, places = [*old], []
    known = {_key(source): place for place, source in enumerate(old)}
    for source in new:
        place = known.setdefault(_key(source), len(whole))
        places.append(place)
        if place == len(whole):
            whole.append(source)
    return whole, places


def _renumbered(passage: Chunk, places: list[int]) -> Chunk:
    numbers = passage.get(_NUMBERS)
    if not numbers or not places:
        return passage
    # A number beyond its own sources can only be a place among all of them.
    return {**passage, _NUMBERS: [places[each] if 0 <= each < len(places) else each for each in numbers]}


def _moved(passage: Chunk, offset: int) -> Chunk:
    segment = passage.get("segment")
    if not segment:
        return passage
    start, end = (int(segment.get(name) or 0) + offset for name in ("startIndex", "endIndex"))
    return {**passage, "segment": {**segment, "startIndex": start, "endIndex": end}}
