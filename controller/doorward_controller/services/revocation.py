"""Revoking, suspending and restoring credentials; the gates know within a moment."""

from collections.abc import Sequence
from dataclasses import dataclass

from doorward.errors import BadIdError
from doorward.ids import parse_credential_id
from doorward.status import Status
from doorward_controller.domain.permissions import Action, Actor
from doorward_controller.domain.proposals import ProposalKind
from doorward_controller.domain.revocations import FROM
from doorward_controller.errors import ConflictError, InvalidError, NotFoundError
from doorward_controller.services import second_person, status_publishing
from doorward_controller.services.acting import act
from doorward_controller.services.backend import Backend
from doorward_controller.store import credentials, revocation_batches
from doorward_controller.store.credentials import StoredCredential

MAX_AT_ONCE = 1000
MAX_REASON_CHARACTERS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusChange:
    """What became of it: the list's number that tells the gates, and how many codes changed."""

    seq: int
    changed: int


def revoke(
    backend: Backend, actor: Actor, credential_ids: Sequence[str], reason: str
) -> StatusChange:
    """Ends credentials for good.

    Raises ForbiddenError, InvalidError, NotFoundError or ConflictError; nothing changed then.
    """
    return _change(backend, actor, credential_ids, Status.REVOKED, reason)


def suspend(
    backend: Backend, actor: Actor, credential_ids: Sequence[str], reason: str
) -> StatusChange:
    """Stops credentials until they are restored. Raises as `revoke` does."""
    return _change(backend, actor, credential_ids, Status.SUSPENDED, reason)


def restore(
    backend: Backend, actor: Actor, credential_ids: Sequence[str], reason: str
) -> StatusChange:
    """Lets suspended credentials count again. Raises as `revoke` does."""
    return _change(backend, actor, credential_ids, Status.VALID, reason)


_NAMES = {Status.REVOKED: "revoke", Status.SUSPENDED: "suspend", Status.VALID: "restore"}


def _change(
    backend: Backend, actor: Actor, credential_ids: Sequence[str], to: Status, reason: str
) -> StatusChange:
    subject = ",".join(credential_ids[:20])
    with act(backend, actor, Action.REVOKE, name=_NAMES[to], subject=subject) as doing:
        ids = _parse_ids(credential_ids)
        text = _check_reason(reason)
        if to is Status.REVOKED:
            second_person.check(backend, actor, ProposalKind.CHANGE_CODES, None, codes=len(ids))
        state = credentials.lock_list(doing.connection, backend.config.site)
        found = credentials.find(doing.connection, ids)
        _check_all(ids, found, to)
        credentials.set_status(
            doing.connection, ids, to,
            reason=text, by=actor.name, now_utc_s=doing.now.utc_s, seq=state.next_seq,
        )  # fmt: skip
        revocation_batches.forget_ends(doing.connection, ids)
        seq = status_publishing.advance(
            backend, doing.connection, state,
            [(credential.status_index, to) for credential in found], doing.now.utc_s,
        )  # fmt: skip
        doing.detail.update(reason=text, codes=len(found), status_seq=seq)
    status_publishing.publish(backend)
    status_publishing.announce(backend, "status", seq)
    return StatusChange(seq=seq, changed=len(found))


def _parse_ids(texts: Sequence[str]) -> list[bytes]:
    if not 1 <= len(texts) <= MAX_AT_ONCE:
        raise InvalidError(f"{len(texts)} credentials, must be 1 to {MAX_AT_ONCE} at once")
    try:
        return sorted({bytes(parse_credential_id(text)) for text in texts})
    except BadIdError as err:
        raise InvalidError(str(err), code="bad_credential_id") from err


def _check_reason(reason: str) -> str:
    text = reason.strip()
    if not 1 <= len(text) <= MAX_REASON_CHARACTERS:
        raise InvalidError(
            f"the reason has {len(text)} characters, must be 1 to {MAX_REASON_CHARACTERS}",
            code="reason_missing",
        )
    return text


def _check_all(ids: Sequence[bytes], found: Sequence[StoredCredential], to: Status) -> None:
    missing = set(ids) - {credential.id for credential in found}
    if missing:
        raise NotFoundError(f"there is no credential {min(missing).hex()}", code="no_credential")
    for credential in found:
        if credential.status not in FROM[to]:
            raise ConflictError(
                f"credential {credential.id.hex()} is {credential.status.name.lower()} already"
                if credential.status is to
                else f"credential {credential.id.hex()} is {credential.status.name.lower()};"
                f" it cannot become {to.name.lower()}",
                code=f"credential_{credential.status.name.lower()}",
            )
