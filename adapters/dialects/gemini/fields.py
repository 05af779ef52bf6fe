"""Google's request messages as data: which fields hold which message; only *their* names are ever changed.

Google's JSON parser takes `generation_config` for `generationConfig`, one object where a list is due, and
`null` for absent; client libraries use all three, mixed within one body. What this table does not know passes
untouched: schemas, arguments, results and labels are the caller's own names.

Source: generativelanguage v1beta, GenerateContentRequest, CountTokensRequest, EmbedContentRequest.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from pipeline.errors import BadRequest

Field = tuple[str, "Message | None", bool]
"""Name in camelCase, the message it holds (None: a value that passes as it is), whether a list of them."""


class Message(Struct, frozen=True, eq=False):
    """The fields of one message by either spelling of their names."""

    fields: dict[str, Field]


class Misplaced(Exception):
    """A value of the wrong type; gathers its path on the way up."""

    def __init__(self, due: str, found: Any) -> None:
        kinds = {dict: "an object", list: "a list", str: "a string", bool: "a boolean"}
        super().__init__(f"expected {due}, got {kinds.get(type(found), 'a number')}")
        self.steps: list[str] = []

    def under(self, step: str) -> Misplaced:
        self.steps.insert(0, step)
        return self

    def refusal(self) -> BadRequest:
        place = ".".join(self.steps).replace(".[", "[")
        return BadRequest(f"{place}: {self}" if place else f"The request body: {self}", field=place or None)


def message(names: str, **nested: Message | list[Message]) -> Message:
    """A message with those plain fields (camelCase, blank-separated) and those that hold messages."""
    fields: dict[str, Field] = {}
    for name in names.split():
        fields[name] = fields[snake(name)] = (name, None, False)
    for name, held in nested.items():
        many = isinstance(held, list)
        fields[name] = fields[snake(name)] = (name, held[0] if isinstance(held, list) else held, many)
    return Message(fields)


def snake(name: str) -> str:
    """Return the proto spelling of a camelCase name."""
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)


def normalise(node: Any, form: Message) -> dict[str, Any]:
    """Return the message with Google's field names in camelCase, lists where lists are due, and no nulls.

    Shape: edits in place; the order of fields stays.
    Errors: Misplaced where an object or a list is due and something else stands.
    """
    if type(node) is not dict:
        raise Misplaced("an object", node)
    fields = form.fields
    renamed = False
    for key, value in list(node.items()):
        known = fields.get(key)
        if known is None:
            continue
        name, held, many = known
        renamed = renamed or name != key
        if value is None:
            del node[key]
        elif held is not None:
            try:
                node[key] = _each(value, held) if many else normalise(value, held)
            except Misplaced as exc:
                raise exc.under(name) from None
    if renamed:
        return {fields[key][0] if key in fields else key: value for key, value in node.items()}
    return node


def _each(value: Any, held: Message) -> list[dict[str, Any]]:
    if type(value) is dict:
        return [normalise(value, held)]
    if type(value) is not list:
        raise Misplaced("a list", value)
    for index, item in enumerate(value):
        try:
            value[index] = normalise(item, held)
        except Misplaced as exc:
            raise exc.under(f"[{index}]") from None
    return value


BLOB = message("mimeType data displayName")
FILE = message("mimeType fileUri displayName")
PART = message(
    "text thought thoughtSignature partMetadata",
    inlineData=BLOB,
    fileData=FILE,
    functionCall=message("id name args partialArgs willContinue"),
    functionResponse=message(
        "id name response willContinue scheduling", parts=[message("", inlineData=BLOB, fileData=FILE)]
    ),
    executableCode=message("id language code"),
    codeExecutionResult=message("id outcome output"),
    toolCall=message("id toolType args"),
    toolResponse=message("id toolType response"),
    videoMetadata=message("startOffset endOffset fps"),
)
CONTENT = message("role", parts=[PART])
TOOL = message(
    "codeExecution urlContext mcpServers",
    functionDeclarations=[
        message("name description parameters parametersJsonSchema response responseJsonSchema behavior")
    ],
    googleSearch=message("timeRangeFilter excludeDomains searchTypes"),
    googleSearchRetrieval=message("", dynamicRetrievalConfig=message("mode dynamicThreshold")),
    googleMaps=message("enableWidget"),
    fileSearch=message("fileSearchStoreNames topK metadataFilter"),
    computerUse=message("environment excludedPredefinedFunctions"),
)
VOICE = message("", prebuiltVoiceConfig=message("voiceName"))
GENERATION = message(
    "temperature topP topK candidateCount maxOutputTokens stopSequences seed presencePenalty frequencyPenalty"
    " responseLogprobs logprobs responseMimeType responseSchema responseJsonSchema responseModalities"
    " mediaResolution enableEnhancedCivicAnswers audioTimestamp routingConfig modelSelectionConfig"
    " responseFormat",
    thinkingConfig=message("includeThoughts thinkingBudget thinkingLevel"),
    imageConfig=message("aspectRatio imageSize outputMimeType prominentPeople"),
    speechConfig=message(
        "languageCode",
        voiceConfig=VOICE,
        multiSpeakerVoiceConfig=message("", speakerVoiceConfigs=[message("speaker", voiceConfig=VOICE)]),
    ),
)
REQUEST = message(
    "model cachedContent labels serviceTier store continuationToken",
    contents=[CONTENT],
    systemInstruction=CONTENT,
    tools=[TOOL],
    toolConfig=message(
        "includeServerSideToolInvocations",
        functionCallingConfig=message("mode allowedFunctionNames streamFunctionCallArguments"),
        retrievalConfig=message("languageCode", latLng=message("latitude longitude")),
    ),
    safetySettings=[message("category threshold method")],
    generationConfig=GENERATION,
)
COUNT = Message({**REQUEST.fields, **message("", generateContentRequest=REQUEST).fields})
EMBED = message("model taskType title outputDimensionality autoTruncate", content=CONTENT)
BATCH = message("", requests=[EMBED])
