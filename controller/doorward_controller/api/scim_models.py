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
    ScimFilter,
    ScimPolicy,
    ServiceProviderConfig,
    Sort,
    Uniqueness,
)
from scim2_models.path import AttrPath, Comparison, LogicalExpr
from scim2_models.urn import URN

from doorward_controller.api.plain_texts import is_plain
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
        created=time_of(person.created_at_utc_ms),
        last_modified=time_of(person.changed_at_utc_ms),
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
    values = equal_values(ScimFilter[User](text), _FILTERED) if text is not None else {}
    return Wanted(
        id=values.get("id"),
        user_name=values.get("username"),
        external_id=values.get("externalid"),
        active=values.get("active"),
    )


def equal_values(
    asked: ScimFilter[Any], kinds: Mapping[str, Callable[[object], object]]
) -> dict[str, Any]:
    """Returns by attribute's path, in lower case, what a filter says that it equals.

    Raises InvalidFilterException for what is no `eq` on these paths, joined by `and`.
    """
    tree = asked.ast
    terms = tree.terms if isinstance(tree, LogicalExpr) and tree.op == "and" else (tree,)
    values: dict[str, Any] = {}
    for term in terms:
        match term:
            case Comparison(op="eq", attr_path=path, value=value) if (
                (name := _name_of(path)) in kinds and name not in values and is_plain(str(value))
            ):
                values[name] = kinds[name](value)
            case _:
                named = ", ".join(kinds)
                raise InvalidFilterException(
                    filter=str(asked), detail=f"supported are eq on {named}, joined by and"
                )
    return values


def _name_of(path: AttrPath) -> str:
    return path.attr.lower() if path.sub_attr is None else f"{path.attr}.{path.sub_attr}".lower()


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


def time_of(at_utc_ms: int) -> datetime:
    """Returns a time as resources have it."""
    return datetime.fromtimestamp(at_utc_ms / 1000, UTC)
