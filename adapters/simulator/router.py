"""Which face of Google answers a request, and with what trouble."""

from __future__ import annotations

import re
from collections.abc import Callable

from msgspec import Struct
from msgspec.structs import replace

from adapters.simulator import cloud, code_assist, gemini_api, oauth, vertex
from adapters.simulator.delivery import compressed
from adapters.simulator.faults import afflicted
from adapters.simulator.fixtures import FIXTURES
from adapters.simulator.refusal import Refusal
from adapters.simulator.reply import Reply
from adapters.simulator.visit import Visit
from adapters.simulator.wire import Request
from adapters.simulator.world import World

Face = Callable[[Visit], Reply]

_MODEL = r"(?P<model>[^:]+):(?P<method>\w+)"
_VERSION = r"/(?P<version>v1beta|v1alpha|v1)"
_PROJECT = r"/v1(?:beta1)?/projects/(?P<project>[^/]+)"


class Route(Struct, frozen=True):
    """A method and a path that belong to one face."""

    method: str
    pattern: re.Pattern[str]
    face: Face


def _route(method: str, pattern: str, face: Face) -> Route:
    return Route(method, re.compile(pattern), face)


_ROUTES = [
    _route("POST", rf"{_VERSION}/(?:models|tunedModels)/{_MODEL}", gemini_api.call),
    _route("POST", r"/v1internal:(?P<method>\w+)", code_assist.call),
    _route("POST", rf"/v1(?:beta1)?/publishers/google/models/{_MODEL}", vertex.express),
    _route("POST", rf"{_PROJECT}/locations/[^/]+/publishers/google/models/{_MODEL}", vertex.project),
    _route("POST", r"/token", oauth.token),
    _route("GET", rf"{_VERSION}/models", gemini_api.list_models),
    _route("GET", rf"{_VERSION}/models/(?P<model>[^:/]+)", gemini_api.get_model),
    _route("GET", r"/v1internal:getCodeAssistGlobalUserSetting", code_assist.settings),
    _route("GET", r"/v1internal/(?P<operation>operations/.+)", code_assist.poll),
    _route("GET", r"/oauth2/v2/userinfo", oauth.userinfo),
    _route("GET", r"/o/oauth2(?:/v2)?/auth", oauth.authorize),
    _route("POST", r"/revoke", oauth.revoke),
    _route("POST", r"/tokeninfo", oauth.tokeninfo),
    _route("GET", r"/v1/projects", cloud.projects),
    _route("GET", rf"{_PROJECT}/services/(?P<service>[^:/]+)", cloud.service),
    _route("POST", rf"{_PROJECT}/services/(?P<service>[^:/]+):enable", cloud.enable),
]


def answer(request: Request, world: World) -> Reply:
    """The reply of the whole simulated Google to one request."""
    route, visit = _find(request, world)
    caller = visit.caller()
    target = request.path + "?" + "&".join(f"{name}={value}" for name, value in request.query.items())
    visit.fault = world.fault(target, request.body, caller.names, visit.model, visit.project)
    try:
        reply = _answer(route, visit)
    except Refusal as refusal:
        reply = refusal.reply(visit.shape.envelope)
    if world.scenario.gzip and "gzip" in request.headers.get("accept-encoding", ""):
        reply = compressed(reply)
    reply = replace(reply, chunking=world.scenario.chunking)
    return afflicted(reply, visit.fault) if visit.fault else reply


def _find(request: Request, world: World) -> tuple[Route | None, Visit]:
    for route in _ROUTES:
        found = route.pattern.fullmatch(request.path)
        if found and route.method == request.method:
            place = {name: value for name, value in found.groupdict().items() if value}
            return route, Visit(request, world, place, request.json())
    return None, Visit(request, world, {})


def _answer(route: Route | None, visit: Visit) -> Reply:
    if visit.fault and visit.fault.effect in FIXTURES:
        raise Refusal.named(visit.fault.effect, visit.model, visit.project)
    if route is None:
        raise Refusal.named("404-html")
    return route.face(visit)
