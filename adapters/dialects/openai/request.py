"""What a caller of chat completions may send: only the fields that mean something to Gemini; others are ignored.

Source: OpenAI API reference, chat completions; `extra_content` and `extra_body` as Google's own OpenAI layer has them.
"""

from typing import Any, Literal

from msgspec import Struct, field

Extra = dict[str, Any]
Number = int | float


class TextPart(Struct, tag="text"):
    """Text."""

    text: str


class RefusalPart(Struct, tag="refusal"):
    """What the model would not say, in an assistant's history."""

    refusal: str


class Link(Struct):
    """A data URL or an address."""

    url: str
    detail: str | None = None


class ImagePart(Struct, tag="image_url"):
    """A picture; some clients give the URL alone."""

    image_url: Link | str


class VideoPart(Struct, tag="video_url"):
    """A film, as several OpenAI-compatible servers take it."""

    video_url: Link | str


class Sound(Struct):
    """Base64 and its format: wav, mp3, ..."""

    data: str
    format: str


class AudioPart(Struct, tag="input_audio"):
    """A sound."""

    input_audio: Sound


class File(Struct):
    """A document: base64 or a data URL in `file_data`, or a Google file's URI in `file_id`."""

    file_data: str | None = None
    file_id: str | None = None
    filename: str | None = None


class FilePart(Struct, tag="file"):
    """A document."""

    file: File


Part = TextPart | RefusalPart | ImagePart | VideoPart | AudioPart | FilePart
Content = str | list[Part] | None


class Called(Struct):
    """Which function, and its arguments as the model wrote them; some clients send the object itself."""

    name: str
    arguments: str | Extra | None = None
    thought_signature: str | None = None


class CustomCalled(Struct):
    """Which custom tool, and the text it was called with."""

    name: str
    input: str = ""


class ToolCall(Struct):
    """A call in an assistant's history: of a function or of a custom tool."""

    function: Called | None = None
    custom: CustomCalled | None = None
    id: str | None = None
    extra_content: Extra | None = None
    thought_signature: str | None = None
    camel_signature: str | None = field(default=None, name="thoughtSignature")


class System(Struct, tag_field="role", tag="system"):
    """What holds for the whole conversation."""

    content: Content = None


class Developer(Struct, tag_field="role", tag="developer"):
    """The same under its newer name."""

    content: Content = None


class User(Struct, tag_field="role", tag="user"):
    """What the user says."""

    content: Content = None


class Assistant(Struct, tag_field="role", tag="assistant"):
    """What the model said before."""

    content: Content = None
    tool_calls: list[ToolCall] | None = None
    function_call: Called | None = None
    refusal: str | None = None
    extra_content: Extra | None = None
    thought_signature: str | None = None
    camel_signature: str | None = field(default=None, name="thoughtSignature")


class Tool(Struct, tag_field="role", tag="tool"):
    """What a called function gave back."""

    content: Content = None
    tool_call_id: str | None = None


class Function(Struct, tag_field="role", tag="function"):
    """The same in the deprecated form, found by name."""

    name: str
    content: Content = None


Message = System | Developer | User | Assistant | Tool | Function


class Declared(Struct):
    """A function the model may call."""

    name: str
    description: str | None = None
    parameters: Extra | None = None


class Grammar(Struct):
    """What the text for a custom tool must fit."""

    definition: str


class CustomFormat(Struct):
    """How the text for a custom tool is to be."""

    grammar: Grammar | None = None


class Custom(Struct):
    """A tool of free text that the model may call."""

    name: str
    description: str | None = None
    format: CustomFormat | None = None


class Format(Struct):
    """A schema that the answer must fit."""

    schema: Extra | None = None


class ResponseFormat(Struct):
    """The form of the answer."""

    type: Literal["text", "json_object", "json_schema"]
    json_schema: Format | None = None


class Audio(Struct):
    """How a spoken answer sounds."""

    voice: str | None = None
    format: Literal["wav", "pcm16"] = "wav"


class StreamOptions(Struct):
    """What a stream tells besides the answer."""

    include_usage: bool | None = None


Effort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]


class Body(Struct, kw_only=True):
    """A request for a chat completion."""

    model: str
    messages: list[Message]
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    tools: list[Extra] | None = None
    tool_choice: str | Extra | None = None
    functions: list[Declared] | None = None
    function_call: str | Extra | None = None
    web_search_options: Extra | None = None
    response_format: ResponseFormat | None = None
    reasoning_effort: Effort | None = None
    modalities: list[Literal["text", "image", "audio"]] | None = None
    audio: Audio | None = None
    n: int | None = None
    stop: str | list[str] | None = None
    seed: int | None = None
    temperature: Number | None = None
    top_p: Number | None = None
    top_k: Number | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    presence_penalty: Number | None = None
    frequency_penalty: Number | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    extra_body: Extra | None = None
    google: Extra | None = None


class Named(Struct):
    """Which tool."""

    name: str


class ToolChoice(Struct):
    """One tool that must be called, or several that may be."""

    type: Literal["function", "custom", "allowed_tools"] = "function"
    function: Named | None = None
    custom: Named | None = None
    allowed_tools: "AllowedTools | None" = None


class AllowedTools(Struct):
    """The tools that may be called, and whether one must be."""

    tools: list["ToolEntry"]
    mode: Literal["auto", "required"] = "auto"


class ToolEntry(Struct):
    """A tool, declared or named."""

    function: Named | None = None
    custom: Named | None = None
