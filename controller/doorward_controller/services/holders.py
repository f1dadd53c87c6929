"""Holders: personal fields sealed under a key per person; erasing the person destroys that key."""

import json
import os
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

import sqlalchemy as sa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from doorward_controller.domain.permissions import Action, Actor, Where
from doorward_controller.errors import ConflictError, InvalidError, NotFoundError
from doorward_controller.services import audit, erasures
from doorward_controller.services.acting import Act, act
from doorward_controller.services.backend import Backend
from doorward_controller.services.key_vault import KeyVault, seal, unseal
from doorward_controller.store import directory, holders, movements
from doorward_controller.store.holders import StoredHolder

MAX_FIELD_CHARACTERS = 500
MAX_READ = 200
_INDEXED = ("name", "contact", "identity")


@dataclass(frozen=True, slots=True, kw_only=True)
class HolderFields:
    """What is personal. It leaves this module only for who may read it."""

    name: str
    contact: str = ""
    identity: str = ""
    note: str = ""


def add_holder(
    backend: Backend,
    actor: Actor,
    fields: HolderFields,
    *,
    groups: Sequence[str] = (),
    qualifications: Sequence[tuple[str, int]] = (),
) -> str:
    """Returns the id of a new holder. Raises ForbiddenError or InvalidError."""
    holder_id = new_id()
    with act(backend, actor, Action.EDIT_HOLDERS, name="add_holder", subject=holder_id) as doing:
        insert(backend, doing, holder_id, fields, groups=groups, qualifications=qualifications)
    return holder_id


def new_id() -> str:
    """Returns an id that no holder has."""
    return secrets.token_hex(8)


def insert(
    backend: Backend,
    doing: Act,
    holder_id: str,
    fields: HolderFields,
    *,
    groups: Sequence[str] = (),
    qualifications: Sequence[tuple[str, int]] = (),
) -> bytes:
    """Adds a holder within the caller's act; returns the person's key. Raises InvalidError."""
    check_fields(fields)
    key = os.urandom(32)
    row = sealed_columns(backend.keys, holder_id, key, fields) | {
        "id": holder_id,
        "wrapped_key": seal(backend.keys.personal, key, holder_id.encode()),
        "groups_json": json.dumps(list(groups)),
        "qualifications_json": json.dumps([list(pair) for pair in qualifications]),
        "created_at_utc_s": doing.now.utc_s,
    }
    holders.add(doing.connection, row)
    return key


def update_holder(
    backend: Backend,
    actor: Actor,
    holder_id: str,
    *,
    fields: HolderFields | None = None,
    groups: Sequence[str] | None = None,
    qualifications: Sequence[tuple[str, int]] | None = None,
) -> None:
    """Changes what is given.

    Raises ForbiddenError, InvalidError, NotFoundError or ConflictError.
    """
    with act(backend, actor, Action.EDIT_HOLDERS, name="update_holder", subject=holder_id) as doing:
        row: dict[str, object] = {}
        if fields is not None:
            check_fields(fields)
            key = key_of(backend.keys, _find(doing, holder_id))
            row |= sealed_columns(backend.keys, holder_id, key, fields)
        if groups is not None:
            row["groups_json"] = json.dumps(list(groups))
        if qualifications is not None:
            row["qualifications_json"] = json.dumps([list(pair) for pair in qualifications])
        _find(doing, holder_id)
        if row:
            holders.change(doing.connection, holder_id, row)
        doing.detail["changed"] = ",".join(sorted({name.split("_")[0] for name in row}))


def read_holders(
    backend: Backend, actor: Actor, ids: Sequence[str]
) -> dict[str, HolderFields | None]:
    """Returns the personal fields of up to `MAX_READ` holders, None for the erased ones.

    Every look is an audit entry. Raises ForbiddenError or InvalidError.
    """
    wanted = sorted(set(ids))
    if not wanted:
        return {}
    with act(backend, actor, Action.READ_PERSONAL, subject=",".join(wanted)) as doing:
        if len(wanted) > MAX_READ:
            raise InvalidError(f"{len(wanted)} holders asked for, at most {MAX_READ} at once")
        found = holders.find(doing.connection, wanted)
        return {id_: open_fields(backend.keys, holder) for id_, holder in found.items()}


@dataclass(frozen=True, slots=True)
class NotedLook:
    """People whose fields may be read, because the audit log says that they are."""

    _backend: Backend
    _people: frozenset[str]

    def read(self, ids: Iterable[str]) -> dict[str, HolderFields | None]:
        """Returns the personal fields of those who exist, None for the erased ones.

        Raises InvalidError for somebody who was not noted.
        """
        wanted = set(ids)
        if stray := wanted - self._people:
            raise InvalidError(f"{len(stray)} holders were not noted before they are read")
        if not wanted:
            return {}
        with self._backend.store.read() as connection:
            found = holders.find(connection, sorted(wanted))
        keys = self._backend.keys
        return {id_: open_fields(keys, holder) for id_, holder in found.items()}


