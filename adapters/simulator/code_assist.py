"""Code Assist: generation in its envelope, and the way an account gets a project.

Source: upstream-wire.md §2.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

from adapters.simulator import moods
from adapters.simulator.contents import check_contents
from adapters.simulator.fields import read
from adapters.simulator.generation import Generation
from adapters.simulator.models import Model, find
from adapters.simulator.refusal import Refusal
from adapters.simulator.reply import Reply, json_reply
from adapters.simulator.scenario import Account
from adapters.simulator.tokens import prompt_tokens
from adapters.simulator.visit import Visit

_QUOTA_RESET = "2026-11-21T07:00:00Z"


def call(visit: Visit) -> Reply:
    """`POST /v1internal:{method}`."""
    caller = visit.require_bearer()
    method = _METHODS.get(visit.place["method"])
    if method is None or caller.account is None:
        raise Refusal.named("404-html")
    return method(visit, caller.account)


def poll(visit: Visit) -> Reply:
    """`GET /v1internal/operations/{id}`: pending a few times, then done."""
    visit.require_bearer()
    operation = visit.world.operations.get(visit.place["operation"])
    if operation is None:
        raise Refusal.named("404")
    if operation["polls"] > 0:
        operation["polls"] -= 1
        return json_reply({"name": operation["name"]})
    return json_reply(_onboarded(visit, operation))


def settings(visit: Visit) -> Reply:
    """`GET /v1internal:getCodeAssistGlobalUserSetting`."""
    visit.require_bearer()
    return json_reply({"freeTierDataCollectionOptin": False})


def _generate(visit: Visit, account: Account) -> Reply:
    envelope = read(visit.request.body, "CodeAssistRequest", "code_assist")
    project = envelope.get("project") or visit.world.managed_project(account)
    _admit(visit, account, project)
    model = _model(envelope.get("model", ""), visit)
    number = visit.world.number()
    request = envelope.get("request", {})
    generation = Generation("code_assist", model, visit.shape, request, visit.fault, f"simulated-{number}")
    return generation.reply(visit.world.scenario)


def _admit(visit: Visit, account: Account, project: str) -> None:
    """Refuse an account that may not generate for this project."""
    mood = visit.world.mood(account)
    if mood == "validation-required":
        raise Refusal.named("403-validation")
    if mood in ("free-tier", "unsupported-client"):
        raise Refusal.named("403")
    if not project:
        raise Refusal.named("403-no-project")
    if not visit.world.owns(account, project):
        raise Refusal.named("403-iam", project=project)
    if not visit.world.serves(project):
        raise Refusal.named("403-service-disabled", project=project)


def _count(visit: Visit, _: Account) -> Reply:
    request = read(visit.request.body, "CodeAssistCountRequest", "code_assist").get("request", {})
    check_contents(request, "gemini")
    for content in request["contents"]:
        if any(part.get("thought") for part in content["parts"]):
            # gemini-cli strips the flag before counting because the server takes it for a part without data.
            raise Refusal.invalid("required oneof field 'data' must have one initialized field")
    _model(request.get("model", "").removeprefix("models/"), visit)
    return json_reply({"totalTokens": prompt_tokens(request)}, latency=visit.world.scenario.latency)


def _load(visit: Visit, account: Account) -> Reply:
    world = visit.world
    return json_reply(moods.received(world.mood(account), world.managed_project(account)))


def _onboard(visit: Visit, account: Account) -> Reply:
    tier = (visit.body or {}).get("tierId", "")
    if not tier or (tier == "free-tier" and visit.project):
        raise Refusal.named("400-precondition")
    mood = visit.world.mood(account)
    if mood in ("unsupported-client", "validation-required") and tier == "free-tier":
        raise Refusal.named("403")
    name = f"operations/{visit.world.number()}"
    digest = hashlib.sha256(account.email.encode()).hexdigest()[:5]
    project = visit.project or account.managed_project or f"silver-radar-{digest}"
    polls = visit.world.scenario.onboarding_polls
    operation = {"name": name, "polls": polls, "project": project, "email": account.email}
    visit.world.operations[name] = operation
    return json_reply({"name": name} if polls else _onboarded(visit, operation))


def _onboarded(visit: Visit, operation: dict[str, Any]) -> dict[str, Any]:
    project = operation["project"]
    visit.world.onboarded[operation["email"]] = project
    response = {
        "@type": "type.googleapis.com/google.internal.cloud.code.v1internal.OnboardUserResponse",
        "cloudaicompanionProject": {"id": project, "name": project},
    }
    return {"name": operation["name"], "done": True, "response": response}


def _quota(visit: Visit, _: Account) -> Reply:
    names = ("gemini-3.1-pro-preview", "gemini-3.8-flash", "gemini-2.5-pro", "gemini-2.5-flash")
    common = {"resetTime": _QUOTA_RESET, "tokenType": "REQUESTS", "remainingFraction": 0.96, "remainingAmount": "960"}
    return json_reply({"buckets": [{**common, "modelId": name} for name in names]})


def _model(name: str, visit: Visit) -> Model:
    model = find(name, visit.world.scenario.models, code_assist=True)
    if model is None:
        raise Refusal.named("404")
    return model


_CONTROLS = {
    "adminControlsApplicable": False,
    "strictModeDisabled": True,
    "mcpSetting": {"mcpEnabled": True, "mcpConfigJson": "{}"},
    "cliFeatureSetting": {"extensionsSetting": {"extensionsEnabled": True}, "unmanagedCapabilitiesEnabled": True},
}
_FLAGS = {"experimentIds": [105], "flags": [{"flagId": 45740196, "boolValue": True}]}

_METHODS: dict[str, Callable[[Visit, Account], Reply]] = {
    "generateContent": _generate,
    "streamGenerateContent": _generate,
    "countTokens": _count,
    "loadCodeAssist": _load,
    "onboardUser": _onboard,
    "retrieveUserQuota": _quota,
    "listExperiments": lambda _, __: json_reply(_FLAGS),
    "fetchAdminControls": lambda _, __: json_reply(_CONTROLS),
    "recordCodeAssistMetrics": lambda _, __: json_reply({}),
    "setCodeAssistGlobalUserSetting": lambda visit, _: json_reply(visit.body or {}),
}
