"""SCIM 2.0 for the people who hold badges: a directory says who comes and who has left.

Supported: Users with create, replace, patch, delete; `eq` filters; paging; ETags. Not: groups,
bulk, sorting, passwords. A directory calls with a token whose scope is `provision_people`.
"""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import Body, Depends, FastAPI, Header, Request, Response
from scim2_models import (
    Context,
    ListResponse,
    NotFoundException,
    PatchOp,
    Resource,
    ResponseParameters,
    SearchRequest,
    ServiceProviderConfig,
)

from doorward_controller.api import scim_models
from doorward_controller.api.deps import BackendDep, Needs, SignInNeededError
from doorward_controller.api.plain_texts import PlainTexts
from doorward_controller.api.rates import Rates
from doorward_controller.api.scim_errors import ScimResponse, install
from doorward_controller.api.scim_models import POLICY, User, document_of, patched, shown, tag_of
from doorward_controller.domain.directory import Document
from doorward_controller.domain.permissions import Action, Actor
from doorward_controller.services import directory
from doorward_controller.services.backend import Backend
from doorward_controller.services.directory import MAX_PAGE, Matches, Person

PAGE = 100

_needs = Needs(Action.PROVISION_PEOPLE)


def _program(request: Request, actor: Annotated[Actor, Depends(_needs)]) -> Actor:
    """A directory is a program: a browser that is signed in is none."""
    if not request.headers.get("Authorization"):
        raise SignInNeededError("send a bearer token")
    return actor


Directory = Annotated[Actor, Depends(_program)]
Tag = Annotated[str | None, Header()]
JsonBody = Annotated[dict[str, Any], Body()]


