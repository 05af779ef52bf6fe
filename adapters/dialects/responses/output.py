"""The output of a response, item by item, and the events that tell of it.

Shape: one state for both forms of an answer: a stream sends the events, a document only keeps the items.
Source: measured with openai 2.54 and 3.52: indices may not repeat, an item's id may not change between its events,
a delta must follow the part it belongs to.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson
from msgspec import Struct

from adapters.dialects import free_text
from adapters.dialects.openai import ids
from adapters.dialects.openai.citations import citations
from adapters.dialects.openai.markdown import shown
from adapters.dialects.responses.request import Echo
from adapters.dialects.seal import sealed
from pipeline.exchange import Chunk
from pipeline.grounding import joined

Event = dict[str, Any]
Item = dict[str, Any]


class Form(Struct, frozen=True):
    """How one kind of call is written: its item, the prefix of its id, its events, and the field of its input."""

    item: str
    prefix: str
    events: str
    field: str


_FUNCTION = Form("function_call", "fc", "response.function_call_arguments", "arguments")
_CUSTOM = Form("custom_tool_call", "ctc", "response.custom_tool_call_input", "input")


class Output:
    """Gathers items; every change yields its events, which have no sequence number yet."""

    def __init__(self, response_id: str, echo: Echo) -> None:
        self.items: list[Item] = []
        self.open: Item | None = None
        self.answered = False
        self.called: set[str] = set()
        self._response_id = response_id
        self._echo = echo
        self._text: list[str] = []
        self._grounding: dict[str, Any] = {}

    @property
    def index(self) -> int:
        """The place of the newest item."""
        return len(self.items) - 1

    def take(self, chunk: Chunk) -> Iterator[Event]:
        """Take in a chunk's first candidate: a response knows no others."""
        for candidate in chunk.get("candidates") or ():
            if candidate.get("index"):
                continue
            for part in (candidate.get("content") or {}).get("parts") or ():
                yield from self._part(part)
            if grounding := candidate.get("groundingMetadata"):
                self._grounding = joined(self._grounding, grounding)

    def close(self, status: str = "completed", envelope: str | None = None) -> Iterator[Event]:
        """End the open item, if there is one."""
        item, self.open = self.open, None
        if item is None:
            return
        text, self._text = "".join(self._text), []
        if item["type"] == "reasoning":
            yield from self._close_reasoning(item, text, envelope)
        else:
            yield from self._close_message(item, text, status)
        yield {"type": "response.output_item.done", "output_index": self.index, "item": item}

    def say(self, text: str) -> None:
        """Keep a piece of text of the open item, whose event somebody else has made."""
        self._text.append(text)

    def _part(self, part: dict[str, Any]) -> Iterator[Event]:
        if part.get("thought"):
            yield from self._says("reasoning", part.get("text", ""))
            return
        if "thoughtSignature" in part:
            yield from self._sign(part)
        if "functionCall" in part:
            yield from self._call(part["functionCall"])
        else:
            yield from self._says("message", part["text"] if "text" in part else shown(part))

    def _says(self, kind: str, text: str) -> Iterator[Event]:
        if not text:
            return
        if self.open is None or self.open["type"] != kind:
            yield from self.close()
            yield from self._begin_reasoning() if kind == "reasoning" else self._begin_message()
        self.say(text)
        if kind == "reasoning":
            yield self._of_summary("response.reasoning_summary_text.delta", delta=text)
        else:
            self.answered = True
            yield self._of_content("response.output_text.delta", delta=text, logprobs=[])

    def _sign(self, part: dict[str, Any]) -> Iterator[Event]:
        """Put a signature into the reasoning before its part.

        One that comes after its text, or with more of it, is let go: Google does not check those.
        """
        if self.open and self.open["type"] == "message" and "functionCall" not in part:
            return
        if part.get("text") == "" and not self.open:
            return
        if self.open is None or self.open["type"] != "reasoning":
            yield from self.close()
            yield self._added({"type": "reasoning", "summary": []}, "rs")
        yield from self.close(envelope=sealed(part))

    def _call(self, call: dict[str, Any]) -> Iterator[Event]:
        yield from self.close()
        self.answered = True
        name = self._echo.names.get(call["name"], call["name"])
        args = call.get("args") or {}
        if name in self._echo.custom:
            form, text = _CUSTOM, free_text.text_of(args)
        else:
            form, text = _FUNCTION, orjson.dumps(args).decode()
        called = {"call_id": ids.portable(call.get("id"), self.called), "name": name, "status": "in_progress"}
        yield self._added({"type": form.item, **called, form.field: ""}, form.prefix)
        self.open = None
        item = self.items[-1]
        place = {"item_id": item["id"], "output_index": self.index}
        yield {"type": f"{form.events}.delta", **place, "delta": text}
        item[form.field], item["status"] = text, "completed"
        yield {"type": f"{form.events}.done", **place, "name": name, form.field: text}
        yield {"type": "response.output_item.done", "output_index": self.index, "item": item}

    def _begin_reasoning(self) -> Iterator[Event]:
        yield self._added({"type": "reasoning", "summary": []}, "rs")
        part = {"type": "summary_text", "text": ""}
        yield self._of_summary("response.reasoning_summary_part.added", part=part)

    def _begin_message(self) -> Iterator[Event]:
        yield self._added({"type": "message", "status": "in_progress", "role": "assistant", "content": []}, "msg")
        yield self._of_content("response.content_part.added", part=_output_text(""))

    def _close_reasoning(self, item: Item, text: str, envelope: str | None) -> Iterator[Event]:
        if text:
            part = {"type": "summary_text", "text": text}
            item["summary"] = [part]
            yield self._of_summary("response.reasoning_summary_text.done", text=text)
            yield self._of_summary("response.reasoning_summary_part.done", part=part)
        item["encrypted_content"] = envelope

    def _close_message(self, item: Item, text: str, status: str) -> Iterator[Event]:
        part = _output_text(text)
        item["content"], item["status"] = [part], status
        grounding, self._grounding = self._grounding, {}
        for number, each in enumerate(citations(grounding, text) if grounding else ()):
            citation = {"type": each["type"], **each["url_citation"]}
            part["annotations"].append(citation)
            name = "response.output_text.annotation.added"
            yield self._of_content(name, annotation_index=number, annotation=citation)
        yield self._of_content("response.output_text.done", text=text, logprobs=[])
        yield self._of_content("response.content_part.done", part=part)

    def _added(self, item: Item, prefix: str) -> Event:
        item = {"id": f"{prefix}_{self._response_id}_{len(self.items)}", **item}
        self.items.append(item)
        self.open = item
        return {"type": "response.output_item.added", "output_index": self.index, "item": dict(item)}

    def _of_summary(self, name: str, **said: Any) -> Event:
        place = {"item_id": self.items[-1]["id"], "output_index": self.index, "summary_index": 0}
        return {"type": name, **place, **said}

    def _of_content(self, name: str, **said: Any) -> Event:
        place = {"item_id": self.items[-1]["id"], "output_index": self.index, "content_index": 0}
        return {"type": name, **place, **said}


def _output_text(text: str) -> dict[str, Any]:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
