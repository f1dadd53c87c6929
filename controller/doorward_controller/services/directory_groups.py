"""Groups as a directory keeps them. Joining or leaving one counts from the next policy on.

Which groups a code brings is no part of the code: the policy's roster says it for every credential
(`services.policy_drafting`), so nobody needs a new badge, and no badge outlives a membership by
more than the release of a policy. Who must lose everything at once is revoked, or leaves the
directory.
"""

import secrets
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace

import sqlalchemy as sa

from doorward_controller.domain import directory_groups as rules
from doorward_controller.domain.directory_groups import MAX_GROUPS, MAX_MEMBERS, Edit
from doorward_controller.domain.permissions import Action, Actor
from doorward_controller.errors import ConflictError, InvalidError, NotFoundError
from doorward_controller.services.acting import Act, act
from doorward_controller.services.backend import Backend
from doorward_controller.services.directory import MAX_PAGE, Matches, PreconditionError
from doorward_controller.store import directory_groups as rows
from doorward_controller.store.directory_groups import StoredGroup

MAX_SHOWN = 50_000
"""Members on one page; it ends before the group that would exceed it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A group; `members` is None where nobody asked for them."""

    id: str
    name: str
    external_id: str
    version: int
    created_at_utc_ms: int
    changed_at_utc_ms: int
    members: tuple[str, ...] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedGroup:
    """Which groups to look for; what is None does not matter."""

    id: str | None = None
    name: str | None = None
    external_id: str | None = None
    member: str | None = None


def add_group(backend: Backend, actor: Actor, edit: Edit) -> Group:
    """Adds a group. Raises ForbiddenError, InvalidError or ConflictError."""
    with _doing(backend, actor, "directory_group_add") as doing:
        if rows.count(doing.connection) >= MAX_GROUPS:
            raise InvalidError(f"there are {MAX_GROUPS} groups, no more fit", code="too_many")
        now_ms = doing.now.utc_ms
        name = rules.checked_name(edit.name or "")
        row = StoredGroup(
            id=secrets.token_hex(8),
            name=name,
            folded=rules.folded(name),
            external_id=rules.checked_number(edit.external_id or ""),
            version=1,
            created_at_utc_ms=now_ms,
            changed_at_utc_ms=now_ms,
        )
        doing.subject = row.id
        with _only_one():
            rows.add(doing.connection, row)
        members = _set_members(doing, row.id, frozenset(), edit)
        return _shown(row, members)


def read_group(
    backend: Backend, actor: Actor, group_id: str, *, with_members: bool = True
) -> Group:
    """Returns one group. Raises ForbiddenError or NotFoundError."""
    with _doing(backend, actor, "directory_group_read", group_id) as doing:
        row = _find(doing, group_id)
        members = rows.members(doing.connection, row.id) if with_members else None
        return _shown(row, members)


def find_groups(
    backend: Backend,
    actor: Actor,
    wanted: WantedGroup,
    *,
    skip: int,
    limit: int,
    with_members: bool = True,
) -> tuple[int, tuple[Group, ...]]:
    """Returns how many groups are meant, and some of them, the first added first.

    A page ends early rather than hold more than `MAX_SHOWN` members. Raises ForbiddenError or
    InvalidError.
    """
    with _doing(backend, actor, "directory_group_read") as doing:
        if not 0 <= limit <= MAX_PAGE or skip < 0:
            raise InvalidError(f"{limit} groups at once, at most {MAX_PAGE}")
        total, found = rows.page(
            doing.connection, _columns(wanted), member=wanted.member, skip=skip, limit=limit
        )
        doing.subject = ",".join(row.id for row in found)[:400]
        doing.detail["groups"] = len(found)
        if not with_members:
            return total, tuple(_shown(row, None) for row in found)
        fitting = _fitting(doing, found)
        return total, tuple(_shown(row, rows.members(doing.connection, row.id)) for row in fitting)


def change_group(
    backend: Backend, actor: Actor, group_id: str, edit: Edit, matches: Matches
) -> Group:
    """Changes a group.

    Args:
        backend: the controller's parts.
        actor: the directory.
        group_id: which.
        edit: what is to be otherwise.
        matches: for the caller's If-Match.

    Raises:
        ForbiddenError, NotFoundError, InvalidError, ConflictError: nothing changed then.
        PreconditionError: `matches` says no.
    """
    with _doing(backend, actor, "directory_group_change", group_id) as doing:
        row = _find(doing, group_id, lock=True)
        _check_version(row, matches)
        before = rows.members(doing.connection, row.id)
        name = row.name if edit.name is None else rules.checked_name(edit.name)
        number = row.external_id
        if edit.external_id is not None:
            number = rules.checked_number(edit.external_id)
        new = replace(row, name=name, folded=rules.folded(name), external_id=number)
        members = _set_members(doing, row.id, before, edit)
        if (new, members) == (row, before):
            return _shown(row, before)
        new = replace(new, version=row.version + 1, changed_at_utc_ms=doing.now.utc_ms)
        with _only_one():
            rows.change(doing.connection, new)
        doing.detail["renamed"] = new.name != row.name
        return _shown(new, members)


