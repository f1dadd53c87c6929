"""Guards and technicians: added, given new PINs, removed; the list of them signed and published.

A PIN is drawn here and shown once: nobody chooses a birthday, and nobody here knows it afterwards.
"""

import secrets
import threading
from dataclasses import dataclass

import sqlalchemy as sa
from argon2 import PasswordHasher

from doorward import topics
from doorward.envelope import Kind, seal_envelope
from doorward.errors import BadIdError
from doorward.ids import parse_name
from doorward.staff import MAX_MEMBERS, MIN_HASH_MEMORY_KIB, Ability, StaffList, StaffMember
from doorward_controller.domain.permissions import Action, Actor
from doorward_controller.domain.site_keys import KeyUse
from doorward_controller.errors import ConflictError, InvalidError, NotFoundError
from doorward_controller.services import signing
from doorward_controller.services.acting import Act, act
from doorward_controller.services.backend import Backend
from doorward_controller.store import policies
from doorward_controller.store import staff as rows
from doorward_controller.store.staff import StoredMember

PIN_DIGITS = 10
MAX_LIFETIME_S = 366 * 86_400
_hasher = PasswordHasher(time_cost=4, memory_cost=MIN_HASH_MEMORY_KIB, parallelism=1)
"""As slow as a gateway can bear: about half a second on a Raspberry Pi."""

