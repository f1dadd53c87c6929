"""Groups as SCIM has them (RFC 7643, 4.2), and the forms in which directories change members.

Microsoft Entra ID adds and removes with lists in `value` (a remove too), or with a path
`members[value eq "..."]`; Okta also sends the name and all members in a value without a path, with
the group's `id` among them.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any

from pydantic import Field
from scim2_models import (
    CaseExact,
    ComplexAttribute,
    InvalidFilterException,
    InvalidPathException,
    InvalidValueException,
    Meta,
    Mutability,
    PatchOp,
    PatchOperation,
    Reference,
    Required,
    Resource,
    ResourceType,
    Schema,
    ScimFilter,
)
from scim2_models.path import Comparison, FilterNode, LogicalExpr
from scim2_models.urn import URN

from doorward_controller.api.scim_models import (
    Enterprise,
    User,
    equal_values,
    tag_of,
    time_of,
)
from doorward_controller.domain.directory_groups import Change, Edit, Way
from doorward_controller.services.directory_groups import Group as Kept
from doorward_controller.services.directory_groups import WantedGroup

_SCHEMA = "urn:ietf:params:scim:schemas:core:2.0:Group"
_OP = PatchOperation.Op
_WAYS = {_OP.add: Way.ADD, _OP.remove: Way.REMOVE, _OP.replace_: Way.REPLACE}


class GroupMember(ComplexAttribute):
    """Somebody who belongs to a group."""

    value: Annotated[str | None, Mutability.immutable, CaseExact.true] = None
    ref: Annotated[Reference[User] | None, Mutability.immutable] = Field(
        None, serialization_alias="$ref", validation_alias="$ref"
    )
    type: Annotated[str | None, Mutability.immutable] = None


class Group(Resource[Any]):
    """A group of the directory."""

    __schema__ = URN(_SCHEMA)

    display_name: Annotated[str | None, Required.true] = None
    members: list[GroupMember] | None = None


def shown(group: Kept, base: str) -> Group:
    """Returns a group as the interface shows one."""
    made = Group(
        id=group.id,
        external_id=group.external_id or None,
        display_name=group.name,
        meta=Meta(
            resource_type="Group",
            created=time_of(group.created_at_utc_ms),
            last_modified=time_of(group.changed_at_utc_ms),
            location=f"{base}/Groups/{group.id}",
            version=tag_of(group.version),
        ),
    )
    if group.members:
        # Thousands of them, and all of them our own: there is nothing to check.
        made.members = [
            GroupMember.model_construct(value=each, ref=f"{base}/Users/{each}", type="User")
            for each in group.members
        ]
    return made


def edit_of(group: Group) -> Edit:
    """Returns what a whole group says. Members stay where it says nothing of them."""
    members = [] if group.members is None else [Change(Way.REPLACE, _people(group.members))]
    return Edit(
        name=group.display_name or "",
        external_id=group.external_id or "",
        members=members,
    )


def edit_by(patch: PatchOp[Group]) -> Edit:
    """Returns what a patch changes. Raises SCIMException for a form that nobody sends."""
    said: dict[str, str] = {}
    members: list[Change] = []
    for operation in patch.operations or ():
        for name, change in _parts(operation):
            if isinstance(change, Change):
                members.append(change)
            else:
                said[name] = change
    return Edit(name=said.get("displayname"), external_id=said.get("externalid"), members=members)


def wanted_of(text: str | None) -> WantedGroup:
    """Returns which groups a filter means. Raises InvalidFilterException."""
    values = equal_values(ScimFilter[Group](text), _FILTERED) if text is not None else {}
    return WantedGroup(
        id=values.get("id"),
        name=values.get("displayname"),
        external_id=values.get("externalid"),
        member=values.get("members") or values.get("members.value"),
    )


_FILTERED: Mapping[str, Callable[[object], object]] = dict.fromkeys(
    ("displayname", "externalid", "id", "members", "members.value"), str
)


def _parts(operation: PatchOperation[Group]) -> Iterable[tuple[str, str | Change]]:
    """Yields what one operation says of each attribute; what is not kept is left out."""
    path = operation.path
    if path is None:
        if not isinstance(operation.value, dict):
            raise InvalidValueException(detail="without a path the value must be an object")
        for name, value in operation.value.items():
            attribute = _attribute(name)
            if attribute in _KEPT:
                yield attribute, _KEPT[attribute](operation.op, value)
        return
    found = path.resolve()
    attribute = "" if found is None else found.field_name.replace("_", "")
    if attribute not in _KEPT:
        return
    if path.value_filter is None:
        if found is not None and found.sub_field_name:
            raise InvalidPathException(path=str(path), detail="members change as a whole")
        yield attribute, _KEPT[attribute](operation.op, operation.value)
    elif operation.op is _OP.remove and found is not None and not found.sub_field_name:
        yield attribute, Change(Way.REMOVE, frozenset(_named(path.value_filter)))
    else:
        raise InvalidPathException(path=str(path), detail="only a remove takes a filter")


def _attribute(name: str) -> str:
    return name.lower().removeprefix(f"{_SCHEMA.lower()}:")


def _text(op: PatchOperation.Op, value: object) -> str:
    if op is _OP.remove or value is None:
        return ""
    if not isinstance(value, str):
        raise InvalidValueException(detail="displayName and externalId are texts")
    return value


def _members(op: PatchOperation.Op, value: object) -> Change:
    if value is None:
        return Change(Way.REPLACE, frozenset())
    return Change(_WAYS[op], _people(value if isinstance(value, list) else [value]))


_KEPT: Mapping[str, Callable[[PatchOperation.Op, object], str | Change]] = {
    "displayname": _text,
    "externalid": _text,
    "members": _members,
}


def _people(members: Iterable[object]) -> frozenset[str]:
    """Returns the ids of members as directories send them."""
    return frozenset(map(_person, members))


def _person(member: object) -> str:
    value: object = None
    if isinstance(member, GroupMember):
        value = member.value
    elif isinstance(member, dict):
        value = next((v for k, v in member.items() if k.lower() == "value"), None)
    if not isinstance(value, str) or not value:
        raise InvalidValueException(detail="a member is an object whose value is a user's id")
    return value


def _named(tree: FilterNode) -> Iterable[str]:
    """Yields whom `value eq "..."`, joined by `or`, names."""
    terms = tree.terms if isinstance(tree, LogicalExpr) and tree.op == "or" else (tree,)
    for term in terms:
        match term:
            case Comparison(op="eq", attr_path=path, value=str(who)) if (
                path.attr.lower() == "value"
            ):
                yield who
            case _:
                raise InvalidFilterException(
                    filter=str(tree), detail="members are named by value eq, joined by or"
                )


def resource_types(base: str) -> list[ResourceType]:
    """Returns what kinds of resources there are."""
    made = []
    for kind, name, description in (
        (User, "User", "People who may hold badges"),
        (Group, "Group", "Groups that the rules may name"),
    ):
        found = ResourceType.from_resource(kind)
        found.name = found.id = name
        found.description = description
        found.meta = Meta(resource_type="ResourceType", location=f"{base}/ResourceTypes/{name}")
        made.append(found)
    return made


def schemas(base: str) -> list[Schema]:
    """Returns the attributes that are kept."""
    made = []
    for kind, name in ((User, "User"), (Enterprise, "EnterpriseUser"), (Group, "Group")):
        schema = kind.to_schema()
        schema.name = name
        schema.meta = Meta(resource_type="Schema", location=f"{base}/Schemas/{schema.id}")
        made.append(schema)
    return made