def remove_group(backend: Backend, actor: Actor, group_id: str, matches: Matches) -> None:
    """Deletes a group: from the next policy on it brings nobody anything.

    Raises ForbiddenError, NotFoundError or PreconditionError.
    """
    with _doing(backend, actor, "directory_group_remove", group_id) as doing:
        row = _find(doing, group_id, lock=True)
        _check_version(row, matches)
        left = rows.count_members(doing.connection, [row.id]).get(row.id, 0)
        rows.remove(doing.connection, row.id)
        doing.detail["left"] = left


def brought_to(
    connection: sa.Connection, brought: Mapping[str, tuple[str, ...]]
) -> dict[str, tuple[str, ...]]:
    """Returns by holder the groups of Doorward that the directory's groups bring.

    Args:
        connection: reads one snapshot.
        brought: by folded name of a directory's group, as the rule book says it.
    """
    groups = {id_: brought[name] for id_, name in rows.ids_of(connection, brought).items()}
    if not groups:
        return {}
    # Thousands share the same few combinations.
    known: dict[tuple[str, ...], tuple[str, ...]] = {}
    found: dict[str, tuple[str, ...]] = {}
    for holder_id, ids in rows.memberships(connection, list(groups)):
        if ids not in known:
            known[ids] = tuple(sorted({each for id_ in ids for each in groups[id_]}))
        found[holder_id] = known[ids]
    return found


def bringing(
    connection: sa.Connection, brought: Mapping[str, tuple[str, ...]], group: str
) -> tuple[str, ...]:
    """Returns the ids of the directory's groups that bring a group of Doorward."""
    names = [name for name, groups in brought.items() if group in groups]
    return tuple(rows.ids_of(connection, names))


def _doing(
    backend: Backend, actor: Actor, name: str, subject: str = ""
) -> AbstractContextManager[Act]:
    return act(backend, actor, Action.PROVISION_PEOPLE, name=name, subject=subject[:32])


def _set_members(doing: Act, group_id: str, before: frozenset[str], edit: Edit) -> frozenset[str]:
    """Writes who belongs now. Raises InvalidError for too many, or who is no user."""
    after = rules.after(before, edit.members)
    joined, left = after - before, before - after
    if len(after) > MAX_MEMBERS:
        raise InvalidError(
            f"the group would have {len(after)} members, at most {MAX_MEMBERS}", code="too_many"
        )
    if stray := rows.unknown(doing.connection, joined):
        raise InvalidError(
            f"{len(stray)} members are no users here, the first is {min(stray)[:40]!r}",
            code="no_person",
        )
    rows.leave(doing.connection, group_id, left)
    rows.join(doing.connection, group_id, joined)
    doing.detail.update(joined=len(joined), left=len(left))
    return after


def _fitting(doing: Act, found: tuple[StoredGroup, ...]) -> tuple[StoredGroup, ...]:
    """Returns the first of these groups whose members fit one page; always at least one."""
    counts = rows.count_members(doing.connection, [row.id for row in found])
    shown = 0
    for place, row in enumerate(found):
        shown += counts.get(row.id, 0)
        if place and shown > MAX_SHOWN:
            return found[:place]
    return found


@contextmanager
def _only_one() -> Iterator[None]:
    """Two groups of one name could not be told apart by the rules. Raises ConflictError."""
    try:
        yield
    except sa.exc.IntegrityError as err:
        raise ConflictError(
            "another group has this displayName, upper and lower case alike",
            code="group_name_taken",
        ) from err


def _check_version(row: StoredGroup, matches: Matches) -> None:
    if not matches(row.version):
        raise PreconditionError(f"the group has version {row.version} by now; look again")


def _find(doing: Act, group_id: str, *, lock: bool = False) -> StoredGroup:
    row = rows.find(doing.connection, group_id, lock=lock)
    if row is None:
        raise NotFoundError(f"there is no group {group_id[:40]!r}", code="no_group")
    return row


def _columns(wanted: WantedGroup) -> dict[str, str]:
    columns: dict[str, str] = {}
    if wanted.id is not None:
        columns["id"] = wanted.id
    if wanted.name is not None:
        columns["folded"] = rules.folded(wanted.name)
    if wanted.external_id is not None:
        columns["external_id"] = wanted.external_id
    return columns


def _shown(row: StoredGroup, members: frozenset[str] | None) -> Group:
    return Group(
        id=row.id,
        name=row.name,
        external_id=row.external_id,
        version=row.version,
        created_at_utc_ms=row.created_at_utc_ms,
        changed_at_utc_ms=row.changed_at_utc_ms,
        members=None if members is None else tuple(sorted(members)),
    )
