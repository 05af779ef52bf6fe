"""Anthropic's Messages protocol: what Claude Code and the anthropic libraries speak."""

from adapters.dialects.anthropic.dialect import Anthropic

__all__ = ["Anthropic"]
