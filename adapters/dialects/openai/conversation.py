"""Messages become Gemini's contents: two roles, calls and answers in pairs, signatures where they were.

Source: generativelanguage v1beta, Content; "Thought signatures"; OpenAI API reference, messages.
"""

from __future__ import annotations

import re
from itertools import chain
from typing import Any

from msgspec import Struct

from adapters.dialects import free_text
from adapters.dialects.document import object_in
from adapters.dialects.names import Names
from adapters.dialects.openai import ids, media, request
from pipeline.errors import BadRequest

Part = dict[str, Any]
Content = dict[str, Any]

_PICTURE = re.compile(r"!\[[^\]\n]*\]\((data:image/[\w.+-]+;base64,[A-Za-z0-9+/=_-]+)\)")
_TAKES_PICTURES_AS_RESULT = re.compile(r"gemini-(?:[3-9]|[1-9]\d)")
_NO_RESULT = {"error": "No result was given for this call."}


class Call(Struct):
    """A call of the model, and the answer that stands in the contents for it, be it only to say that there is none."""

    name: str
    id: str | None
    answer: Part
    answered: bool = False


class Conversation:
    """The conversation as Gemini wants it, built message by message.

    Shape: `contents` and `system` are for the payload; `fetch` gathers addresses as `media.link` says. An answer that
        comes late, after others have spoken, is written where its place is: right after its step.
    """

    def __init__(self, model: str, names: Names) -> None:
        self.contents: list[Content] = []
        self.system: list[str] = []
        self.fetch: list[str] = []
        self._names = names
        self._calls: list[Call] = []
        self._unanswered: list[Call] = []
        self._beside: list[Part] = []
        self._pictures_in_results = _TAKES_PICTURES_AS_RESULT.search(model) is not None

    def read(self, messages: list[request.Message]) -> None:
        """Take the messages in. Errors: BadRequest with the place of what cannot be understood."""
        for number, message in enumerate(messages):
            place = f"messages[{number}]"
            match message:
                case request.System() | request.Developer():
                    self.system.extend(self._words(message.content, place))
                case request.User():
                    self._settle()
                    self._add("user", self._parts(message.content, place))
                case request.Assistant():
                    self._settle()
                    self._add("model", self._said(message, place))
                case request.Tool() | request.Function():
                    self._answered(message, place)
        self._settle()
        self._begin_with_user()

    def _begin_with_user(self) -> None:
        if not self.contents and self.system:
            self._add("user", [{"text": self.system.pop()}])
        if not self.contents:
            raise BadRequest("messages: there is nothing to answer", field="messages")
        if self.contents[0]["role"] == "model":
            # Code Assist and Vertex refuse a conversation that the model begins, such as a bot's greeting.
            self.contents.insert(0, {"role": "user", "parts": [{"text": " "}]})

    def _add(self, role: str, parts: list[Part]) -> None:
        """Append parts; those of one role in a row are one content, each part still by itself (signatures)."""
        if not parts:
            return
        if self.contents and self.contents[-1]["role"] == role:
            self.contents[-1]["parts"].extend(parts)
        else:
            self.contents.append({"role": role, "parts": parts})

    def _words(self, content: request.Content, place: str) -> list[str]:
        words = []
        for part in self._parts(content, place):
            if "text" not in part:
                raise BadRequest(f"{place}.content: instructions are text only", field=f"{place}.content")
            words.append(part["text"])
        return words

    def _parts(self, content: request.Content, place: str) -> list[Part]:
        """The parts of a content; empty texts are left out, for Google refuses a part without data."""
        if isinstance(content, str):
            return [{"text": content}] if content else []
        parts = (self._part(part, f"{place}.content[{number}]") for number, part in enumerate(content or ()))
        return [part for part in parts if part.get("text") != ""]

    def _part(self, part: request.Part, place: str) -> Part:
        match part:
            case request.TextPart(text) | request.RefusalPart(text):
                return {"text": text}
            case request.ImagePart(link):
                url = link if isinstance(link, str) else link.url
                return media.link(url, f"{place}.image_url", self.fetch)
            case request.VideoPart(link):
                url = link if isinstance(link, str) else link.url
                return media.link(url, f"{place}.video_url", self.fetch)
            case request.AudioPart(sound):
                return media.sound(sound, f"{place}.input_audio")
            case request.FilePart(file):
                return media.document(file, f"{place}.file")

    def _said(self, message: request.Assistant, place: str) -> list[Part]:
        """The parts of an assistant's message: its text and pictures, then its calls."""
        parts: list[Part] = []
        for part in self._parts(message.content, place):
            parts.extend(_with_pictures(part["text"]) if "text" in part else [part])
        if message.refusal:
            parts.append({"text": message.refusal})
        if signature := _signature(message):
            if not parts:
                parts.append({"text": ""})
            parts[-1]["thoughtSignature"] = signature
        calls = message.tool_calls or ()
        parts.extend(
            self._called(_function(each, f"{place}.tool_calls[{number}]"), each.id, _signature(each))
            for number, each in enumerate(calls)
        )
        if message.function_call and not calls:
            parts.append(self._called(message.function_call, None, None))
        return parts

    def _called(self, function: request.Called, known: str | None, signature: str | None) -> Part:
        name = self._names.upstream(function.name)
        part: Part = {"functionCall": {"name": name, "args": _arguments(function.arguments)}}
        answer: Part = {"name": name, "response": dict(_NO_RESULT)}
        if shown := ids.upstream(known):
            part["functionCall"]["id"] = answer["id"] = shown
        self._calls.append(Call(name, known, answer))
        if signature := signature or function.thought_signature:
            part["thoughtSignature"] = signature
        return part

    def _answered(self, message: request.Tool | request.Function, place: str) -> None:
        """Put an answer to the call it belongs to. Errors: BadRequest when there is no such call."""
        waiting = (call for call in chain(self._calls, reversed(self._unanswered)) if not call.answered)
        if isinstance(message, request.Function):
            name = self._names.upstream(message.name)
            call = next((call for call in waiting if call.name == name), None)
            key = "name"
        else:
            asked = message.tool_call_id
            call = next((call for call in waiting if asked is None or call.id == asked), None)
            key = "tool_call_id"
        if call is None:
            raise BadRequest(
                f"{place}: a message of role 'tool' must answer a call of an assistant message before it",
                field=f"{place}.{key}",
            )
        texts, others = [], []
        for part in self._parts(message.content, place):
            texts.append(part["text"]) if "text" in part else others.append(part)
        call.answered = True
        call.answer["response"] = _response("\n".join(texts))
        if others and self._pictures_in_results:
            call.answer["parts"] = others
        else:
            self._beside += others

    def _settle(self) -> None:
        """Write the answers down: all of one step in one content, in the order of the calls, none missing."""
        answers: list[Part] = [{"functionResponse": call.answer} for call in self._calls]
        self._add("user", answers + self._beside)
        self._unanswered += [call for call in self._calls if not call.answered]
        self._calls, self._beside = [], []


