"""A conversation in Gemini's form, built step by step: two roles, and every call with its answer.

Source: generativelanguage v1beta refuses a call without an answer, answers that are not in one content right after
their calls, and a content without parts.
"""

from __future__ import annotations

from itertools import chain
from typing import Any

from msgspec import Struct

from adapters.dialects.openai import ids
from adapters.dialects.seal import Seal
from pipeline.errors import BadRequest
from pipeline.signatures import checks

Part = dict[str, Any]

_NO_RESULT = {"error": "No result was given for this call."}


class Call(Struct):
    """A call of the model, and the answer that stands in the contents for it, be it only to say that there is none."""

    id: str
    answer: Part
    answered: bool = False


class Turns:
    """The contents of a payload; `finish` returns them.

    Shape: parts of one role in a row share a content, each still by itself, as signatures demand. An answer that comes
        late, after others have spoken, is written where its place is: right after its step.
    """

    def __init__(self, model: str) -> None:
        self._contents: list[dict[str, Any]] = []
        self._waiting: list[Call] = []
        self._unanswered: list[Call] = []
        self._beside: list[Part] = []
        self._seal: Seal | None = None
        self._pictures_in_answers = checks(model)

    def user(self, parts: list[Part]) -> None:
        """Add what the user says."""
        self._settle()
        self._add("user", parts)

    def model(self, part: Part) -> None:
        """Add a part of what the model said; it gets the signature that was laid by for one of its kind."""
        self._settle_answered()
        kind = "call" if "functionCall" in part else "text"
        if self._seal and self._seal.on == kind:
            part["thoughtSignature"], self._seal = self._seal.sig, None
        self._add("model", [part])

    def sign(self, seal: Seal | None) -> None:
        """Lay by a signature for the next part of its kind."""
        self._settle_answered()
        self._seal = seal or self._seal

    def call(self, name: str, call_id: str, args: dict[str, Any]) -> None:
        """Add a call of the model."""
        part: Part = {"functionCall": {"name": name, "args": args}}
        answer: Part = {"name": name, "response": dict(_NO_RESULT)}
        if shown := ids.upstream(call_id):
            part["functionCall"]["id"] = answer["id"] = shown
        self.model(part)
        self._waiting.append(Call(call_id, answer))

    def answer(self, call_id: str, response: dict[str, Any], pictures: list[Part], place: str) -> None:
        """Add the answer to a call. Errors: BadRequest when no call of that id waits for one."""
        calls = chain(self._waiting, reversed(self._unanswered))
        call = next((each for each in calls if each.id == call_id and not each.answered), None)
        if call is None:
            raise BadRequest(f"{place}: {call_id!r} is not the id of a call before this", field=place)
        call.answered = True
        call.answer["response"] = response
        if pictures and self._pictures_in_answers:
            call.answer["parts"] = pictures
        else:
            self._beside += pictures

    def finish(self, field: str) -> list[dict[str, Any]]:
        """Return the contents. Errors: BadRequest naming that field when there are none."""
        self._settle()
        if not self._contents:
            raise BadRequest(f"{field}: there is nothing to answer", field=field)
        if self._contents[0]["role"] == "model":
            # Vertex refuses a conversation that the model begins, such as an agent's greeting.
            self._contents.insert(0, {"role": "user", "parts": [{"text": " "}]})
        return self._contents

    def _add(self, role: str, parts: list[Part]) -> None:
        if not parts:
            return
        if self._contents and self._contents[-1]["role"] == role:
            self._contents[-1]["parts"].extend(parts)
        else:
            self._contents.append({"role": role, "parts": parts})

    def _settle_answered(self) -> None:
        """The model speaks again: a step that has answers is over, one without may still get more calls."""
        if self._beside or any(call.answered for call in self._waiting):
            self._settle()

    def _settle(self) -> None:
        """Write a step's answers down: in one content, in the order of the calls, none missing."""
        answers = [{"functionResponse": call.answer} for call in self._waiting]
        self._add("user", answers + self._beside)
        self._unanswered += [call for call in self._waiting if not call.answered]
        self._waiting, self._beside, self._seal = [], [], None
