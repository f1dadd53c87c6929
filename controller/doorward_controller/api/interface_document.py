"""The OpenAPI document: what FastAPI finds in the endpoints, and what holds for all of them.

Header fields of conditions, keys and rates are said here once, by the dependencies that an
endpoint has, so that the document cannot forget an endpoint that has them.
"""

from collections.abc import Iterator, Sequence
from http import HTTPStatus
from typing import Any

from fastapi.dependencies.models import Dependant
from fastapi.routing import iter_route_contexts
from starlette.routing import BaseRoute

from doorward_controller.api import idempotency
from doorward_controller.api.deps import CSRF_HEADER, Need, actor_with_duties, own_session
from doorward_controller.api.errors import MEDIA_TYPE
from doorward_controller.api.paging import Paged
from doorward_controller.api.versions import CONDITION, MAX_CONDITION, Changing, Showing
from doorward_controller.services import sign_in

Operation = dict[str, Any]

_TEXT = {"type": "string"}
_PROBLEM = {"content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}}

_RATES = {
    "RateLimit-Policy": {
        "description": "How many requests may come at once (`q`), and in how many seconds an "
        "empty allowance is full again (`w`).",
        "schema": _TEXT,
    },
    "RateLimit": {
        "description": "How many are left now (`r`), and in how many seconds all are (`t`).",
        "schema": _TEXT,
    },
}
_ETAG = {"description": "The version of what is shown, for If-Match.", "schema": _TEXT}
_LINK = {"description": 'The next page, as rel="next"; none at the end.', "schema": _TEXT}
_REPLAYED = {
    "description": "`true` where this was answered before under the same key.",
    "schema": _TEXT,
}
_RETRY = {"description": "In how many seconds to try again.", "schema": {"type": "integer"}}
_CHALLENGE = {"description": "How to sign in.", "schema": _TEXT}

_KEY = {
    "name": idempotency.HEADER,
    "in": "header",
    "required": False,
    "description": "Any text that the caller uses for this request alone, such as a random UUID. "
    "A repetition within a day is answered as the first one was, and does nothing.",
    "schema": {
        "type": "string",
        "minLength": 1,
        "maxLength": idempotency.MAX_KEY_CHARACTERS,
        "pattern": "^[A-Za-z0-9._~:+/=-]+$",
    },
}
_TAGS = {"type": "string", "pattern": CONDITION, "maxLength": MAX_CONDITION}

SCHEMES = {
    "token": {"type": "http", "scheme": "bearer", "description": "An API token, for programs."},
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": sign_in.COOKIE,
        "description": f"A browser's session; changes carry `{CSRF_HEADER}` as well.",
    },
}


def describe(document: dict[str, Any], routes: Sequence[BaseRoute]) -> None:
    """Writes into the OpenAPI document what holds for all operations and what their kinds say."""
    document["components"]["securitySchemes"] = SCHEMES
    for route in iter_route_contexts(routes):
        dependant: Dependant | None = getattr(route, "dependant", None)
        asks = list(_calls(dependant)) if dependant else []
        for method in route.methods or ():
            operation = document["paths"].get(route.path, {}).get(method.lower())
            if operation is not None:
                _describe(route.path or "", method, operation, asks)


def _calls(dependant: Dependant) -> Iterator[object]:
    for inner in dependant.dependencies:
        yield inner.call
        yield from _calls(inner)


def _describe(path: str, method: str, operation: Operation, asks: list[object]) -> None:
    responses: dict[str, Any] = operation["responses"]
    parameters: list[dict[str, Any]] = operation.setdefault("parameters", [])
    if own_session in asks or actor_with_duties in asks:
        operation["security"] = [{"session": []}]
    elif any(isinstance(ask, Need) for ask in asks):
        operation["security"] = [{"token": []}, {"session": []}]
    good = [answer for status, answer in responses.items() if status.startswith("2")]
    if method == "POST" and path not in idempotency.WITHOUT:
        parameters.append(dict(_KEY))
        _add_headers(good, {idempotency.REPLAYED: _REPLAYED})
    if Paged in asks:
        _add_headers(good, {"Link": _LINK})
    for ask in asks:
        if isinstance(ask, Showing):
            parameters.append(_condition("If-None-Match", "Not again, where this is the version."))
            _add_headers(good, {"ETag": _ETAG})
            responses["304"] = {
                "description": "It is the version that the caller has.",
                "headers": {"ETag": _ETAG},
            }
        if isinstance(ask, Changing):
            parameters.append(_condition("If-Match", "Only where this is still the version."))
            responses["412"] = _problem(412)
            if ask.needed:
                parameters[-1]["description"] += " Needed: 428 without it."
                responses["428"] = _problem(428)
    _add_usual_headers(responses)


def _add_usual_headers(responses: dict[str, Any]) -> None:
    for status, name, header in (
        ("401", "WWW-Authenticate", _CHALLENGE),
        ("429", "Retry-After", _RETRY),
        ("503", "Retry-After", _RETRY),
    ):
        _add_headers([responses[status]], {name: header})
    _add_headers(list(responses.values()), _RATES)


def _add_headers(answers: list[dict[str, Any]], headers: dict[str, Any]) -> None:
    for answer in answers:
        answer["headers"] = {**answer.get("headers", {}), **headers}


def _condition(name: str, description: str) -> dict[str, Any]:
    return {
        "name": name,
        "in": "header",
        "required": False,
        "description": description,
        "schema": dict(_TAGS),
    }


def _problem(status: int) -> dict[str, Any]:
    return {"description": HTTPStatus(status).phrase, **_PROBLEM}
