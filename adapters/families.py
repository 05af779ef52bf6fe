"""What is known of Google's models before anybody asks Google: limits, thinking, and who serves them.

Source: https://ai.google.dev/gemini-api/docs/models and gemini-cli `config/models.ts`, read in November 2026.
"""

from __future__ import annotations

from msgspec import Struct

from pipeline.exchange import Chunk

_GENERATES = ("generateContent", "countTokens")
_EMBEDS = ("embedContent", "batchEmbedContents")
_CODE_ASSIST = frozenset({"code_assist"})
_PUBLIC = frozenset({"gemini_api", "vertex", "vertex_express"})
_STUDIO = frozenset({"gemini_api"})
_EVERYWHERE = _PUBLIC | _CODE_ASSIST


class Family(Struct, frozen=True):
    """One model, and the kinds of credentials that serve it. Units: limits in tokens."""

    name: str
    title: str
    kinds: frozenset[str] = _EVERYWHERE
    input_limit: int = 1_048_576
    output_limit: int = 65_536
    thinking: bool = True
    methods: tuple[str, ...] = _GENERATES

    def entry(self) -> Chunk:
        """Return the model as `models.list` has it."""
        entry: Chunk = {
            "name": f"models/{self.name}",
            "version": "001",
            "displayName": self.title,
            "inputTokenLimit": self.input_limit,
            "outputTokenLimit": self.output_limit,
            "supportedGenerationMethods": list(self.methods),
        }
        return {**entry, "thinking": True} if self.thinking else entry


def _image(name: str, title: str) -> Family:
    return Family(name, title, _PUBLIC, 65_536, 32_768)


def _embedding(name: str, title: str, input_limit: int) -> Family:
    return Family(name, title, _PUBLIC, input_limit, 1, thinking=False, methods=_EMBEDS)


FAMILIES: tuple[Family, ...] = (
    Family("gemini-4-argon", "Gemini 4 Argon", _PUBLIC),
    Family("gemini-3.8-flash", "Gemini 3.8 Flash"),
    Family("gemini-3.7-flash", "Gemini 3.7 Flash", _PUBLIC),
    Family("gemini-3.6-flash", "Gemini 3.6 Flash", _PUBLIC),
    Family("gemini-3.5-flash", "Gemini 3.5 Flash"),
    Family("gemini-3.5-flash-lite", "Gemini 3.5 Flash-Lite"),
    Family("gemini-3.1-flash-lite", "Gemini 3.1 Flash-Lite"),
    Family("gemini-3.1-pro-preview", "Gemini 3.1 Pro Preview"),
    Family("gemini-3.1-pro-preview-customtools", "Gemini 3.1 Pro Preview Custom Tools"),
    Family("gemini-3-pro-preview", "Gemini 3 Pro Preview", _CODE_ASSIST),
    Family("gemini-3-flash", "Gemini 3 Flash", _CODE_ASSIST),
    Family("gemini-3-flash-preview", "Gemini 3 Flash Preview"),
    Family("gemini-2.5-pro", "Gemini 2.5 Pro"),
    Family("gemini-2.5-flash", "Gemini 2.5 Flash"),
    Family("gemini-2.5-flash-lite", "Gemini 2.5 Flash-Lite"),
    Family("gemma-4-31b-it", "Gemma 4 31B IT", _STUDIO | _CODE_ASSIST, 262_144, 32_768),
    Family("gemma-4-26b-a4b-it", "Gemma 4 26B A4B IT", _STUDIO | _CODE_ASSIST, 262_144, 32_768),
    _image("gemini-3-pro-image", "Gemini 3 Pro Image"),
    _image("gemini-3.1-flash-image", "Gemini 3.1 Flash Image"),
    _embedding("gemini-embedding-001", "Gemini Embedding 001", 2_048),
    _embedding("gemini-embedding-2", "Gemini Embedding 2", 8_192),
    Family("gemini-pro-latest", "Gemini Pro Latest", _STUDIO),
    Family("gemini-flash-latest", "Gemini Flash Latest", _STUDIO),
    Family("gemini-flash-lite-latest", "Gemini Flash-Lite Latest", _STUDIO),
)
