"""JSON with what people write into it by hand: comments, trailing commas, bare names, single quotes.

Source: json5.org, sections 2 to 5; numbers stay JSON's own.
"""

import json
import re
from typing import Any

_COMMENT = re.compile(r"""(?P<double>"(?:\\.|[^"\\])*")|(?P<single>'(?:\\.|[^'\\])*')|//[^\n]*|/\*.*?\*/""", re.DOTALL)
_LOOSE = re.compile(r"""(?P<string>"(?:\\.|[^"\\])*")|(?P<name>[A-Za-z_$][\w$]*)(?=\s*:)|,(?=\s*[}\]])""", re.DOTALL)


def read(text: str) -> Any:
    """Return what the text holds. Errors: ValueError."""
    return json.loads(_LOOSE.sub(_strict, _COMMENT.sub(_without_comment, text)))


def _without_comment(match: re.Match[str]) -> str:
    if match["single"] is not None:
        inner = match["single"][1:-1].replace("\\'", "'")
        return '"' + re.sub(r'(?<!\\)"', r"\"", inner) + '"'
    return match["double"] or " "


def _strict(match: re.Match[str]) -> str:
    if match["name"] is not None:
        return f'"{match["name"]}"'
    return match["string"] or ""
