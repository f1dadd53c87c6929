"""Refusals as SCIM says them (RFC 7644, 3.12): status as text, a keyword, a sentence."""

import logging
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import ValidationError
from scim2_models import Error, SCIMException
from starlette.exceptions import HTTPException

from doorward_controller.errors import ActError, ControllerError, StoreUnavailableError

MEDIA_TYPE = "application/scim+json"
RETRY_AFTER_S = 5
_KEYWORDS = {
    "group_name_taken": "uniqueness",
    "too_many": "tooMany",
    "user_name_taken": "uniqueness",
    "user_name_missing": "invalidValue",
    "name_missing": "invalidValue",
    "too_long": "tooMany",
}
_log = logging.getLogger(__name__)


class ScimResponse(JSONResponse):
    """JSON under SCIM's own media type."""

    media_type = MEDIA_TYPE


def install(app: FastAPI) -> None:
    """Makes every error of `app` a SCIM error."""
    app.add_exception_handler(SCIMException, _scim)
    app.add_exception_handler(ValidationError, _not_scim)
    app.add_exception_handler(ActError, _refused)
    app.add_exception_handler(ControllerError, _failed)
    app.add_exception_handler(RequestValidationError, _not_json)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _broken)


def _answer(
    status: int, detail: str, scim_type: str | None = None, headers: dict[str, str] | None = None
) -> JSONResponse:
    error = Error(status=status, scim_type=scim_type, detail=detail)
    return ScimResponse(error.model_dump(), status_code=status, headers=headers)


def _scim(_: Request, err: Exception) -> JSONResponse:
    if not isinstance(err, SCIMException):
        raise err
    error = err.to_error()
    return _answer(int(error.status or 400), error.detail or "", error.scim_type)


def _not_scim(_: Request, err: Exception) -> JSONResponse:
    if not isinstance(err, ValidationError):
        raise err
    first = Error.from_validation_errors(err)[0]
    return _answer(int(first.status or 400), first.detail or "", first.scim_type)


def _refused(_: Request, err: Exception) -> JSONResponse:
    if not isinstance(err, ActError):
        raise err
    headers = {"WWW-Authenticate": "Bearer"} if err.status == HTTPStatus.UNAUTHORIZED else None
    keyword = _KEYWORDS.get(err.code)
    if err.status == HTTPStatus.UNPROCESSABLE_ENTITY:
        return _answer(400, err.message, keyword or "invalidValue")
    return _answer(err.status, err.message, keyword, headers)


def _failed(request: Request, err: Exception) -> JSONResponse:
    if isinstance(err, StoreUnavailableError):
        wait = {"Retry-After": str(RETRY_AFTER_S)}
        return _answer(503, "the database does not answer; try again", headers=wait)
    return _broken(request, err)


def _not_json(_: Request, err: Exception) -> JSONResponse:
    if not isinstance(err, RequestValidationError):
        raise err
    return _answer(400, "the body must be a JSON object", "invalidSyntax")


def _http(_: Request, err: Exception) -> JSONResponse:
    if not isinstance(err, HTTPException):
        raise err
    return _answer(err.status_code, str(err.detail), headers=dict(err.headers or {}))


def _broken(request: Request, err: Exception) -> JSONResponse:
    _log.error("scim.failed method=%s", request.method, exc_info=err)
    return _answer(500, "something went wrong here; it was logged")
