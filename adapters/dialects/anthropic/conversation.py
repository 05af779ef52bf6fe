"""Messages of blocks become Gemini's contents: text, pictures, calls, their answers, and signatures in their place."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from adapters.dialects.anthropic import messages
from adapters.dialects.names import Names
from adapters.dialects.openai import media
from adapters.dialects.seal import opened
from adapters.dialects.turns import Turns
from pipeline.errors import BadRequest

Part = dict[str, Any]


def read(body: messages.Body, names: Names, fetch: list[str]) -> tuple[list[dict[str, Any]], list[Part]]:
    """Return the contents and the parts of the system instruction.

    Shape: addresses that somebody must fetch are added to `fetch`.
    Errors: BadRequest with the place of what cannot be understood.
    """
    system = _texts(body.system)
    turns = Turns(body.model)
    for number, message in enumerate(body.messages):
        place = f"messages[{number}].content"
        if message.role == "assistant":
            _assistant(turns, message, names, place)
        elif message.role == "system":
            system.extend(part for part in _parts(message.content, place, fetch) if "text" in part)
        else:
            _user(turns, message, place, fetch)
    return turns.finish("messages"), system


def _texts(content: str | list[messages.Text] | None) -> list[Part]:
    texts = [content] if isinstance(content, str) else [block.text for block in content or ()]
    return [{"text": text} for text in texts if text]


def _user(turns: Turns, message: messages.Message, place: str, fetch: list[str]) -> None:
    """A user's message; the answers to calls come first, wherever they stand in it."""
    blocks = [message.content] if isinstance(message.content, str) else message.content
    said: list[Part] = []
    for number, block in enumerate(blocks):
        here = place if isinstance(message.content, str) else f"{place}[{number}]"
        if isinstance(block, messages.ToolResult):
            pictures: list[Part] = []
            response = _result(block, here, pictures, fetch)
            turns.answer(block.tool_use_id, response, pictures, f"{here}.tool_use_id")
        elif isinstance(block, messages.ToolUse | messages.Thinking):
            raise BadRequest(f"{here}: only the assistant thinks and calls tools", field=here)
        else:
            said.extend(_parts(block, here, fetch) if isinstance(block, str) else _block(block, here, fetch))
    turns.user(said)


def _assistant(turns: Turns, message: messages.Message, names: Names, place: str) -> None:
    blocks = [messages.Text(message.content)] if isinstance(message.content, str) else message.content
    for number, block in enumerate(blocks):
        match block:
            case messages.Text(text):
                if text:
                    turns.model({"text": text})
            case messages.Thinking(_, signature):
                turns.sign(opened(signature))
            case messages.ToolUse(id, name, args):
                turns.call(names.upstream(name), id, args)
            case messages.Image() | messages.Document() | messages.SearchResult() | messages.ToolResult():
                here = f"{place}[{number}]"
                raise BadRequest(f"{here}: only the user shows pictures, documents and results", field=here)


def _result(block: messages.ToolResult, place: str, pictures: list[Part], fetch: list[str]) -> dict[str, Any]:
    """The response of a call; what is no text is added to `pictures`."""
    parts = _parts(block.content or "", f"{place}.content", fetch)
    pictures.extend(part for part in parts if "text" not in part)
    text = "\n".join(part["text"] for part in parts if "text" in part)
    return {"error" if block.is_error else "result": text}


def _parts(content: str | Iterable[Any], place: str, fetch: list[str]) -> list[Part]:
    if isinstance(content, str):
        return [{"text": content}] if content else []
    return [part for number, block in enumerate(content) for part in _block(block, f"{place}[{number}]", fetch)]


def _block(block: messages.Block | messages.ToolReference, place: str, fetch: list[str]) -> list[Part]:
    """The parts of what a user shows; nothing for what only Anthropic's servers can read."""
    match block:
        case messages.Text(text):
            return [{"text": text}] if text else []
        case messages.Image(source):
            return [_source(source, f"{place}.source", fetch)]
        case messages.Document(source, title, context):
            head = "\n".join(line for line in (title, context) if line)
            return [*_parts(head, place, fetch), *_document(source, f"{place}.source", fetch)]
        case messages.SearchResult(source, title, content):
            return [{"text": "\n".join([title, source, *(text.text for text in content)])}]
        case messages.ToolReference(name):
            return [{"text": name}]
    return []


def _document(
    source: messages.Base64 | messages.Address | messages.Plain | messages.Nested, place: str, fetch: list[str]
) -> list[Part]:
    if isinstance(source, messages.Plain):
        return _parts(source.data, place, fetch)
    if isinstance(source, messages.Nested):
        return _parts(source.content, f"{place}.content", fetch)
    return [_source(source, place, fetch)]


def _source(source: messages.Base64 | messages.Address, place: str, fetch: list[str]) -> Part:
    if isinstance(source, messages.Address):
        return media.link(source.url, f"{place}.url", fetch)
    return media.inline(f"data:{source.media_type};base64,{source.data}", f"{place}.data")