def note_look(backend: Backend, actor: Actor, ids: Sequence[str], where: Where) -> NotedLook:
    """Notes a look at any number of holders, in one transaction; `read` then opens them.

    Args:
        backend: the controller's parts.
        actor: who looks.
        ids: at whom.
        where: beside what of which zones their names stand.

    Raises:
        ForbiddenError: the role does not allow it, or not there.
    """
    parts = [ids[first : first + MAX_READ] for first in range(0, len(ids), MAX_READ)]
    if parts:
        *others, last = parts
        with act(
            backend, actor, Action.READ_PERSONAL, subject=",".join(last), placed=True
        ) as doing:
            doing.at(where)
            for some in others:
                audit.append(
                    doing.connection, doing.now.utc_ms, actor, Action.READ_PERSONAL.value,
                    subject=",".join(some),
                )  # fmt: skip
    return NotedLook(backend, frozenset(ids))


def find_holders(
    backend: Backend, actor: Actor, *, name: str = "", contact: str = "", identity: str = ""
) -> tuple[str, ...]:
    """Returns the ids of those whose fields are exactly these, upper and lower case alike.

    Whoever is limited to zones finds those alone who were seen there: whose names stand beside
    records that they see. Raises ForbiddenError or InvalidError.
    """
    asked = {"name": name, "contact": contact, "identity": identity}
    given = {field: value for field, value in asked.items() if value.strip()}
    with act(backend, actor, Action.READ_PERSONAL, name="find_holders", placed=True) as doing:
        zones = doing.zones
        if not given:
            raise InvalidError("give a name, a contact or an identity number to look for")
        doing.subject = ",".join(given)
        indexes = {field: backend.keys.blind(field, value) for field, value in given.items()}
        found = holders.find_by_index(doing.connection, indexes)
        if zones is None:
            return found
        doing.detail["zones"] = " ".join(sorted(zones))
        seen = movements.seen_people(doing.connection, found, zones)
        return tuple(each for each in found if each in seen)


def erase_holder(backend: Backend, actor: Actor, holder_id: str, reason: str) -> None:
    """Destroys the person's key and fields; records keep the code's number, which names nobody.

    Raises ForbiddenError, NotFoundError or ConflictError.
    """
    with act(backend, actor, Action.EDIT_HOLDERS, name="erase_holder", subject=holder_id) as doing:
        key_of(backend.keys, _find(doing, holder_id))
        forget(doing.connection, holder_id, doing.now.utc_s)
        doing.detail["reason"] = reason[:200]
    erasures.note(backend.config, holder_id, doing.now.utc_s)


def forget(connection: sa.Connection, holder_id: str, at_utc_s: int) -> None:
    """Destroys a person's key and fields, and what a directory said of them."""
    gone = dict.fromkeys(("wrapped_key", "sealed_fields", *(f"{f}_index" for f in _INDEXED)))
    erased: dict[str, object] = {**gone, "erased_at_utc_s": at_utc_s}
    holders.change(connection, holder_id, erased)
    directory.forget(connection, holder_id, at_utc_s * 1000)


def check_fields(fields: HolderFields) -> None:
    """Raises InvalidError for fields that are empty or too long."""
    if not fields.name.strip():
        raise InvalidError("the name is empty", code="name_missing")
    for name, value in asdict(fields).items():
        if len(value) > MAX_FIELD_CHARACTERS:
            raise InvalidError(
                f"{name} has {len(value)} characters, at most {MAX_FIELD_CHARACTERS}"
            )


def _find(doing: Act, holder_id: str) -> StoredHolder:
    holder = holders.find(doing.connection, [holder_id]).get(holder_id)
    if holder is None:
        raise NotFoundError(f"there is no holder {holder_id[:40]!r}", code="no_holder")
    return holder


def key_of(keys: KeyVault, holder: StoredHolder) -> bytes:
    """Returns the person's own key. Raises ConflictError when the person was erased."""
    if holder.wrapped_key is None:
        raise ConflictError(f"holder {holder.id} was erased", code="holder_erased")
    return unseal(keys.personal, holder.wrapped_key, holder.id.encode())


def sealed_columns(
    keys: KeyVault, holder_id: str, key: bytes, fields: HolderFields
) -> dict[str, object]:
    """Returns what the table holds of a person's fields: sealed, and the indexes to find them."""
    plain = json.dumps(asdict(fields), ensure_ascii=False).encode()
    indexes = {
        f"{name}_index": keys.blind(name, value) if (value := getattr(fields, name)) else None
        for name in _INDEXED
    }
    return {"sealed_fields": seal(AESGCM(key), plain, holder_id.encode()), **indexes}


def open_fields(keys: KeyVault, holder: StoredHolder) -> HolderFields | None:
    """Returns a person's fields, None when the person was erased."""
    if holder.wrapped_key is None or holder.sealed_fields is None:
        return None
    key = key_of(keys, holder)
    return HolderFields(**json.loads(unseal(AESGCM(key), holder.sealed_fields, holder.id.encode())))
