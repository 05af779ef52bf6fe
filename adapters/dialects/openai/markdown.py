"""What chat completions have no field for, as text that every client shows: pictures, files, code and results."""

from __future__ import annotations

from typing import Any

from adapters.dialects.openai.media import standard

_OUTCOME_OK = "OUTCOME_OK"


def shown(part: dict[str, Any]) -> str:
    """Return a part as markdown; an empty string for what is not meant to be seen."""
    if inline := part.get("inlineData"):
        kind = inline.get("mimeType") or "application/octet-stream"
        return _link(kind, f"data:{kind};base64,{standard(inline.get('data') or '')}")
    if file := part.get("fileData"):
        return _link(file.get("mimeType") or "", file.get("fileUri") or "")
    if code := part.get("executableCode"):
        return _fenced((code.get("language") or "").lower(), code.get("code") or "")
    if result := part.get("codeExecutionResult"):
        outcome = result.get("outcome") or _OUTCOME_OK
        output = result.get("output") or ""
        return _fenced("", output if outcome == _OUTCOME_OK else f"{outcome}\n{output}")
    return ""


def _link(kind: str, url: str) -> str:
    return f"![image]({url})" if kind.startswith("image/") else f"[file]({url})"


def _fenced(language: str, text: str) -> str:
    end = "" if text.endswith("\n") else "\n"
    return f"\n```{language}\n{text}{end}```\n"
