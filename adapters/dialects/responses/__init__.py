"""OpenAI's Responses protocol: what Codex and the newer openai libraries speak."""

from adapters.dialects.responses.dialect import OpenAIResponses

__all__ = ["OpenAIResponses"]
