"""Google Cloud's own services: the account's projects and their switches.

Source: upstream-wire.md §2.10.
"""

from __future__ import annotations

from adapters.simulator.reply import Reply, json_reply
from adapters.simulator.visit import Visit


def projects(visit: Visit) -> Reply:
    """`GET /v1/projects` of the resource manager; `{}` when there are none."""
    account = visit.require_bearer().account
    entries = [
        {
            "projectNumber": str(100_000_000_000 + number),
            "projectId": name,
            "lifecycleState": "ACTIVE",
            "name": name.replace("-", " ").title(),
            "createTime": "2026-01-01T00:00:00.000Z",
        }
        for number, name in enumerate(account.projects if account else ())
    ]
    return json_reply({"projects": entries} if entries else {})


def service(visit: Visit) -> Reply:
    """`GET /v1/projects/{project}/services/{service}`."""
    visit.require_bearer()
    return json_reply(_service(visit))


def enable(visit: Visit) -> Reply:
    """`POST /v1/projects/{project}/services/{service}:enable`."""
    visit.require_bearer()
    if visit.world.serves(visit.project):
        return json_reply({"name": "operations/noop.DONE_OPERATION", "done": True, "response": _service(visit)})
    visit.world.enabled.add(visit.project)
    return json_reply({"name": f"operations/acf.p2-100000000000-{visit.world.number()}"})


def _service(visit: Visit) -> dict[str, object]:
    state = "ENABLED" if visit.world.serves(visit.project) else "DISABLED"
    name = f"projects/100000000000/services/{visit.place['service']}"
    return {"name": name, "config": {"name": visit.place["service"]}, "state": state}
