"""People as a directory keeps them: who comes, who changes, and who leaves.

Leaving is the point of it. In the one transaction in which the directory says that somebody is no
longer there, every code of that person is revoked for good. Coming back brings no code back:
somebody issues a new one. No second person is asked: the directory has decided, and a leaver's
codes are those of one person.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace

import sqlalchemy as sa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from doorward.status import Status
from doorward_controller.domain import directory as said
from doorward_controller.domain.directory import Document, Said
from doorward_controller.domain.permissions import Action, Actor
from doorward_controller.domain.revocations import Cause
from doorward_controller.errors import ActError, ConflictError, InvalidError, NotFoundError
from doorward_controller.services import audit, holders, status_publishing
from doorward_controller.services.acting import Act, act
from doorward_controller.services.backend import Backend
from doorward_controller.services.holders import HolderFields
from doorward_controller.services.key_vault import seal, unseal
from doorward_controller.store import credentials, directory, revocation_batches
from doorward_controller.store import holders as holder_rows
from doorward_controller.store.directory import StoredPerson
from doorward_controller.store.pieces import pieces

MAX_PAGE = 200
_NAMED = 20
"""Codes named in the audit entry of a departure; it counts them all."""


class PreconditionError(ActError):
    """Somebody else changed the person since the caller looked."""

    code = "version_changed"
    status = 412


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody in the directory. The document is personal."""

    id: str
    version: int
    active: bool
    document: Document
    created_at_utc_ms: int
    changed_at_utc_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Whom to look for; what is None does not matter."""

    id: str | None = None
    user_name: str | None = None
    external_id: str | None = None
    active: bool | None = None


Matches = Callable[[int], bool]
"""Says whether the version that is held is one that the caller has seen."""


def add_person(backend: Backend, actor: Actor, document: Document) -> Person:
    """Adds somebody; a holder who is plainly the same person is taken over with all codes.

    Raises ForbiddenError, InvalidError or ConflictError.
    """
    with _doing(backend, actor, "directory_add") as doing:
        told = said.read(document)
        holder_id, key = _holder_for(backend, doing, told)
        doing.subject = holder_id
        stays = told.active is not False
        codes, seq = (0, None) if stays else _end_codes(backend, doing, actor, holder_id)
        row = StoredPerson(
            holder_id=holder_id,
            sealed_document=_sealed(holder_id, key, document),
            active=stays,
            version=1,
            created_at_utc_ms=doing.now.utc_ms,
            changed_at_utc_ms=doing.now.utc_ms,
            left_at_utc_ms=None if stays else doing.now.utc_ms,
        )
        _insert(backend, doing, row, told)
        doing.detail.update(active=stays, codes=codes)
    _tell(backend, seq)
    return _opened(row, document)


def read_person(backend: Backend, actor: Actor, person_id: str) -> Person:
    """Returns one person. Raises ForbiddenError or NotFoundError."""
    with _doing(backend, actor, "directory_read", person_id) as doing:
        row = _find(doing, person_id)
        return _opened(row, _document(backend, doing, row))


def find_people(
    backend: Backend, actor: Actor, wanted: Wanted, *, skip: int, limit: int
) -> tuple[int, tuple[Person, ...]]:
    """Returns how many people are meant, and some of them, the first added first.

    Raises ForbiddenError or InvalidError.
    """
    with _doing(backend, actor, "directory_read") as doing:
        if not 0 <= limit <= MAX_PAGE or skip < 0:
            raise InvalidError(f"{limit} people at once, at most {MAX_PAGE}")
        total, rows = directory.page(
            doing.connection, _columns(backend, wanted), skip=skip, limit=limit
        )
        keys = _keys_of(backend, doing, rows)
        doing.subject = ",".join(row.holder_id for row in rows)[:400]
        doing.detail["people"] = len(rows)
        found = tuple(_opened(row, _unsealed(row, keys[row.holder_id])) for row in rows)
    if wanted.external_id is None:
        return total, found
    # The index knows no case, the directory's number does.
    exact = tuple(p for p in found if p.document.get("externalId") == wanted.external_id)
    return total - len(found) + len(exact), exact


def change_person(
    backend: Backend,
    actor: Actor,
    person_id: str,
    changed: Callable[[Document], Document],
    matches: Matches,
) -> Person:
    """Gives somebody a new document; whoever leaves by it loses every code in the same act.

    Args:
        backend: the controller's parts.
        actor: the directory.
        person_id: whom.
        changed: makes the new document of the one that is held; may refuse.
        matches: for the caller's If-Match.

    Raises:
        ForbiddenError, NotFoundError, InvalidError, ConflictError: nothing changed then.
        PreconditionError: `matches` says no.
    """
    seq = None
    with _doing(backend, actor, "directory_change", person_id) as doing:
        row = _find(doing, person_id, lock=True)
        _check_version(row, matches)
        before = _document(backend, doing, row)
        after = changed(before)
        told = said.read(after)
        active = row.active if told.active is None else told.active
        if after == before and active is row.active:
            return _opened(row, before)
        new = replace(
            row, active=active, version=row.version + 1, changed_at_utc_ms=doing.now.utc_ms
        )
        if row.active and not active:
            codes, seq = _end_codes(backend, doing, actor, person_id)
            new = replace(new, left_at_utc_ms=doing.now.utc_ms)
            doing.detail.update(left=True, codes=codes)
        elif active and not row.active:
            new = replace(new, left_at_utc_ms=None)
            doing.detail["returned"] = True
        _update(backend, doing, new, told, after)
    _tell(backend, seq)
    return _opened(new, after)


def remove_person(backend: Backend, actor: Actor, person_id: str, matches: Matches) -> None:
    """Takes somebody out of the directory: every code ends; the holder stays until erased.

    Raises ForbiddenError, NotFoundError or PreconditionError.
    """
    with _doing(backend, actor, "directory_remove", person_id) as doing:
        row = _find(doing, person_id, lock=True)
        _check_version(row, matches)
        codes, seq = _end_codes(backend, doing, actor, person_id)
        directory.forget(doing.connection, person_id, doing.now.utc_ms)
        doing.detail.update(left=True, codes=codes)
    _tell(backend, seq)


def _doing(
    backend: Backend, actor: Actor, name: str, subject: str = ""
) -> AbstractContextManager[Act]:
    return act(backend, actor, Action.PROVISION_PEOPLE, name=name, subject=subject[:32])


def _holder_for(backend: Backend, doing: Act, told: Said) -> tuple[str, bytes]:
    """Returns a new holder's id and key, or those of one who was here before the directory was."""
    fields = HolderFields(name=told.name, contact=told.contact, identity=told.identity)
    known = _known(backend, doing, told)
    if known is None:
        holder_id = holders.new_id()
        return holder_id, holders.insert(backend, doing, holder_id, fields)
    held = holder_rows.find(doing.connection, [known])[known]
    key = holders.key_of(backend.keys, held)
    _give_fields(backend, doing, known, key, fields)
    doing.detail["taken_over"] = True
    return known, key


