"""Google's request messages: which fields there are, on which face, and of what type.

Shape: `name:type`; `*` is a list, `map<T>` a map of T; a capital letter begins a message, `Struct` is any object,
`Value` anything, `=A|B` one of these words. Source: upstream-wire.md §3.3, §2.3, §3.6, §3.7.
"""

from __future__ import annotations

import re
from typing import Literal

Face = Literal["gemini", "code_assist", "vertex"]
Fields = dict[str, str]

_SCHEMA_TYPES = "=TYPE_UNSPECIFIED|STRING|NUMBER|INTEGER|BOOLEAN|ARRAY|OBJECT|NULL"
_LEVELS = "=THINKING_LEVEL_UNSPECIFIED|MINIMAL|LOW|MEDIUM|HIGH|XHIGH"
_MODES = "=MODE_UNSPECIFIED|AUTO|ANY|NONE|VALIDATED"
_THRESHOLDS = (
    "=HARM_BLOCK_THRESHOLD_UNSPECIFIED|BLOCK_LOW_AND_ABOVE|BLOCK_MEDIUM_AND_ABOVE|BLOCK_ONLY_HIGH|BLOCK_NONE|OFF"
)
_MEDIA = "=MEDIA_RESOLUTION_UNSPECIFIED|MEDIA_RESOLUTION_LOW|MEDIA_RESOLUTION_MEDIUM|MEDIA_RESOLUTION_HIGH"

_COMMON: dict[str, str] = {
    "GenerateContentRequest": "model:string contents:*Content systemInstruction:Content tools:*Tool"
    " toolConfig:ToolConfig safetySettings:*SafetySetting generationConfig:GenerationConfig cachedContent:string",
    "Content": "role:string parts:*Part",
    "Part": "text:string inlineData:Blob fileData:FileData functionCall:FunctionCall"
    " functionResponse:FunctionResponse executableCode:ExecutableCode codeExecutionResult:CodeExecutionResult"
    " toolCall:ToolCall toolResponse:ToolResponse thought:bool thoughtSignature:bytes"
    " videoMetadata:VideoMetadata mediaResolution:PartMediaResolution partMetadata:Struct",
    "Blob": "mimeType:string data:bytes displayName:string",
    "FileData": "mimeType:string fileUri:string displayName:string",
    "FunctionCall": "id:string name:string args:Struct",
    "FunctionResponse": "id:string name:string response:Struct parts:*FunctionResponsePart willContinue:bool"
    " scheduling:=SCHEDULING_UNSPECIFIED|SILENT|WHEN_IDLE|INTERRUPT",
    "FunctionResponsePart": "inlineData:Blob fileData:FileData",
    "ExecutableCode": "id:string language:=LANGUAGE_UNSPECIFIED|PYTHON code:string",
    "CodeExecutionResult": "id:string output:string"
    " outcome:=OUTCOME_UNSPECIFIED|OUTCOME_OK|OUTCOME_FAILED|OUTCOME_DEADLINE_EXCEEDED",
    "ToolCall": "id:string toolType:string args:Struct",
    "ToolResponse": "id:string toolType:string response:Struct",
    "VideoMetadata": "startOffset:string endOffset:string fps:float",
    "PartMediaResolution": f"level:{_MEDIA}|MEDIA_RESOLUTION_ULTRA_HIGH numTokens:int",
    "Tool": "functionDeclarations:*FunctionDeclaration googleSearch:GoogleSearch"
    " googleSearchRetrieval:Struct codeExecution:Empty urlContext:Empty googleMaps:GoogleMaps"
    " fileSearch:FileSearch computerUse:ComputerUse mcpServers:*Struct",
    "FunctionDeclaration": "name:string description:string parameters:Schema parametersJsonSchema:Value"
    " response:Schema responseJsonSchema:Value behavior:=UNSPECIFIED|BLOCKING|NON_BLOCKING",
    "GoogleSearch": "timeRangeFilter:Struct excludeDomains:*string searchTypes:Struct",
    "GoogleMaps": "enableWidget:bool",
    "FileSearch": "fileSearchStoreNames:*string topK:int metadataFilter:string",
    "ComputerUse": "environment:string excludedPredefinedFunctions:*string",
    "Empty": "",
    "Schema": f"type:{_SCHEMA_TYPES} format:string title:string description:string nullable:bool enum:*string"
    " items:Schema minItems:int maxItems:int properties:map<Schema> required:*string minProperties:int"
    " maxProperties:int minimum:float maximum:float minLength:int maxLength:int pattern:string example:Value"
    " anyOf:*Schema propertyOrdering:*string default:Value",
    "ToolConfig": "functionCallingConfig:FunctionCallingConfig retrievalConfig:RetrievalConfig"
    " includeServerSideToolInvocations:bool",
    "FunctionCallingConfig": f"mode:{_MODES} allowedFunctionNames:*string",
    "RetrievalConfig": "latLng:LatLng languageCode:string",
    "LatLng": "latitude:float longitude:float",
    "SafetySetting": f"category:string threshold:{_THRESHOLDS}",
    "GenerationConfig": "temperature:float topP:float topK:float candidateCount:int maxOutputTokens:int"
    " stopSequences:*string seed:int presencePenalty:float frequencyPenalty:float responseLogprobs:bool"
    " logprobs:int responseMimeType:string responseSchema:Schema responseJsonSchema:Value"
    f" responseModalities:*string imageConfig:ImageConfig speechConfig:Struct mediaResolution:{_MEDIA}"
    " thinkingConfig:ThinkingConfig enableEnhancedCivicAnswers:bool",
    "ImageConfig": "aspectRatio:string imageSize:string",
    "ThinkingConfig": f"includeThoughts:bool thinkingBudget:int thinkingLevel:{_LEVELS}",
    "CountTokensRequest": "contents:*Content generateContentRequest:GenerateContentRequest",
    "EmbedContentRequest": "model:string content:Content title:string outputDimensionality:int"
    " taskType:=TASK_TYPE_UNSPECIFIED|RETRIEVAL_QUERY|RETRIEVAL_DOCUMENT|SEMANTIC_SIMILARITY|CLASSIFICATION"
    "|CLUSTERING|QUESTION_ANSWERING|FACT_VERIFICATION|CODE_RETRIEVAL_QUERY",
    "BatchEmbedContentsRequest": "requests:*EmbedContentRequest",
}

