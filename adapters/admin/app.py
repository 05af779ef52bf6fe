"""The admin application: every operation at its place, behind the guard."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import msgspec
import structlog
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route, Router, WebSocketRoute

from adapters.admin import callback, log_stream, openapi, pages
from adapters.admin.ask import Ask
from adapters.admin.bodies import MAX_JSON, MAX_UPLOAD, decoded, invalid, limited
from adapters.admin.guard import Guard
from adapters.admin.headers import Guarded
from adapters.admin.operation import Download, Operation, Page, Refusal
from adapters.admin.seed.table import OPERATIONS as OF_SEEDS
from adapters.admin.shapes import Error, Fault
from adapters.admin.v1.table import BASE, OPERATIONS
from pipeline.errors import ProxyError

if TYPE_CHECKING:
    from adapters.admin.office import Office
    from adapters.asgi import Admin

log = structlog.get_logger("pollux.admin")

Endpoint = Callable[[Request], Awaitable[Response]]


def application(office: Office) -> Admin:
    """Return the admin application."""
    guard = Guard(office)
    routes: list[Any] = [Route(each.path, _endpoint(each, office, guard), methods=[each.method]) for each in served()]
    routes.append(Route(f"{BASE}/openapi.json", _description(office)))
    routes += [WebSocketRoute(path, log_stream.endpoint(office, guard)) for path in log_stream.PATHS]
    routes += pages.ROUTES
    router = Router(_merged(routes), redirect_slashes=False)
    return Guarded(_answering_all(router))


def served() -> tuple[Operation, ...]:
    """Return every operation there is."""
    return (*OPERATIONS, *callback.OPERATIONS, *OF_SEEDS)


def _endpoint(operation: Operation, office: Office, guard: Guard) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        try:
            ask = await _asked(operation, request, office, guard)
            answer = await operation.run(ask)
            if operation.method != "GET":
                log.info("admin operation", operation=operation.run.__name__, client=ask.client)
            return _response(operation, answer)
        except Refusal as exc:
            return _refused(exc, seed=operation.seed)
        except ClientDisconnect:
            return Response(status_code=499)  # nobody hears it
        except ProxyError as exc:
            refusal = Refusal(exc.status, exc.error_type, exc.message, retry_after=exc.retry_after or 0.0)
            return _refused(refusal, seed=operation.seed)
        except Exception:  # the boundary at which a bug becomes an answer
            log.exception("admin operation failed", operation=operation.run.__name__)
            refusal = Refusal(500, "proxy_internal", "This is a fault of Pollux; the log says more.")
            return _refused(refusal, seed=operation.seed)

    return endpoint


async def _asked(operation: Operation, request: Request, office: Office, guard: Guard) -> Ask:
    session = await guard.admit(request) if operation.door == "session" else ""
    upload = operation.body is bytes
    request = Request(request.scope, limited(request.receive, MAX_UPLOAD if upload else MAX_JSON))
    ask = Ask(office, guard, request, request.path_params, session=session)
    if operation.query is not None:
        try:
            ask.query = msgspec.convert(dict(request.query_params), operation.query, strict=False)
        except msgspec.ValidationError as exc:
            raise invalid(exc) from exc
    if operation.body is not None and not upload:
        ask.body = decoded(await request.body(), operation.body)
    return ask


def _response(operation: Operation, answer: Any) -> Response:
    if isinstance(answer, Download):
        headers = {"content-disposition": disposition(answer.name)}
        if isinstance(answer.body, bytes):
            return Response(answer.body, media_type=answer.media_type, headers=headers)
        return StreamingResponse(answer.body, media_type=answer.media_type, headers=headers)
    page = answer if isinstance(answer, Page) else Page(answer, operation.status)
    body = page.document if isinstance(page.document, bytes) else msgspec.json.encode(page.document)
    empty = page.document is None
    response = Response(b"" if empty else body, page.status, media_type=None if empty else page.media_type)
    for name, value in page.headers:
        response.headers.append(name, value)
    return response


def _refused(refusal: Refusal, *, seed: bool) -> Response:
    if seed:
        document: Any = {"detail": refusal.message, **refusal.more}
    else:
        document = Error(Fault(refusal.code, refusal.message, refusal.field))
    response = Response(msgspec.json.encode(document), refusal.status, media_type="application/json")
    if refusal.retry_after:
        response.headers["retry-after"] = str(math.ceil(refusal.retry_after))
    if refusal.status == 401:
        response.headers["www-authenticate"] = "Bearer"
    return response


def disposition(name: str) -> str:
    """Return the header that makes an answer a file of that name. Source: RFC 6266; no name can break out of it."""
    plain = "".join(each if each.isascii() and (each.isalnum() or each in "._-@ ") else "_" for each in name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def _description(office: Office) -> Endpoint:
    async def description(request: Request) -> Response:
        return JSONResponse(openapi.document(office.version))

    return description


def _merged(routes: list[Any]) -> list[Any]:
    """Return the routes, those with place-holders after those without: what is named exactly is meant exactly."""
    return sorted(routes, key=lambda route: ("{" in route.path, -len(route.path.partition("{")[0]), -len(route.path)))


def _answering_all(router: Router) -> Admin:
    """Return an application that says in JSON, too, that there is nothing at a place."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        try:
            await router({**scope, "app": None}, receive, send)
        except HTTPException as exc:
            code = "not_found" if exc.status_code == 404 else "method_not_allowed"
            response = _refused(Refusal(exc.status_code, code, exc.detail), seed=False)
            await response(scope, receive, send)

    return app
