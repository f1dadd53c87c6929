"""SCIM 2.0 for the people who hold badges: a directory says who comes and who has left.

Supported: Users and Groups with create, replace, patch, delete; `eq` filters; paging; ETags. Not:
bulk, sorting, passwords. A directory calls with a token whose scope is `provision_people`.
"""

from collections.abc import Callable
from typing import Any

from fastapi import FastAPI, Request, Response
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

from doorward_controller.api import scim_group_models, scim_groups, scim_models
from doorward_controller.api.deps import BackendDep
from doorward_controller.api.plain_texts import PlainTexts
from doorward_controller.api.rates import Rates
from doorward_controller.api.scim_asking import (
    PAGE,
    Answer,
    Directory,
    JsonBody,
    Tag,
    attributes_asked,
    base_of,
    matches,
)
from doorward_controller.api.scim_errors import ScimResponse, install
from doorward_controller.api.scim_models import POLICY, User, document_of, patched, shown, tag_of
from doorward_controller.domain.directory import Document
from doorward_controller.services import directory
from doorward_controller.services.backend import Backend
from doorward_controller.services.directory import MAX_PAGE, Person


def application(backend: Backend) -> FastAPI:
    """Returns the service as an application of its own, to be mounted."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    app.state.backend = backend
    install(app)
    app.add_middleware(PlainTexts)
    app.add_middleware(Rates, backend=backend)
    _describe(app)
    scim_groups.add_routes(app)
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
    base = base_of(request, backend)
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
    if if_none_match is not None and matches(if_none_match)(person.version):
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
    person = directory.change_person(backend, actor, person_id, lambda _: after, matches(if_match))
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

    person = directory.change_person(backend, actor, person_id, changed, matches(if_match))
    return _answer(request, backend, person, 200, Context.RESOURCE_PATCH_RESPONSE)


def _remove(
    person_id: str, backend: BackendDep, actor: Directory, if_match: Tag = None
) -> Response:
    """Takes a person out of the directory, and every code away."""
    directory.remove_person(backend, actor, person_id, matches(if_match))
    return Response(status_code=204)


def _describe(app: FastAPI) -> None:
    """Adds what says what the service can do."""
    path = "/ServiceProviderConfig"
    app.add_api_route(path, _config, methods=["GET"])
    for name, made in (
        ("ResourceTypes", scim_group_models.resource_types),
        ("Schemas", scim_group_models.schemas),
    ):
        app.add_api_route(f"/{name}", _list_of(made), methods=["GET"])
        app.add_api_route(f"/{name}/{{resource_id}}", _one_of(made), methods=["GET"])


def _config(request: Request, backend: BackendDep, _: Directory) -> Response:
    """What this service can do."""
    return _described(scim_models.config(base_of(request, backend)))


_Made = Callable[[str], list[Any]]


def _list_of(made: _Made) -> Callable[..., Response]:
    def listed(request: Request, backend: BackendDep, _: Directory) -> Response:
        found = [_dump(each) for each in made(base_of(request, backend))]
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
        for each in made(base_of(request, backend)):
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
    answer = Answer(
        resource=shown(person, base_of(request, backend)),
        asked=ResponseParameters[User].model_validate(
            attributes_asked(request), scim_policy=POLICY
        ),
        version=person.version,
    )
    return answer.send(status, context)
