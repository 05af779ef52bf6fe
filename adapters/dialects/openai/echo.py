"""What reading a request leaves for writing its answer."""

from __future__ import annotations

from msgspec import Struct, field


class Echo(Struct):
    """What the answer to a chat completion must know of its request.

    Shape: `names` are the caller's function names by those used upstream, where they differ; `custom` the caller's
        names of tools of free text. `legacy` says that the caller knows only the deprecated `function_call`. `fetch`
        lists the addresses that stand in the payload as `{"fileData": {"fileUri": address}}`, in a content's parts or
        in the `parts` of a `functionResponse`, and that somebody must fetch and put in place as `inlineData`, or
        refuse. `audio` is the format of sound asked for.
    """

    names: dict[str, str] = field(default_factory=dict)
    custom: set[str] = field(default_factory=set)
    include_usage: bool = False
    legacy: bool = False
    fetch: list[str] = field(default_factory=list)
    audio: str = ""
