"""How Pollux names itself to upstream."""

from __future__ import annotations

import platform
import sys
from string import Formatter
from urllib.parse import quote

DEFAULT_AGENT = "pollux/{version}"
_FIELDS = {"version", "model", "platform", "arch"}
_ARCHITECTURES = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64"}


class UserAgent:
    """Renders the User-Agent of a call from a template with {version}, {model}, {platform}, {arch}.

    Shape: `GeminiCLI/{version}/{model} ({platform}; {arch}; terminal)` renders the form of Google's own tool;
        platform is linux | darwin | win32, arch x64 | arm64.
    Errors: ValueError for a template with other fields.
    """

    __slots__ = ("_fixed", "_parts", "_template")

    def __init__(self, version: str, template: str = DEFAULT_AGENT) -> None:
        named = {name for _, name, _, _ in Formatter().parse(template) if name is not None}
        if unknown := named - _FIELDS:
            raise ValueError(f"user_agent knows {sorted(_FIELDS)}, not {sorted(unknown)}")
        machine = platform.machine().lower()
        self._template = template
        self._parts = {
            "version": version,
            "platform": sys.platform,
            "arch": _ARCHITECTURES.get(machine, machine),
        }
        self._fixed = None if "model" in named else self._render("")

    def __call__(self, model: str) -> bytes:
        """Return the header's value for a call of that model."""
        return self._render(model) if self._fixed is None else self._fixed

    def _render(self, model: str) -> bytes:
        # The model's name is the caller's: nothing of it may end a header line.
        return self._template.format(model=quote(model, safe="/@:"), **self._parts).encode("latin-1", "replace")
