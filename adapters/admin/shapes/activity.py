"""What happens: jobs, log lines, watched requests."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from adapters.admin.shapes.words import Epoch


class JobRun(Struct):
    """One run of a job.

    Units: `seconds` it took.
    """

    at: Epoch
    seconds: float
    ok: bool
    result: str


class Job(Struct):
    """Something that is done from time to time.

    Shape: `switched` is whether it was switched here, and not by the settings; `next` is null where it does not
        run by itself.
    Units: `every` in seconds.
    """

    name: str
    about: str
    every: float
    enabled: bool
    switched: bool
    running: bool
    last: JobRun | None
    next: Epoch | None


class Jobs(Struct):
    """All jobs."""

    jobs: list[Job]


class LogLines(Struct):
    """The latest lines, the oldest first.

    Shape: `scope` says whose they are.
    """

    scope: Literal["all workers", "this worker"]
    lines: list[str]


class Watch(Struct):
    """For how many seconds every request is watched; 0 ends it."""

    seconds: Annotated[float, Meta(ge=0, le=600)]


class Span(Struct):
    """What one stage did in one request; the span `relay` is the sending of the answer.

    Units: milliseconds, `start_ms` since the request's head; `event_ms` is what `events` events took in all.
    """

    stage: str
    start_ms: float
    ms: float | None
    events: int
    event_ms: float


class Attempt(Struct):
    """One call to Google.

    Units: milliseconds, `start_ms` since the request's head.
    """

    credential: str
    kind: str
    project: str
    start_ms: float
    ms: float | None
    error: str


class Trace(Struct):
    """One request that was watched, stage by stage; `ended` is false while it runs."""

    id: str
    at: Epoch
    worker: int
    route: str
    protocol: str
    method: str
    path: str
    model: str
    stream: bool
    caller: str
    ended: bool
    status: int
    error_type: str
    first_byte_ms: float | None
    total_ms: float
    attempts: list[Attempt]
    spans: list[Span]


class Traces(Struct):
    """The latest requests that were watched by the worker that answers, the latest first."""

    traces: list[Trace]
