"""The configuration, and what is built from it."""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct


class Setting(Struct):
    """One setting.

    Shape: `path` as `server.port` or `pipeline[3].attempts`; `value` is null for secrets, `is_set` tells
        whether there is one; `locked_by` is the environment variable that holds it; `restart` is whether a change
        waits for a restart; `help` is what the file says beside it.
    """

    path: str
    group: str
    type: Literal["string", "integer", "number", "boolean", "list", "table"]
    value: Any
    default: Any
    choices: list[str]
    secret: bool
    is_set: bool
    locked_by: str
    restart: bool
    help: str


class Trouble(Struct):
    """Something wrong with a configuration, and where."""

    message: str
    path: str
    line: int
    level: Literal["error", "warning"]


class Configuration(Struct):
    """All settings as they are.

    Shape: `file` is empty where there is none yet; `restart_needed` are settings that were saved and wait for a
        restart.
    """

    file: str
    writable: bool
    settings: list[Setting]
    warnings: list[Trouble]
    restart_needed: list[str]


class Changes(Struct):
    """Settings to change, by path; null takes a setting out of the file, so that its default holds."""

    changes: Annotated[dict[str, Any], Meta(min_length=1, max_length=500)]


class Checked(Struct):
    """What a configuration with these changes would be: nothing is saved when `ok` is false."""

    ok: bool
    problems: list[Trouble]


class Saved(Struct):
    """What became of the changes.

    Shape: `ok` is false, and nothing saved, when there are errors among `problems`.
    """

    ok: bool
    problems: list[Trouble]
    applied: list[str]
    restart_needed: list[str]
    skipped: list[str]


class StageView(Struct):
    """One stage of a pipeline.

    Shape: `half` is where it stands; `idle` is whether its options ask for nothing.
    """

    stage: str
    half: Literal["request", "upstream", "reply"]
    summary: str
    options: dict[str, Any]
    defaults: dict[str, Any]
    needs: list[str]
    gives: list[str]
    idle: bool


class PipelineView(Struct):
    """One pipeline, its stages in the order in which things happen."""

    name: str
    stages: list[StageView]


class RouteView(Struct):
    """Which requests take which pipeline."""

    path: str
    model: str
    pipeline: str


class Pipelines(Struct):
    """All pipelines, and who takes which; what no route fits takes the default one."""

    pipelines: list[PipelineView]
    routes: list[RouteView]
