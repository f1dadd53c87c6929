"""The SCIM resources that Doorward keeps: as little of a person as a badge needs (RFC 7643).

A directory may send more; what is not declared here is dropped before anything looks at it.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

from scim2_models import (
    AuthenticationScheme,
    Bulk,
    ChangePassword,
    ComplexAttribute,
    Context,
    Email,
    ETag,
    Extension,
    Filter,
    InvalidFilterException,
    Meta,
    Patch,
    PatchOp,
    PhoneNumber,
    Required,
    Resource,
    ResourceType,
    Schema,
    ScimFilter,
    ScimPolicy,
    ServiceProviderConfig,
    Sort,
    Uniqueness,
)
from scim2_models.path import Comparison, LogicalExpr
from scim2_models.urn import URN

from doorward_controller.domain.directory import ENTERPRISE
from doorward_controller.services.directory import MAX_PAGE, Person, Wanted

POLICY = ScimPolicy(
    unknown=ScimPolicy.Unknown.ignore,
    # Both as Microsoft Entra sends them.
    remove_value_as_filter=ScimPolicy.RemoveValue.apply,
    unmatched_path_filter=ScimPolicy.UnmatchedPathFilter.create,
)
"""Directories send what their own schemas hold; refusing it would leave people out."""


class PersonName(ComplexAttribute):
    """The parts of a name."""

    formatted: str | None = None
    given_name: str | None = None
    family_name: str | None = None


class Enterprise(Extension):
    """Of the enterprise extension the number alone."""

    __schema__ = URN(ENTERPRISE)

    employee_number: str | None = None


class User(Resource[Enterprise]):
    """Somebody who may hold a badge."""

    __schema__ = URN("urn:ietf:params:scim:schemas:core:2.0:User")

    user_name: Annotated[str | None, Uniqueness.server, Required.true] = None
    name: PersonName | None = None
    display_name: str | None = None
    active: bool | None = None
    emails: list[Email] | None = None
    phone_numbers: list[PhoneNumber] | None = None


_OURS = {"meta", "id"}
"""What the service says itself; of the document it is no part."""


def document_of(user: User) -> dict[str, Any]:
    """Returns what is kept of a user."""
    dumped = user.model_dump(scim_ctx=Context.DEFAULT, exclude=_OURS)
    return {name: value for name, value in dumped.items() if value not in ({}, [], None)}


def user_of(document: Mapping[str, Any]) -> User:
    """Returns a kept document as a user."""
    return User.model_validate(dict(document), scim_ctx=Context.DEFAULT, scim_policy=POLICY)


def shown(person: Person, base: str) -> User:
    """Returns a person as the interface shows one."""
    user = user_of(person.document)
    user.id = person.id
    user.active = person.active
    user.meta = Meta(
        resource_type="User",
        created=_time(person.created_at_utc_ms),
        last_modified=_time(person.changed_at_utc_ms),
        location=f"{base}/Users/{person.id}",
        version=tag_of(person.version),
    )
    return user


def tag_of(version: int) -> str:
    """Returns the ETag of a version."""
    return f'W/"{version}"'


def patched(document: Mapping[str, Any], patch: PatchOp[User]) -> dict[str, Any]:
    """Returns a document after a patch. Raises SCIMException for one that does not fit."""
    user = user_of(document)
    patch.patch(user, scim_policy=POLICY)
    return document_of(user)


def wanted_of(text: str | None) -> Wanted:
    """Returns whom a filter means: values that are equal, joined by `and`.

    Raises InvalidFilterException for anything else.
    """
    if text is None:
        return Wanted()
    tree = ScimFilter[User](text).ast
    terms = tree.terms if isinstance(tree, LogicalExpr) and tree.op == "and" else (tree,)
    values: dict[str, Any] = {}
    for term in terms:
        if not isinstance(term, Comparison) or term.op != "eq":
            raise InvalidFilterException(filter=text, detail=_FILTERS)
        path = term.attr_path
        name = path.attr.lower() if path.sub_attr is None else ""
        if name not in _FILTERED or name in values:
            raise InvalidFilterException(filter=text, detail=_FILTERS)
        values[name] = _FILTERED[name](term.value)
    return Wanted(
        id=values.get("id"),
        user_name=values.get("username"),
        external_id=values.get("externalid"),
        active=values.get("active"),
    )


_FILTERS = "supported are eq on userName, externalId, id and active, joined by and"


def _as_bool(value: object) -> bool:
    return value is True or str(value).lower() == "true"


_FILTERED: Mapping[str, Callable[[object], object]] = {
    "id": str,
    "username": str,
    "externalid": str,
    "active": _as_bool,
}


def config(base: str) -> ServiceProviderConfig:
    """Returns what this service can do."""
    return ServiceProviderConfig(
        meta=Meta(resource_type="ServiceProviderConfig", location=f"{base}/ServiceProviderConfig"),
        patch=Patch(supported=True),
        bulk=Bulk(supported=False, max_operations=0, max_payload_size=0),
        filter=Filter(supported=True, max_results=MAX_PAGE),
        change_password=ChangePassword(supported=False),
        sort=Sort(supported=False),
        etag=ETag(supported=True),
        authentication_schemes=[
            AuthenticationScheme(
                type=AuthenticationScheme.Type.oauthbearertoken,
                name="Bearer token",
                description="An API token of scope provision_people",
                primary=True,
            )
        ],
    )


def resource_types(base: str) -> list[ResourceType]:
    """Returns what kinds of resources there are."""
    found = ResourceType.from_resource(User)
    found.name = found.id = "User"
    found.description = "People who may hold badges"
    found.meta = Meta(resource_type="ResourceType", location=f"{base}/ResourceTypes/User")
    return [found]


def schemas(base: str) -> list[Schema]:
    """Returns the attributes that are kept."""
    made = [User.to_schema(), Enterprise.to_schema()]
    for each in made:
        each.name = "User" if each.id == User.__schema__ else "EnterpriseUser"
        each.meta = Meta(resource_type="Schema", location=f"{base}/Schemas/{each.id}")
    return made


def _time(at_utc_ms: int) -> datetime:
    return datetime.fromtimestamp(at_utc_ms / 1000, UTC)
