"""Google's own protocol: what google-genai, Gemini CLI and plain REST calls speak."""

from adapters.dialects.gemini.dialect import Gemini

__all__ = ["Gemini"]