def _known(backend: Backend, doing: Act, told: Said) -> str | None:
    """Returns the one holder with this employee's number, or with this name and this contact.

    Without it a badge from before the directory would outlive its holder's departure.
    """
    asked: list[dict[str, str]] = []
    if told.identity:
        asked.append({"identity": told.identity})
    if told.contact:
        asked.append({"name": told.name, "contact": told.contact})
    for values in asked:
        indexes = {field: backend.keys.blind(field, value) for field, value in values.items()}
        found = directory.unlinked(doing.connection, indexes)
        if len(found) == 1:
            return found[0]
    return None


def _give_fields(
    backend: Backend, doing: Act, holder_id: str, key: bytes, fields: HolderFields
) -> None:
    """Sets what the directory says; the note is Doorward's own and stays."""
    held = holder_rows.find(doing.connection, [holder_id])[holder_id]
    before = holders.open_fields(backend.keys, held)
    kept = replace(fields, note=before.note if before else "")
    holders.check_fields(kept)
    holder_rows.change(
        doing.connection, holder_id, holders.sealed_columns(backend.keys, holder_id, key, kept)
    )


def _end_codes(
    backend: Backend, doing: Act, actor: Actor, holder_id: str
) -> tuple[int, int | None]:
    """Revokes every code of somebody who leaves; returns how many, and the list's number."""
    # Who issues at this moment waits here, and then finds that the holder has left.
    state = credentials.lock_list(doing.connection, backend.config.site)
    codes = directory.codes_of(doing.connection, holder_id)
    if not codes:
        return 0, None
    ids = [code.id for code in codes]
    for piece in pieces(ids):
        credentials.set_status(
            doing.connection, piece, Status.REVOKED,
            reason=Cause.LEFT.value, by=actor.name,
            now_utc_s=doing.now.utc_s, seq=state.next_seq,
        )  # fmt: skip
    revocation_batches.forget_ends(doing.connection, ids)
    changes = [(code.status_index, Status.REVOKED) for code in codes]
    seq = status_publishing.advance(backend, doing.connection, state, changes, doing.now.utc_s)
    audit.append(
        doing.connection, doing.now.utc_ms, actor, "revoke",
        subject=",".join(id_.hex() for id_ in ids[:_NAMED]),
        detail={"reason": Cause.LEFT.value, "codes": len(ids), "status_seq": seq},
    )  # fmt: skip
    return len(ids), seq