_VERTEX_CONFIG = "routingConfig:Struct modelSelectionConfig:Struct audioTimestamp:bool"

_EXTRA: dict[Face, dict[str, str]] = {
    "gemini": {
        "GenerateContentRequest": "serviceTier:string store:bool continuationToken:string",
    },
    "code_assist": {
        "GenerateContentRequest": "labels:Struct sessionId:string",
        "GenerationConfig": _VERTEX_CONFIG,
        "CodeAssistRequest": "model:string project:string userPromptId:string request:GenerateContentRequest"
        " enabledCreditTypes:*string",
        "CodeAssistCountRequest": "request:CodeAssistCountTokens",
        "CodeAssistCountTokens": "model:string contents:*Content",
    },
    "vertex": {
        "GenerateContentRequest": "labels:Struct",
        "CountTokensRequest": "model:string systemInstruction:Content tools:*Tool generationConfig:GenerationConfig",
        "GenerationConfig": f"{_VERTEX_CONFIG} responseFormat:*Struct",
        "FunctionCall": "partialArgs:*Struct willContinue:bool",
        "FunctionCallingConfig": "streamFunctionCallArguments:bool",
        "Schema": "additionalProperties:Value defs:Value ref:string",
        "ImageConfig": "outputMimeType:string compression:int prominentPeople:string imageOutputOptions:Struct"
        " personGeneration:string",
        "Tool": "retrieval:Struct enterpriseWebSearch:Struct parallelAiSearch:Struct",
    },
}


def snake(name: str) -> str:
    """A field's name as it appears in error paths."""
    return re.sub(r"([A-Z])", lambda found: "_" + found[1].lower(), name)


def _parse(spec: str) -> Fields:
    return dict(field.split(":", 1) for field in spec.split())


def _catalogue(face: Face) -> dict[str, Fields]:
    extra = _EXTRA[face]
    names = _COMMON.keys() | extra.keys()
    return {name: _parse(f"{_COMMON.get(name, '')} {extra.get(name, '')}") for name in names}


CATALOGUES: dict[Face, dict[str, Fields]] = {face: _catalogue(face) for face in _EXTRA}

SPELLINGS: dict[str, str] = {
    snake(name): name for fields in CATALOGUES.values() for message in fields.values() for name in message
}