_publishing = threading.Lock()
"""The later of two changes must also be published last: a retained topic keeps the last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPin:
    """A PIN, shown this once, and the version of the list in which it counts."""

    member_id: str
    pin: str
    version: int


def add_member(
    backend: Backend, actor: Actor, *, member_id: str, abilities: Ability, not_after: int
) -> NewPin:
    """Adds an entry. Raises ForbiddenError, InvalidError or ConflictError."""
    pin = _draw()
    hashed = _hasher.hash(pin)
    with act(backend, actor, Action.MANAGE_STAFF, name="add_staff", subject=member_id) as doing:
        _check(member_id, abilities, not_after, doing.now.utc_s)
        present = _locked(backend, doing)
        if member_id in present:
            raise ConflictError(
                f"staff number {member_id} is or was somebody's; numbers are not given out again",
                code="number_taken",
            )
        if sum(each.removed_at_utc_s is None for each in present.values()) >= MAX_MEMBERS:
            raise ConflictError(f"there are {MAX_MEMBERS} members already", code="staff_full")
        member = StoredMember(
            id=member_id,
            abilities=int(abilities),
            pin_hash=hashed,
            not_after=not_after,
            added_by=actor.name,
            added_at_utc_s=doing.now.utc_s,
            removed_at_utc_s=None,
        )
        rows.add(doing.connection, backend.config.site, member)
        doing.detail.update(abilities=int(abilities), not_after=not_after)
        version = _make_list(backend, doing)
    publish(backend)
    return NewPin(member_id=member_id, pin=pin, version=version)


def new_pin(backend: Backend, actor: Actor, member_id: str) -> NewPin:
    """Gives a member a new PIN; the old one ends with the new list.

    Raises ForbiddenError or NotFoundError.
    """
    pin = _draw()
    hashed = _hasher.hash(pin)
    with act(backend, actor, Action.MANAGE_STAFF, name="new_staff_pin", subject=member_id) as doing:
        _find(backend, doing, member_id)
        rows.change(doing.connection, backend.config.site, member_id, pin_hash=hashed)
        version = _make_list(backend, doing)
    publish(backend)
    return NewPin(member_id=member_id, pin=pin, version=version)


def change_member(
    backend: Backend, actor: Actor, member_id: str, *, abilities: Ability, not_after: int
) -> int:
    """Says anew what a member may do and until when; returns the version of the new list.

    Raises ForbiddenError, InvalidError or NotFoundError.
    """
    with act(backend, actor, Action.MANAGE_STAFF, name="change_staff", subject=member_id) as doing:
        _check(member_id, abilities, not_after, doing.now.utc_s)
        _find(backend, doing, member_id)
        rows.change(
            doing.connection,
            backend.config.site,
            member_id,
            abilities=int(abilities),
            not_after=not_after,
        )
        doing.detail.update(abilities=int(abilities), not_after=not_after)
        version = _make_list(backend, doing)
    publish(backend)
    return version


def remove_member(backend: Backend, actor: Actor, member_id: str) -> int:
    """Removes an entry; its sessions at gateways end with the new list, whose version it returns.

    Raises ForbiddenError or NotFoundError.
    """
    with act(backend, actor, Action.MANAGE_STAFF, name="remove_staff", subject=member_id) as doing:
        _find(backend, doing, member_id)
        at = doing.now.utc_s
        rows.change(doing.connection, backend.config.site, member_id, removed_at_utc_s=at)
        version = _make_list(backend, doing)
    publish(backend)
    return version


def publish(backend: Backend) -> None:
    """Publishes the newest list, retained; nothing before the first."""
    site = backend.config.site
    with _publishing:
        with backend.store.read() as connection:
            _, wire = rows.newest_list(connection, site)
        if wire is not None:
            topic = topics.policy(site, topics.Policy.STAFF)
            backend.publisher.publish(topic, wire, retain=True)


def _draw() -> str:
    return f"{secrets.randbelow(10**PIN_DIGITS):0{PIN_DIGITS}}"


def _check(member_id: str, abilities: Ability, not_after: int, now_utc_s: int) -> None:
    try:
        parse_name(member_id, "staff number")
    except BadIdError as err:
        raise InvalidError(str(err), code="bad_number") from err
    if not 1 <= abilities <= sum(Ability):
        raise InvalidError("a member must be able to do something", code="no_ability")
    if not now_utc_s < not_after <= now_utc_s + MAX_LIFETIME_S:
        raise InvalidError(
            f"not_after is {not_after}, must be in the future and within a year", code="bad_end"
        )


def _locked(backend: Backend, doing: Act) -> dict[str, StoredMember]:
    site = backend.config.site
    policies.lock_site(doing.connection, site)
    return {each.id: each for each in rows.members(doing.connection, site)}


def _find(backend: Backend, doing: Act, member_id: str) -> StoredMember:
    member = _locked(backend, doing).get(member_id)
    if member is None or member.removed_at_utc_s is not None:
        raise NotFoundError(f"there is no staff number {member_id[:40]}")
    return member


def sign_anew(backend: Backend, doing: Act) -> None:
    """Makes the list anew, with the key that counts now; nothing where there never was one.

    Within the caller's transaction; `publish` is for after it.
    """
    version, _ = rows.newest_list(doing.connection, backend.config.site)
    if version:
        _make_list(backend, doing)


def _make_list(backend: Backend, doing: Act) -> int:
    """Signs the next list within the caller's transaction. Returns its version."""
    site, connection, now_utc_s = backend.config.site, doing.connection, doing.now.utc_s
    version = _next_version(connection, site, now_utc_s)
    current = [each for each in rows.members(connection, site) if each.removed_at_utc_s is None]
    listed = StaffList(
        site=site,
        version=version,
        created_at=now_utc_s,
        members=tuple(
            StaffMember(
                id=each.id,
                abilities=Ability(each.abilities),
                pin_hash=each.pin_hash,
                not_after=each.not_after,
            )
            for each in current
        ),
    )
    signer = signing.signer(backend, KeyUse.POLICY, connection)
    wire = seal_envelope(Kind.STAFF, listed.to_body(), [signer])
    rows.save_list(connection, site, version, wire)
    doing.detail["version" if "version" not in doing.detail else "staff_version"] = version
    return version


def _next_version(connection: sa.Connection, site: str, now_utc_s: int) -> int:
    """Returns a version that a database restored from a backup cannot have fallen behind.

    There are never more lists than minutes since the site began; gateways hold the newest.
    """
    held, _ = rows.newest_list(connection, site)
    minutes = (now_utc_s - policies.site_created_at(connection, site)) // 60
    return max(held + 1, minutes)
