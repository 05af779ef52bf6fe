"""Resource `jobs`: what is done from time to time."""

import msgspec

from adapters.admin.ask import Ask
from adapters.admin.operation import Operation, not_found
from adapters.admin.shapes import Job, Jobs, Switch


async def list_jobs(ask: Ask) -> Jobs:
    """List jobs with when they ran last, how it went, and when they run next."""
    return Jobs([_shown(each) for each in await ask.office.jobs.list()])


async def run_job(ask: Ask) -> Job:
    """Run a job now; answers when it has ended."""
    try:
        return _shown(await ask.office.jobs.run(ask.path["name"]))
    except KeyError as exc:
        raise not_found("job", ask.path["name"]) from exc


async def switch_job(ask: Ask) -> Job:
    """Switch a job on or off, on all machines."""
    try:
        return _shown(await ask.office.jobs.switch(ask.path["name"], ask.body.on))
    except KeyError as exc:
        raise not_found("job", ask.path["name"]) from exc


def _shown(job: object) -> Job:
    return msgspec.convert(job, Job, from_attributes=True)


OPERATIONS = (
    Operation(method="GET", path="/jobs", run=list_jobs, answer=Jobs),
    Operation(method="POST", path="/jobs/{name}/run", run=run_job, answer=Job),
    Operation(method="PATCH", path="/jobs/{name}", run=switch_job, body=Switch, answer=Job),
)
