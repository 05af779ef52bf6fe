"""What an answer rests on: Google's grounding as OpenAI's url_citation annotations.

Source: generativelanguage v1beta, GroundingMetadata: its offsets count UTF-8 bytes; OpenAI's count characters.
"""

from __future__ import annotations

from typing import Any


def citations(grounding: dict[str, Any], text: str) -> list[dict[str, Any]]:
    """Return the annotations of that text.

    Shape: one for each source of each supported passage; sources that support no passage in particular stand at the end
        of the text.
    Units: offsets in characters of the text.
    """
    webs = [chunk.get("web") or {} for chunk in grounding.get("groundingChunks") or ()]
    passages = _Passages(text)
    cited: set[int] = set()
    found = []
    for support in grounding.get("groundingSupports") or ():
        start, end = passages.place(support.get("segment") or {})
        for number in support.get("groundingChunkIndices") or ():
            if 0 <= number < len(webs) and webs[number].get("uri"):
                cited.add(number)
                found.append(_citation(webs[number], start, end))
    rest = (web for number, web in enumerate(webs) if number not in cited and web.get("uri"))
    return found + [_citation(web, len(text), len(text)) for web in rest]


def _citation(web: dict[str, Any], start: int, end: int) -> dict[str, Any]:
    return {
        "type": "url_citation",
        "url_citation": {
            "start_index": start,
            "end_index": end,
            "url": web["uri"],
            "title": web.get("title") or web["uri"],
        },
    }


class _Passages:
    """Where passages stand in a text."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.raw = text.encode()

    def place(self, segment: dict[str, Any]) -> tuple[int, int]:
        """The passage's place in characters.

        The offsets are into one part; where pictures or code stand between the parts, the passage's own text tells.
        """
        first, last = int(segment.get("startIndex") or 0), int(segment.get("endIndex") or 0)
        start, end = self._characters(first), self._characters(last)
        quoted = segment.get("text") or ""
        if quoted and self.text[start:end] != quoted and (found := self.text.find(quoted)) >= 0:
            return found, found + len(quoted)
        return start, max(start, end)

    def _characters(self, offset: int) -> int:
        return len(self.raw[: max(offset, 0)].decode(errors="ignore"))
