"""What a caller of Responses may send: only the fields that mean something to Gemini; others are ignored.

Source: OpenAI API reference, Responses.
"""

from typing import Any, Literal

from msgspec import Struct, field

from adapters.dialects.openai.request import Effort, Sound

Extra = dict[str, Any]
Number = int | float


class InputText(Struct, tag="input_text"):
    """What somebody says."""

    text: str


class OutputText(Struct, tag="output_text"):
    """What the model said."""

    text: str


class Refusal(Struct, tag="refusal"):
    """What the model would not say."""

    refusal: str


class InputImage(Struct, tag="input_image"):
    """A picture."""

    image_url: str | None = None


class InputFile(Struct, tag="input_file"):
    """A document: base64 or a data URL in `file_data`, or an address in `file_url`."""

    file_data: str | None = None
    file_url: str | None = None
    file_id: str | None = None
    filename: str | None = None


class InputAudio(Struct, tag="input_audio"):
    """A sound."""

    input_audio: Sound


Part = InputText | OutputText | Refusal | InputImage | InputFile | InputAudio


class Message(Struct):
    """One message; the only item whose type may be left out."""

    role: Literal["user", "assistant", "system", "developer"]
    content: str | list[Part]


class FunctionCall(Struct):
    """A call of the model."""

    call_id: str
    name: str
    arguments: str = ""


class CustomToolCall(Struct):
    """A call with free text."""

    call_id: str
    name: str
    input: str = ""


class CallOutput(Struct):
    """What a call gave back."""

    call_id: str
    output: str | list[Part]


class Reasoning(Struct):
    """What the model thought; our envelope is in `encrypted_content`."""

    encrypted_content: str | None = None


ITEMS: dict[str, type[Struct]] = {
    "message": Message,
    "function_call": FunctionCall,
    "custom_tool_call": CustomToolCall,
    "function_call_output": CallOutput,
    "custom_tool_call_output": CallOutput,
    "reasoning": Reasoning,
}

FOREIGN = frozenset(
    {
        "web_search_call",
        "file_search_call",
        "code_interpreter_call",
        "image_generation_call",
        "mcp_list_tools",
        "mcp_call",
    }
)
"""Items that record what OpenAI's own servers did, in a conversation that began there: left out."""


class Tool(Struct):
    """A function, a tool of free text, or a tool of OpenAI's that is known by its type."""

    type: str
    name: str = ""
    description: str | None = None
    parameters: Extra | None = None
    format: Extra | None = None


class Choice(Struct):
    """Which tools may, or must, be called."""

    type: str
    name: str = ""
    mode: Literal["auto", "required"] = "auto"
    tools: list[Tool] = field(default_factory=list)


class Format(Struct):
    """The form of the text."""

    type: Literal["text", "json_object", "json_schema"] = "text"
    schema: Extra | None = None


class Text(Struct):
    """How the text is to be."""

    format: Format | None = None


class ReasoningOptions(Struct):
    """How much to think, and whether to show it."""

    effort: Effort | None = None
    summary: str | None = None


class Body(Struct, kw_only=True):
    """A request for a response."""

    model: str
    input: str | list[Extra]
    instructions: str | None = None
    tools: list[Tool] | None = None
    tool_choice: Literal["auto", "none", "required"] | Choice | None = None
    text: Text | None = None
    reasoning: ReasoningOptions | None = None
    max_output_tokens: int | None = None
    temperature: Number | None = None
    top_p: Number | None = None
    stream: bool | None = None
    metadata: Extra | None = None
    parallel_tool_calls: bool | None = None
    previous_response_id: str | None = None
    conversation: str | Extra | None = None
    prompt: Extra | None = None
    background: bool | None = None
