"""What a caller of Messages may send: only the fields that mean something to Gemini; others are ignored.

Source: Anthropic API reference, Messages, `anthropic-version` 2023-06-01 and 2026-10-21.
"""

from typing import Any, Literal

from msgspec import Struct

Extra = dict[str, Any]
Number = int | float


class Base64(Struct, tag="base64"):
    """Data that comes along."""

    media_type: str
    data: str


class Address(Struct, tag="url"):
    """Data that somebody must fetch."""

    url: str


class Plain(Struct, tag="text"):
    """A document that is text."""

    data: str


class Text(Struct, tag="text"):
    """Text."""

    text: str


class Image(Struct, tag="image"):
    """A picture."""

    source: Base64 | Address


class Nested(Struct, tag="content"):
    """A document made of blocks."""

    content: str | list[Text | Image]


class Document(Struct, tag="document"):
    """A PDF or a text."""

    source: Base64 | Address | Plain | Nested
    title: str | None = None
    context: str | None = None


class SearchResult(Struct, tag="search_result"):
    """What a search of the caller's own found."""

    source: str
    title: str
    content: list[Text]


class Thinking(Struct, tag="thinking"):
    """What the model thought, with the envelope that we gave it as its signature."""

    thinking: str = ""
    signature: str | None = None


class ToolUse(Struct, tag="tool_use"):
    """A call in the assistant's history."""

    id: str
    name: str
    input: Extra


class ToolReference(Struct, tag="tool_reference"):
    """A tool that a search for tools found."""

    tool_name: str


ResultBlock = Text | Image | Document | SearchResult | ToolReference


class ToolResult(Struct, tag="tool_result"):
    """What a called function gave back."""

    tool_use_id: str
    content: str | list[ResultBlock] | None = None
    is_error: bool | None = None


# What only Anthropic's own servers write, in a conversation that began there: nothing that Google could read.


class RedactedThinking(Struct, tag="redacted_thinking"):
    """Thoughts that only Anthropic can read."""


class ServerToolUse(Struct, tag="server_tool_use"):
    """A call that Anthropic's servers made."""


class WebSearchResult(Struct, tag="web_search_tool_result"):
    """What their search found."""


class WebFetchResult(Struct, tag="web_fetch_tool_result"):
    """What they fetched."""


class CodeExecutionResult(Struct, tag="code_execution_tool_result"):
    """What they computed."""


class BashResult(Struct, tag="bash_code_execution_tool_result"):
    """What their shell said."""


class TextEditorResult(Struct, tag="text_editor_code_execution_tool_result"):
    """What they edited."""


class ToolSearchResult(Struct, tag="tool_search_tool_result"):
    """Which tools their search found."""


class McpToolUse(Struct, tag="mcp_tool_use"):
    """A call to an MCP server that they made."""


class McpToolResult(Struct, tag="mcp_tool_result"):
    """What the MCP server answered."""


Foreign = (
    RedactedThinking
    | ServerToolUse
    | WebSearchResult
    | WebFetchResult
    | CodeExecutionResult
    | BashResult
    | TextEditorResult
    | ToolSearchResult
    | McpToolUse
    | McpToolResult
)
Block = Text | Image | Document | SearchResult | Thinking | ToolUse | ToolResult | Foreign


class Message(Struct):
    """One turn."""

    role: Literal["user", "assistant", "system"]
    content: str | list[Block]


class Tool(Struct):
    """A function of the caller's, or a tool of Anthropic's that is known by its type."""

    name: str = ""
    type: str | None = None
    description: str | None = None
    input_schema: Extra | None = None
    blocked_domains: list[str] | None = None


class ToolChoice(Struct):
    """Whether, and which, function must be called."""

    type: Literal["auto", "any", "tool", "none"]
    name: str | None = None


class ThinkingConfig(Struct):
    """How much to think, and whether to show it."""

    type: Literal["enabled", "disabled", "adaptive", "between_tools"]
    budget_tokens: int | None = None
    display: Literal["summarized", "omitted"] | None = None


class Format(Struct):
    """The schema that an answer must fit."""

    type: Literal["json_schema"]
    schema: Extra


class OutputConfig(Struct):
    """The form of the answer and the effort that goes into it."""

    effort: Literal["low", "medium", "high", "xhigh", "max"] | None = None
    format: Format | None = None


class Body(Struct, kw_only=True):
    """A request for a message."""

    model: str
    messages: list[Message]
    system: str | list[Text] | None = None
    tools: list[Tool] | None = None
    tool_choice: ToolChoice | None = None
    thinking: ThinkingConfig | None = None
    output_config: OutputConfig | None = None
    max_tokens: int | None = None
    stop_sequences: list[str] | None = None
    temperature: Number | None = None
    top_p: Number | None = None
    top_k: int | None = None
    stream: bool | None = None