def _tell(backend: Backend, seq: int | None) -> None:
    if seq is not None:
        status_publishing.publish(backend)
        status_publishing.announce(backend, "status", seq)


def _insert(backend: Backend, doing: Act, row: StoredPerson, told: Said) -> None:
    values = {name: getattr(row, name) for name in StoredPerson.__dataclass_fields__}
    try:
        directory.add(doing.connection, **values, **_indexes(backend, told))
    except sa.exc.IntegrityError as err:
        raise _taken() from err


def _update(backend: Backend, doing: Act, row: StoredPerson, told: Said, after: Document) -> None:
    held = holder_rows.find(doing.connection, [row.holder_id])[row.holder_id]
    key = holders.key_of(backend.keys, held)
    fields = HolderFields(name=told.name, contact=told.contact, identity=told.identity)
    _give_fields(backend, doing, row.holder_id, key, fields)
    try:
        directory.change(
            doing.connection,
            row.holder_id,
            sealed_document=_sealed(row.holder_id, key, after),
            active=row.active,
            version=row.version,
            changed_at_utc_ms=row.changed_at_utc_ms,
            left_at_utc_ms=row.left_at_utc_ms,
            **_indexes(backend, told),
        )
    except sa.exc.IntegrityError as err:
        raise _taken() from err


def _taken() -> ConflictError:
    return ConflictError("somebody else has this userName", code="user_name_taken")


def _indexes(backend: Backend, told: Said) -> dict[str, bytes | None]:
    blind, number = backend.keys.blind, told.external_id
    return {
        "user_name_index": blind("user_name", told.user_name),
        "external_id_index": blind("external_id", number) if number else None,
    }


def _columns(backend: Backend, wanted: Wanted) -> dict[str, object]:
    columns: dict[str, object] = {}
    if wanted.id is not None:
        columns["holder_id"] = wanted.id
    if wanted.user_name is not None:
        columns["user_name_index"] = backend.keys.blind("user_name", wanted.user_name)
    if wanted.external_id is not None:
        columns["external_id_index"] = backend.keys.blind("external_id", wanted.external_id)
    if wanted.active is not None:
        columns["active"] = wanted.active
    return columns


def _find(doing: Act, person_id: str, *, lock: bool = False) -> StoredPerson:
    row = directory.find(doing.connection, person_id, lock=lock)
    if row is None:
        raise NotFoundError(f"there is no user {person_id[:40]!r}", code="no_person")
    return row


def _check_version(row: StoredPerson, matches: Matches) -> None:
    if not matches(row.version):
        raise PreconditionError(f"the person has version {row.version} by now; look again")


def _document(backend: Backend, doing: Act, row: StoredPerson) -> Document:
    return _unsealed(row, _keys_of(backend, doing, [row])[row.holder_id])


def _keys_of(backend: Backend, doing: Act, rows: Sequence[StoredPerson]) -> Mapping[str, bytes]:
    found = holder_rows.find(doing.connection, [row.holder_id for row in rows])
    return {id_: holders.key_of(backend.keys, held) for id_, held in found.items()}


def _sealed(holder_id: str, key: bytes, document: Document) -> bytes:
    return seal(AESGCM(key), said.packed(document), _context(holder_id))


def _unsealed(row: StoredPerson, key: bytes) -> Document:
    return said.unpacked(unseal(AESGCM(key), row.sealed_document, _context(row.holder_id)))


def _context(holder_id: str) -> bytes:
    return b"directory " + holder_id.encode()


def _opened(row: StoredPerson, document: Document) -> Person:
    return Person(
        id=row.holder_id,
        version=row.version,
        active=row.active,
        document=document,
        created_at_utc_ms=row.created_at_utc_ms,
        changed_at_utc_ms=row.changed_at_utc_ms,
    )
