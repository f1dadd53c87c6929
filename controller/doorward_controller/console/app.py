"""The console as an application of its own: routes, headers, static files, friendly error pages."""

import logging
from http import HTTPStatus
from urllib.parse import quote, urlsplit

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from doorward_controller.console import (
    account_pages,
    accounts_pages,
    alert_receivers,
    alert_rules,
    alerts,
    approvals,
    assets,
    audit,
    backups,
    badges,
    charts,
    commands,
    configuration,
    demo,
    device_life,
    devices,
    enrolments,
    factor_pages,
    gateway_revoking,
    gateways,
    inside,
    keeping,
    keys,
    live,
    maintenance,
    outside_pages,
    overview,
    part_pages,
    plan_pages,
    policy,
    portal_choice,
    postures,
    quarantine,
    releases,
    revocations,
    roll_outs,
    rule_grants,
    rule_names,
    rule_pages,
    rule_schedules,
    scans,
    security,
    sign_in_pages,
    staff,
    token_pages,
    walls,
    webhooks,
    work_order,
)
from doorward_controller.console.names import RecentLooks
from doorward_controller.console.visit import (
    DutyFirstError,
    ProofNeededError,
    SignInNeededError,
    path_to_return,
    visit_of,
)
from doorward_controller.errors import ActError
from doorward_controller.services.occupancy import RecentCounts

_log = logging.getLogger(__name__)


def build() -> FastAPI:
    """Returns the console; its `state.backend` must be set before the first request."""
    console = FastAPI(title="Doorward console", openapi_url=None, docs_url=None, redoc_url=None)
    console.state.looks = RecentLooks()
    console.state.occupancy = RecentCounts()
    console.add_middleware(_Headers)
    console.mount("/static", assets.application(), name="static")
    for module in (
        overview,
        scans,
        charts,
        inside,
        gateways,
        gateway_revoking,
        enrolments,
        commands,
        configuration,
        releases,
        roll_outs,
        staff,
        devices,
        alerts,
        alert_rules,
        alert_receivers,
        walls,
        webhooks,
        badges,
        policy,
        rule_pages,
        rule_grants,
        rule_schedules,
        rule_names,
        portal_choice,
        postures,
        approvals,
        revocations,
        keys,
        keeping,
        quarantine,
        audit,
        backups,
        device_life,
        maintenance,
        part_pages,
        plan_pages,
        work_order,
        demo,
        live,
    ):
        # As they stand: `include_router` would build each anew at the first look, half a second.
        console.router.routes.extend(module.router.routes)
    for module in (
        sign_in_pages,
        outside_pages,
        account_pages,
        factor_pages,
        token_pages,
        accounts_pages,
    ):
        console.router.routes.extend(module.router.routes)
    console.add_exception_handler(SignInNeededError, _to_sign_in)
    console.add_exception_handler(DutyFirstError, _to_duty)
    console.add_exception_handler(ProofNeededError, _to_proof)
    console.add_exception_handler(ActError, _refused)
    console.add_exception_handler(HTTPException, _http_error)
    console.add_exception_handler(RequestValidationError, _bad_value)
    console.add_exception_handler(Exception, _broken)
    return console


class _Headers:
    """Adds the headers that keep a page to itself; plain ASGI, so that a stream stays a stream."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in security.HEADERS.items():
                    headers.setdefault(name, value)
                if scope["path"].startswith("/static/") and message["status"] < 400:
                    headers["Cache-Control"] = assets.CACHE_CONTROL
            await send(message)

        await self._app(scope, receive, send_with_headers)


def _to_sign_in(request: Request, _: Exception) -> Response:
    target = f"/sign-in?to={path_to_return(request)}" if request.method == "GET" else "/sign-in"
    if request.headers.get("hx-request"):
        # A part of a page cannot be replaced by the sign-in page: the whole page goes there.
        return Response(status_code=204, headers={"HX-Redirect": "/sign-in"})
    return RedirectResponse(target, status_code=303)


def _to_duty(request: Request, err: Exception) -> Response:
    if not isinstance(err, DutyFirstError):
        raise err
    if request.headers.get("hx-request"):
        return Response(status_code=204, headers={"HX-Redirect": err.path})
    return RedirectResponse(err.path, status_code=303)


def _to_proof(request: Request, _: Exception) -> Response:
    """A form is not kept: its reader comes back to the page that it stands on."""
    back = path_to_return(request)
    if request.method != "GET":
        sent_from = urlsplit(request.headers.get("referer", ""))
        back = quote(sent_from.path or "/account", safe="")
    return RedirectResponse(f"/confirm?to={back}", status_code=303)


def _refused(request: Request, err: Exception) -> Response:
    if not isinstance(err, ActError):
        raise err
    return _page(request, err.status, err.code, err.message)


def _http_error(request: Request, err: Exception) -> Response:
    status = err.status_code if isinstance(err, HTTPException) else 500
    return _page(request, status, "", "")


def _bad_value(request: Request, _: Exception) -> Response:
    return _page(request, HTTPStatus.UNPROCESSABLE_ENTITY, "invalid", "")


def _broken(request: Request, err: Exception) -> Response:
    _log.error("console.failed path=%s", request.url.path, exc_info=err)
    return _page(request, HTTPStatus.INTERNAL_SERVER_ERROR, "", "")


def _page(request: Request, status: int, code: str, message: str) -> Response:
    response = visit_of(request).page(
        "error.html", status_code=status, error_status=status, code=code, message=message
    )
    for name, value in security.HEADERS.items():
        response.headers.setdefault(name, value)
    return response
