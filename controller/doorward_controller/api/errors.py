"""Every error as a problem document (RFC 9457). None repeats what was sent: it may be personal."""

import logging
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.routing import Match, Route

from doorward_controller.errors import ActError, ControllerError, StoreUnavailableError

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 5

_log = logging.getLogger(__name__)
_BROKEN = "something went wrong here; it was logged"


class FieldProblem(BaseModel):
    """What is wrong with one value of a request."""

    where: str
    problem: str


class Problem(BaseModel):
    """RFC 9457, with the stable code by which machines and translations go."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    code: str
    errors: list[FieldProblem] | None = None


def problem(
    status: int,
    code: str,
    detail: str,
    *,
    errors: list[FieldProblem] | None = None,
    headers: dict[str, str] | None = None,
) -> JSONResponse:
    """Returns one problem document."""
    body = Problem(
        title=HTTPStatus(status).phrase, status=status, code=code, detail=detail, errors=errors
    )
    return JSONResponse(
        body.model_dump(exclude_none=True),
        status_code=status,
        media_type=MEDIA_TYPE,
        headers=headers,
    )


def install(app: FastAPI) -> None:
    """Makes every error of `app` a problem document."""
    app.add_exception_handler(ControllerError, _refused)
    app.add_exception_handler(RequestValidationError, _not_valid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _broken)


def answer_to(err: ControllerError) -> JSONResponse:
    """Returns what is said where an act was refused or the controller cannot do it now."""
    if isinstance(err, StoreUnavailableError):
        _log.warning("api.store_unavailable")
        wait = {"Retry-After": str(RETRY_AFTER_S)}
        return problem(503, err.code, "the database does not answer; try again", headers=wait)
    if isinstance(err, ActError):
        is_nobody = err.status == HTTPStatus.UNAUTHORIZED
        headers = {"WWW-Authenticate": "Bearer"} if is_nobody else None
        return problem(err.status, err.code, err.message, headers=headers)
    _log.error("api.failed", exc_info=err)
    return problem(500, "internal_error", _BROKEN)


def _refused(_: Request, err: Exception) -> JSONResponse:
    if not isinstance(err, ControllerError):
        raise err
    return answer_to(err)


def _not_valid(_: Request, err: Exception) -> JSONResponse:
    if not isinstance(err, RequestValidationError):
        raise err
    errors = [
        FieldProblem(where=".".join(map(str, one["loc"])), problem=one["msg"])
        for one in err.errors()
    ]
    return problem(422, "invalid", "the request has values that are not allowed", errors=errors)


def _http(request: Request, err: Exception) -> JSONResponse:
    if not isinstance(err, HTTPException):
        raise err
    phrase = HTTPStatus(err.status_code).phrase
    code = phrase.lower().replace(" ", "_")
    headers = dict(err.headers or {})
    if err.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(sorted(_allowed(request)))
    return problem(err.status_code, code, str(err.detail), headers=headers)


def _allowed(request: Request) -> set[str]:
    """Returns every method of an address; the router itself tells those of its first route only.

    What is said letter by letter comes before what has a place for anything.
    """
    found: dict[bool, set[str]] = {}
    for route in request.app.routes:
        if isinstance(route, Route) and route.matches(request.scope)[0] is not Match.NONE:
            found.setdefault("{" in route.path, set()).update(route.methods or ())
    return found.get(False) or found.get(True, set())


def _broken(request: Request, err: Exception) -> JSONResponse:
    _log.error("api.failed method=%s path=%s", request.method, request.url.path, exc_info=err)
    return problem(500, "internal_error", _BROKEN)
