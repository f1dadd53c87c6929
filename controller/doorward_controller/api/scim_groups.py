"""SCIM's groups: who belongs to which, as the organisation's directory says it."""

from fastapi import FastAPI, Request, Response
from scim2_models import Context, ListResponse, PatchOp, ResponseParameters, SearchRequest

from doorward_controller.api import scim_group_models as models
from doorward_controller.api.deps import BackendDep
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
from doorward_controller.api.scim_errors import ScimResponse
from doorward_controller.api.scim_group_models import Group
from doorward_controller.api.scim_models import POLICY, tag_of
from doorward_controller.services import directory_groups as groups
from doorward_controller.services.backend import Backend
from doorward_controller.services.directory import MAX_PAGE
from doorward_controller.services.directory_groups import Group as Kept


def add_routes(app: FastAPI) -> None:
    """Adds the groups to the service."""
    app.add_api_route("/Groups", _listed, methods=["GET"])
    app.add_api_route("/Groups", _add, methods=["POST"])
    for method, call in (("GET", _one), ("PUT", _replace), ("PATCH", _patch), ("DELETE", _remove)):
        app.add_api_route("/Groups/{group_id}", call, methods=[method])


def _listed(request: Request, backend: BackendDep, actor: Directory) -> Response:
    """Groups by displayName, externalId, id or member; all of them, a page at a time."""
    asked: SearchRequest[Group] = SearchRequest[Group].model_validate(
        dict(request.query_params), scim_ctx=Context.SEARCH_REQUEST, scim_policy=POLICY
    )
    first = max(asked.start_index or 1, 1)
    total, found = groups.find_groups(
        backend,
        actor,
        models.wanted_of(asked.filter),
        skip=first - 1,
        limit=min(PAGE if asked.count is None else asked.count, MAX_PAGE),
        with_members=_wants_members(request),
    )
    base = base_of(request, backend)
    answer = ListResponse[Group](
        total_results=total,
        start_index=first,
        items_per_page=len(found),
        resources=[models.shown(group, base) for group in found],
    )
    return ScimResponse(
        answer.model_dump(scim_ctx=Context.RESOURCE_QUERY_RESPONSE, response_parameters=asked)
    )


def _add(request: Request, body: JsonBody, backend: BackendDep, actor: Directory) -> Response:
    """Adds a group."""
    edit = models.edit_of(_read(body, Context.RESOURCE_CREATION_REQUEST))
    group = groups.add_group(backend, actor, edit)
    return _answer(request, backend, group, 201, Context.RESOURCE_CREATION_RESPONSE)


def _one(
    group_id: str,
    request: Request,
    backend: BackendDep,
    actor: Directory,
    if_none_match: Tag = None,
) -> Response:
    """One group."""
    group = groups.read_group(backend, actor, group_id, with_members=_wants_members(request))
    if if_none_match is not None and matches(if_none_match)(group.version):
        return Response(status_code=304, headers={"ETag": tag_of(group.version)})
    return _answer(request, backend, group, 200, Context.RESOURCE_QUERY_RESPONSE)


def _replace(
    group_id: str,
    request: Request,
    body: JsonBody,
    backend: BackendDep,
    actor: Directory,
    if_match: Tag = None,
) -> Response:
    """Says anew what a group is. Who belongs to it stays where it is not said."""
    edit = models.edit_of(_read(body, Context.RESOURCE_REPLACEMENT_REQUEST))
    group = groups.change_group(backend, actor, group_id, edit, matches(if_match))
    return _answer(request, backend, group, 200, Context.RESOURCE_REPLACEMENT_RESPONSE)


def _patch(
    group_id: str,
    request: Request,
    body: JsonBody,
    backend: BackendDep,
    actor: Directory,
    if_match: Tag = None,
) -> Response:
    """Adds, removes, renames. Nothing is sent back but the tag, unless attributes are asked for."""
    patch = PatchOp[Group].model_validate(
        body, scim_ctx=Context.RESOURCE_PATCH_REQUEST, scim_policy=POLICY
    )
    group = groups.change_group(backend, actor, group_id, models.edit_by(patch), matches(if_match))
    if attributes_asked(request):
        return _answer(request, backend, group, 200, Context.RESOURCE_PATCH_RESPONSE)
    return Response(status_code=204, headers={"ETag": tag_of(group.version)})


def _remove(group_id: str, backend: BackendDep, actor: Directory, if_match: Tag = None) -> Response:
    """Deletes a group; its members stay, and lose what it brought with the next policy."""
    groups.remove_group(backend, actor, group_id, matches(if_match))
    return Response(status_code=204)


def _read(body: JsonBody, context: Context) -> Group:
    return Group.model_validate(body, scim_ctx=context, scim_policy=POLICY)


def _wants_members(request: Request) -> bool:
    """Whether thousands of members are to be read at all."""
    asked = {name.lower(): value.lower() for name, value in attributes_asked(request).items()}
    only = asked.get("attributes")
    return "members" not in asked.get("excludedattributes", "") and (
        only is None or "members" in only
    )


def _answer(
    request: Request, backend: Backend, group: Kept, status: int, context: Context
) -> Response:
    answer = Answer(
        resource=models.shown(group, base_of(request, backend)),
        asked=ResponseParameters[Group].model_validate(
            attributes_asked(request), scim_policy=POLICY
        ),
        version=group.version,
    )
    return answer.send(status, context)