def application(backend: Backend) -> FastAPI:
    """Returns the service as an application of its own, to be mounted."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    app.state.backend = backend
    install(app)
    app.add_middleware(PlainTexts)
    app.add_middleware(Rates, backend=backend)
    _describe(app)
    app.add_api_route("/Users", _listed, methods=["GET"])
    app.add_api_route("/Users", _add, methods=["POST"])
    for method, call in (("GET", _one), ("PUT", _replace), ("PATCH", _patch), ("DELETE", _remove)):
        app.add_api_route("/Users/{person_id}", call, methods=[method])
    return app


def _listed(request: Request, backend: BackendDep, actor: Directory) -> Response:
    """People by userName, externalId, id or active; all of them, a page at a time."""
    asked: SearchRequest[User] = SearchRequest[User].model_validate(
        dict(request.query_params), scim_ctx=Context.SEARCH_REQUEST, scim_policy=POLICY
    )
    first = max(asked.start_index or 1, 1)
    limit = min(PAGE if asked.count is None else asked.count, MAX_PAGE)
    wanted = scim_models.wanted_of(asked.filter)
    total, found = directory.find_people(backend, actor, wanted, skip=first - 1, limit=limit)
    base = _base(request, backend)
    answer = ListResponse[User](
        total_results=total,
        start_index=first,
        items_per_page=len(found),
        resources=[shown(person, base) for person in found],
    )
    return ScimResponse(
        answer.model_dump(scim_ctx=Context.RESOURCE_QUERY_RESPONSE, response_parameters=asked)
    )


def _add(request: Request, body: JsonBody, backend: BackendDep, actor: Directory) -> Response:
    """Adds a person; one whom Doorward knew already is taken over."""
    user = _read(body, Context.RESOURCE_CREATION_REQUEST)
    person = directory.add_person(backend, actor, document_of(user))
    return _answer(request, backend, person, 201, Context.RESOURCE_CREATION_RESPONSE)


def _one(
    person_id: str,
    request: Request,
    backend: BackendDep,
    actor: Directory,
    if_none_match: Tag = None,
) -> Response:
    """One person."""
    person = directory.read_person(backend, actor, person_id)
    if if_none_match is not None and _matches(if_none_match)(person.version):
        return Response(status_code=304, headers={"ETag": tag_of(person.version)})
    return _answer(request, backend, person, 200, Context.RESOURCE_QUERY_RESPONSE)


def _replace(
    person_id: str,
    request: Request,
    body: JsonBody,
    backend: BackendDep,
    actor: Directory,
    if_match: Tag = None,
) -> Response:
    """Says anew who somebody is. Whether they are still there stays where it is not said."""
    after = document_of(_read(body, Context.RESOURCE_REPLACEMENT_REQUEST))
    person = directory.change_person(backend, actor, person_id, lambda _: after, _matches(if_match))
    return _answer(request, backend, person, 200, Context.RESOURCE_REPLACEMENT_RESPONSE)


def _patch(
    person_id: str,
    request: Request,
    body: JsonBody,
    backend: BackendDep,
    actor: Directory,
    if_match: Tag = None,
) -> Response:
    """Changes some of it: `active` to false takes every code away."""
    patch = PatchOp[User].model_validate(
        body, scim_ctx=Context.RESOURCE_PATCH_REQUEST, scim_policy=POLICY
    )

    def changed(document: Document) -> Document:
        return patched(document, patch)

    person = directory.change_person(backend, actor, person_id, changed, _matches(if_match))
    return _answer(request, backend, person, 200, Context.RESOURCE_PATCH_RESPONSE)


def _remove(
    person_id: str, backend: BackendDep, actor: Directory, if_match: Tag = None
) -> Response:
    """Takes a person out of the directory, and every code away."""
    directory.remove_person(backend, actor, person_id, _matches(if_match))
    return Response(status_code=204)


def _describe(app: FastAPI) -> None:
    """Adds what says what the service can do."""
    path = "/ServiceProviderConfig"
    app.add_api_route(path, _config, methods=["GET"])
    for name, made in (
        ("ResourceTypes", scim_models.resource_types),
        ("Schemas", scim_models.schemas),
    ):
        app.add_api_route(f"/{name}", _list_of(made), methods=["GET"])
        app.add_api_route(f"/{name}/{{resource_id}}", _one_of(made), methods=["GET"])


def _config(request: Request, backend: BackendDep, _: Directory) -> Response:
    """What this service can do."""
    return _described(scim_models.config(_base(request, backend)))


_Made = Callable[[str], list[Any]]


def _list_of(made: _Made) -> Callable[..., Response]:
    def listed(request: Request, backend: BackendDep, _: Directory) -> Response:
        found = [_dump(each) for each in made(_base(request, backend))]
        return ScimResponse(
            {
                "schemas": [str(ListResponse.__schema__)],
                "totalResults": len(found),
                "itemsPerPage": len(found),
                "startIndex": 1,
                "Resources": found,
            }
        )

    return listed


def _one_of(made: _Made) -> Callable[..., Response]:
    def one(resource_id: str, request: Request, backend: BackendDep, _: Directory) -> Response:
        for each in made(_base(request, backend)):
            if each.id == resource_id:
                return _described(each)
        raise NotFoundException(detail=f"there is no {resource_id[:100]}")

    return one


def _described(resource: Resource[Any] | ServiceProviderConfig) -> Response:
    return ScimResponse(_dump(resource))


def _dump(resource: Resource[Any]) -> dict[str, Any]:
    return resource.model_dump(scim_ctx=Context.RESOURCE_QUERY_RESPONSE)


def _read(body: dict[str, Any], context: Context) -> User:
    return User.model_validate(body, scim_ctx=context, scim_policy=POLICY)


def _answer(
    request: Request, backend: Backend, person: Person, status: int, context: Context
) -> Response:
    asked = ResponseParameters[User].model_validate(
        {k: v for k, v in request.query_params.items() if k.lower().endswith("attributes")},
        scim_policy=POLICY,
    )
    user = shown(person, _base(request, backend))
    location = f"{_base(request, backend)}/Users/{person.id}"
    return ScimResponse(
        user.model_dump(scim_ctx=context, response_parameters=asked),
        status_code=status,
        headers={"Location": location, "ETag": tag_of(person.version)},
    )


def _matches(tags: str | None) -> Matches:
    """Returns what an If-Match or If-None-Match accepts; everything when there is none."""
    named = {tag.strip().removeprefix("W/").strip('"') for tag in (tags or "*").split(",")}
    return lambda version: "*" in named or str(version) in named


def _base(request: Request, backend: Backend) -> str:
    """Returns where the service is: as the settings say, else as the directory calls it."""
    root = str(request.scope["root_path"])
    called = str(request.base_url).removesuffix("/").removesuffix(root)
    return f"{backend.config.http.origin or called}{root}"
