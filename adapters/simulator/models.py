"""The models of November 2026: what each is called, where it is served and how it thinks.

Source: upstream-wire.md §2.9, §3.8, §8.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct

_ALL_LEVELS = ("MINIMAL", "LOW", "MEDIUM", "HIGH")
_NO_MINIMAL = ("LOW", "MEDIUM", "HIGH")


class Model(Struct, frozen=True, kw_only=True):
    """One model as Google serves it.

    Shape: `levels` for models that take thinkingLevel; `budget` the smallest and largest thinkingBudget.
    """

    name: str
    levels: tuple[str, ...] = ()
    default_level: str = "MEDIUM"
    budget: tuple[int, int] | None = None
    can_rest: bool = False
    rests: bool = False
    image: bool = False
    embeds: bool = False
    input_tokens: int = 1_048_576
    output_tokens: int = 65_536
    public: bool = True
    code_assist: bool = False
    long_decode: bool = False
    retired: bool = False

    @property
    def generation(self) -> int:
        """2, 3 or 4; 0 for what is not Gemini."""
        family, _, rest = self.name.partition("-")
        return int(rest[0]) if family == "gemini" and rest[:1].isdigit() else 0

    @property
    def signs(self) -> bool:
        """Whether thought signatures are minted and required."""
        return self.generation >= 3 and not self.embeds

    @property
    def thinks(self) -> bool:
        """Whether the model can think at all."""
        return bool(self.levels or self.budget)

    def listing(self) -> dict[str, Any]:
        """The entry of `GET /v1beta/models`."""
        methods = ["embedContent", "countTextTokens", "countTokens", "asyncBatchEmbedContent"]
        if not self.embeds:
            methods = ["generateContent", "countTokens", "createCachedContent", "batchGenerateContent"]
        entry: dict[str, Any] = {
            "name": f"models/{self.name}",
            "version": "001",
            "displayName": self.name.replace("-", " ").title(),
            "description": f"Simulated {self.name}",
            "inputTokenLimit": self.input_tokens,
            "outputTokenLimit": self.output_tokens,
            "supportedGenerationMethods": methods,
        }
        if not self.embeds:
            entry |= {"temperature": 1, "topP": 0.95, "topK": 64, "maxTemperature": 2}
        return entry | {"thinking": True} if self.thinks else entry


def _flash(name: str, levels: tuple[str, ...], default: str = "MEDIUM", **more: bool) -> Model:
    return Model(name=name, levels=levels, default_level=default, **more)  # type: ignore[arg-type]


_MODELS = [
    Model(name="gemini-4-argon", levels=_NO_MINIMAL, long_decode=True),
    _flash("gemini-3.8-flash", _NO_MINIMAL, code_assist=True),
    _flash("gemini-3.7-flash", _NO_MINIMAL),
    _flash("gemini-3.6-flash", _NO_MINIMAL),
    _flash("gemini-3.5-flash", _ALL_LEVELS),
    _flash("gemini-3.5-flash-lite", _ALL_LEVELS, "MINIMAL", code_assist=True),
    _flash("gemini-3.1-flash-lite", _ALL_LEVELS, "MINIMAL", code_assist=True),
    _flash("gemini-3.1-pro-preview", _NO_MINIMAL, "HIGH", code_assist=True),
    _flash("gemini-3.1-pro-preview-customtools", _NO_MINIMAL, "HIGH", code_assist=True),
    _flash("gemini-3-flash-preview", _ALL_LEVELS, "HIGH", code_assist=True),
    _flash("gemini-3-flash", _ALL_LEVELS, public=False, code_assist=True),
    _flash("gemini-3-pro-preview", ("LOW", "HIGH"), "HIGH", code_assist=True),
    Model(name="gemini-2.5-pro", budget=(128, 32_768), code_assist=True),
    Model(name="gemini-2.5-flash", budget=(1, 24_576), can_rest=True, code_assist=True),
    Model(name="gemini-2.5-flash-lite", budget=(512, 24_576), can_rest=True, rests=True, code_assist=True),
    Model(name="gemini-2.0-flash", retired=True),
    Model(name="gemini-3-pro-image", image=True, levels=("LOW", "HIGH"), default_level="HIGH"),
    Model(name="gemini-3.1-flash-image", image=True, levels=("MINIMAL", "HIGH"), default_level="MINIMAL"),
    Model(name="gemma-4-31b-it", input_tokens=262_144, output_tokens=32_768, code_assist=True),
    Model(name="gemma-4-26b-a4b-it", input_tokens=262_144, output_tokens=32_768, code_assist=True),
    Model(name="gemini-embedding-001", embeds=True, input_tokens=2_048, output_tokens=1),
    Model(name="gemini-embedding-2", embeds=True, input_tokens=8_192, output_tokens=1),
]
MODELS: dict[str, Model] = {model.name: model for model in _MODELS}
ALIASES = {
    "gemini-flash-latest": "gemini-3.8-flash",
    "gemini-pro-latest": "gemini-3.1-pro-preview",
    "gemini-flash-lite-latest": "gemini-3.5-flash-lite",
}


def find(name: str, extra: list[str], *, code_assist: bool = False) -> Model | None:
    """The model of this name on the public API (or Code Assist), None where it is not served.

    Shape: `extra` names are served too, as models nobody has heard of yet.
    """
    if name in extra:
        return Model(name=name, levels=_NO_MINIMAL)
    model = MODELS.get(name if code_assist else ALIASES.get(name, name))
    if model is None or not (model.code_assist if code_assist else model.public):
        return None
    return model
