"""Items become Gemini's contents: messages, calls and their outputs, reasoning with the signature it carries."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from adapters.dialects import free_text
from adapters.dialects.document import converted, object_in
from adapters.dialects.names import Names
from adapters.dialects.openai import media
from adapters.dialects.openai.request import File
from adapters.dialects.responses import items
from adapters.dialects.seal import opened
from adapters.dialects.turns import Turns
from pipeline.errors import BadRequest

Part = dict[str, Any]


class Conversation:
    """Reads items one by one.

    Shape: `turns` are the conversation, `system` the instructions found in it, `fetch` the addresses to fetch.
    """

    def __init__(self, model: str, names: Names) -> None:
        self.turns = Turns(model)
        self.system: list[str] = []
        self.fetch: list[str] = []
        self._names = names
        self._called: set[str] = set()
        self._early: list[tuple[items.CallOutput, str]] = []

    def read(self, given: str | list[dict[str, Any]]) -> None:
        """Take the input in. Errors: BadRequest with the place of what cannot be understood."""
        if isinstance(given, str):
            self.turns.user(_said(given))
            return
        for number, raw in enumerate(given):
            place = f"input[{number}]"
            kind = raw.get("type") or "message"
            if not isinstance(kind, str):
                raise BadRequest(f"{place}.type: expected a string", field=f"{place}.type")
            if kind in items.FOREIGN:
                continue
            form = items.ITEMS.get(kind)
            if form is None:
                stored = " (nothing is stored here: send the item itself)" if kind == "item_reference" else ""
                raise BadRequest(f"{place}.type: {kind!r} cannot be served{stored}", field=f"{place}.type")
            self._item(converted(raw, form, place), place)
        for output, place in self._early:
            self._answer(output, place)

    def _item(self, item: Struct, place: str) -> None:
        match item:
            case items.Message():
                self._message(item, f"{place}.content")
            case items.Reasoning(envelope):
                self.turns.sign(opened(envelope))
            case items.FunctionCall(call_id, name, arguments):
                args = object_in(arguments) if arguments else {}
                self._call(name, call_id, {"value": arguments} if args is None else args)
            case items.CustomToolCall(call_id, name, text):
                self._call(name, call_id, free_text.arguments(text))
            case items.CallOutput():
                # Ids say where an output belongs: one that stands before its call waits for it.
                if item.call_id in self._called:
                    self._answer(item, place)
                else:
                    self._early.append((item, place))

    def _answer(self, item: items.CallOutput, place: str) -> None:
        parts = self._parts(item.output, f"{place}.output")
        text = "\n".join(part["text"] for part in parts if "text" in part)
        found = object_in(text)
        pictures = [part for part in parts if "text" not in part]
        response = {"result": text} if found is None else found
        self.turns.answer(item.call_id, response, pictures, f"{place}.call_id")

    def _call(self, name: str, call_id: str, args: dict[str, Any]) -> None:
        self._called.add(call_id)
        self.turns.call(self._names.upstream(name), call_id, args)

    def _message(self, message: items.Message, place: str) -> None:
        parts = self._parts(message.content, place)
        if message.role == "user":
            self.turns.user(parts)
        elif message.role == "assistant":
            for part in parts:
                self.turns.model(part)
        else:
            self.system.extend(part["text"] for part in parts if "text" in part)

    def _parts(self, content: str | list[items.Part], place: str) -> list[Part]:
        if isinstance(content, str):
            return _said(content)
        return [part for number, each in enumerate(content) for part in self._part(each, f"{place}[{number}]")]

    def _part(self, part: items.Part, place: str) -> list[Part]:
        match part:
            case items.InputText(text) | items.OutputText(text) | items.Refusal(text):
                return _said(text)
            case items.InputImage(url):
                if not url:
                    raise BadRequest(f"{place}.image_url: required, but missing", field=f"{place}.image_url")
                return [media.link(url, f"{place}.image_url", self.fetch)]
            case items.InputAudio(sound):
                return [media.sound(sound, f"{place}.input_audio")]
            case items.InputFile(data, url, file_id, filename):
                if url:
                    return [media.link(url, f"{place}.file_url", self.fetch)]
                return [media.document(File(data, file_id, filename), place)]


def _said(text: str) -> list[Part]:
    """A part for a text; none for an empty one, for Google refuses a part without data."""
    return [{"text": text}] if text else []
