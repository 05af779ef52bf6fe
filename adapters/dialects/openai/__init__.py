"""OpenAI's chat completions, and its list of models."""

from adapters.dialects.openai.dialect import OpenAIChat
from adapters.dialects.openai.echo import Echo

__all__ = ["Echo", "OpenAIChat"]
