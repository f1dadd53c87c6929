"""What the saved rules would change, before they are released; past scans decided again."""

from dataclasses import dataclass, replace

import sqlalchemy as sa

from doorward.credential import Credential, Form, Refusal, Statement
from doorward.decision import Presentation
from doorward.envelope import parse_envelope
from doorward.foreign import ForeignClaim
from doorward.ids import CredentialId, KeyId
from doorward.keys import Keyring
from doorward.policy import Policy
from doorward.reasons import Reason
from doorward.status import StatusList, with_changes
from doorward.sticker import StickerClaim
from doorward_controller.domain.permissions import Action, Actor
from doorward_controller.domain.policy_differences import Differences, differences
from doorward_controller.domain.replay import Replayable, Replayed, outcome_granted, replay
from doorward_controller.domain.software_age import too_old
from doorward_controller.errors import InvalidError
from doorward_controller.services import policy_drafting, provisioning
from doorward_controller.services.acting import check_read
from doorward_controller.services.backend import Backend
from doorward_controller.store import credentials, gateways, policies, scan_history
from doorward_controller.store.scan_history import PastScan, ShownCode

MAX_SCANS = 20_000
"""Decided in some seconds; a longer span is cut at its end, and that is said."""
MAX_SPAN_S = 31 * 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Rerun:
    """Past scans decided again.

    Attributes:
        taken: how many scans of the span were looked at.
        is_cut: there were more than that.
        unknown: how many showed no code of ours, or one that is not known here any more; they
            cannot be shown again.
        until_utc_ms: the end of what was looked at.
    """

    result: Replayed
    from_utc_ms: int
    until_utc_ms: int
    taken: int
    is_cut: bool
    unknown: int


def compare(backend: Backend, actor: Actor, book_id: int | None = None) -> Differences:
    """Compares what is released with what would be.

    Args:
        backend: the controller's parts.
        actor: who asks.
        book_id: the edition of the rules; None: the newest.

    Raises:
        ForbiddenError: the role does not allow it.
        NotFoundError, ConflictError: there is no such edition, or it does not make a policy.
    """
    check_read(backend, actor, Action.SIMULATE, "policy")
    now_utc_s = backend.clock.now().utc_s
    with backend.store.read() as connection:
        before, after = _policies(backend, connection, now_utc_s, book_id)
        classes = scan_history.classes(connection, now_utc_s)
        without = scan_history.not_valid(connection)
        software = gateways.software(connection, backend.config.site)
    found = differences(
        before,
        after,
        now_utc_s=now_utc_s,
        classes={CredentialId(id_): kind for id_, kind in classes.items()},
        without={CredentialId(id_) for id_ in without},
    )
    return replace(found, too_old=too_old(after, software))


def rerun(
    backend: Backend,
    actor: Actor,
    *,
    from_utc_ms: int,
    to_utc_ms: int,
    book_id: int | None = None,
) -> Rerun:
    """Decides the scans of a span again. Raises as `compare` does, or InvalidError."""
    check_read(backend, actor, Action.SIMULATE, "policy")
    if not 0 < to_utc_ms - from_utc_ms <= MAX_SPAN_S * 1000:
        raise InvalidError(
            f"the span is {(to_utc_ms - from_utc_ms) / 1000:.0f} s, must be 1 to {MAX_SPAN_S}",
            code="bad_span",
        )
    keyring = provisioning.current_keyring(backend)
    with backend.store.read() as connection:
        before, after = _policies(backend, connection, from_utc_ms // 1000, book_id)
        scans = list(scan_history.scans_between(connection, from_utc_ms, to_utc_ms, MAX_SCANS + 1))
        taken = scans[:MAX_SCANS]
        ids = {scan.credential_id for scan in taken if scan.credential_id}
        codes = scan_history.codes(connection, ids)
        status = _status(backend, connection)
    shown = [each for scan in taken if (each := _replayable(scan, codes, keyring))]
    is_cut = len(scans) > len(taken)
    return Rerun(
        result=replay(shown, before, after, status),
        from_utc_ms=from_utc_ms,
        until_utc_ms=taken[-1].at_utc_ms if is_cut else to_utc_ms,
        taken=len(taken),
        is_cut=is_cut,
        unknown=len(taken) - len(shown),
    )


def _policies(
    backend: Backend, connection: sa.Connection, since_utc_s: int, book_id: int | None
) -> tuple[Policy | None, Policy]:
    """Who has expired since the span began is in the draft: the scans are of that time."""
    held = policies.newest_bundle(connection, backend.config.site)
    before = Policy.from_body(parse_envelope(held.wire).body) if held else None
    drafted = policy_drafting.draft(
        backend,
        connection,
        version=(held.version if held else 0) + 1,
        now_utc_s=since_utc_s,
        book_id=book_id,
    )
    return before, Policy.from_body(drafted.body)


def _status(backend: Backend, connection: sa.Connection) -> StatusList:
    full_wire, _ = credentials.list_wires(connection, backend.config.site)
    full = StatusList.from_body(parse_envelope(full_wire).body)
    changed = credentials.not_valid(connection)
    return StatusList(
        site=full.site,
        seq=full.seq,
        issued_at=full.issued_at,
        size=full.size,
        bits=with_changes(bytes(len(full.bits)), full.size, changed),
    )


def _replayable(
    scan: PastScan, codes: dict[bytes, ShownCode], keyring: Keyring
) -> Replayable | None:
    code = codes.get(bytes(scan.credential_id)) if scan.credential_id else None
    if code is None:
        return None
    shown = _presentation(code, keyring)
    if shown is None:
        return None
    return Replayable(
        record_id=scan.id,
        at_utc_ms=scan.at_utc_ms,
        portal=scan.portal,
        credential_id=code.id.hex(),
        shown=shown,
        was_granted=outcome_granted(scan.outcome),
    )


def _presentation(code: ShownCode, keyring: Keyring) -> Presentation | None:
    if code.sticker_hash is not None:
        digest = bytes(code.sticker_hash)
        return ForeignClaim((digest,)) if code.form is Form.FOREIGN else StickerClaim(digest)
    key = keyring.find(KeyId(code.key_id))
    if key is None:
        return None
    if key.revoked:
        return Refusal(Reason.KEY_REVOKED)
    statement = Statement(
        key_id=KeyId(code.key_id),
        credential_id=CredentialId(code.id),
        status_index=code.status_index,
        not_before=code.not_before,
        expires=code.expires,
        credential_class=code.credential_class,
    )
    return Credential(statement=statement, form=code.form, key=key)