def _with_pictures(text: str) -> list[Part]:
    """The parts of a model's text in which pictures of its own stand as data URLs."""
    if "](data:image/" not in text:
        return [{"text": text}]
    pieces = _PICTURE.split(text)
    parts = [media.inline(piece, "content") if number % 2 else {"text": piece} for number, piece in enumerate(pieces)]
    return [part for part in parts if part.get("text") != ""]


def _function(call: request.ToolCall, place: str) -> request.Called:
    """The call as one of a function, which stands for a custom tool as well."""
    if call.custom:
        return request.Called(call.custom.name, free_text.arguments(call.custom.input))
    if call.function is None:
        raise BadRequest(f"{place}.function: required, but missing", field=f"{place}.function")
    return call.function


def _arguments(arguments: str | request.Extra | None) -> request.Extra:
    """What a call was called with; what is no JSON object (cut short, for one) is kept as a value."""
    if isinstance(arguments, dict):
        return arguments
    if not arguments:
        return {}
    found = object_in(arguments)
    return {"value": arguments} if found is None else found


def _response(text: str) -> request.Extra:
    found = object_in(text)
    return {"result": text} if found is None else found


def _signature(holder: request.Assistant | request.ToolCall) -> str | None:
    """A thought signature in any of the spellings that clients have."""
    google = (holder.extra_content or {}).get("google")
    found = google.get("thought_signature") if isinstance(google, dict) else None
    found = found or holder.thought_signature or holder.camel_signature
    return found if isinstance(found, str) and found else None
