"""A key that leaked is withdrawn: the next keyring says so, and every gate refuses what it signed.

Codes of an issuing key are revoked in the same act, so that lists and pages agree with the gates.
What we signed with a withdrawn key ourselves and is still wanted (rules, lists, settings) is signed
anew, and its successor counts at once.
"""

from dataclasses import dataclass

import sqlalchemy as sa

from doorward.keys import Key, Keyring
from doorward.status import Status
from doorward_controller.domain.permissions import Action, Actor
from doorward_controller.domain.proposals import ProposalKind
from doorward_controller.domain.revocations import Cause, Change
from doorward_controller.domain.site_keys import KeyUse, use_of
from doorward_controller.errors import ConflictError, InvalidError, NotFoundError
from doorward_controller.services import (
    bulk_revocation,
    configuring,
    policy_release,
    provisioning,
    second_person,
    signing,
    staff,
    status_publishing,
)
from doorward_controller.services.acting import Act, act, check_read
from doorward_controller.services.backend import Backend
from doorward_controller.services.bulk_revocation import Order
from doorward_controller.services.key_changes import KeyChange, name_of, parse_key_id
from doorward_controller.services.second_person import Approval
from doorward_controller.store import credentials, gateways, revocation_batches, signing_keys
from doorward_controller.store.revocation_batches import Batch, Member

MAX_NOTE_CHARACTERS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawal:
    """What withdrawing a key would do, or did.

    Attributes:
        codes: valid codes that it signed, which are refused from then on.
        is_replaced: whether it is the one in use, so that a new one takes its place at once.
        gateways: how many have to be told.
        needs_second: whether it has to be proposed.
    """

    key_id: str
    use: KeyUse
    codes: int
    people: int
    is_replaced: bool
    gateways: int
    needs_second: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawn:
    """A key that was withdrawn.

    Attributes:
        keyring: the version that says so.
        successor: the key that is used in its place; empty where it was not in use.
        batch: what became of its codes; None where it had none left.
    """

    key_id: str
    use: KeyUse
    keyring: int
    successor: str
    batch: Batch | None


def preview(backend: Backend, actor: Actor, key_id: str) -> Withdrawal:
    """Says what withdrawing a key would do; changes nothing.

    Raises ForbiddenError, InvalidError, NotFoundError or ConflictError.
    """
    check_read(backend, actor, Action.MANAGE_KEYS, key_id[:8])
    site = backend.config.site
    with backend.store.read() as connection:
        key, use = _withdrawable(provisioning.current_keyring(backend), key_id)
        rows = {each.key_id: each for each in signing_keys.every(connection, site)}
        codes = _counting(connection, key.key_id) if use is KeyUse.ISSUE else ()
        _, total = gateways.count_applied(connection, site, "keyring", 0)
    row = rows.get(key.key_id)
    return Withdrawal(
        key_id=name_of(key.key_id),
        use=use,
        codes=len(codes),
        people=revocation_batches.count_people(codes),
        is_replaced=row.is_in_use
        if row
        else key.public == signing.first_signer(backend.keys, use).public,
        gateways=total,
        needs_second=second_person.is_needed(backend, ProposalKind.WITHDRAW_KEY),
    )


def withdraw(
    backend: Backend,
    actor: Actor,
    key_id: str,
    note: str,
    *,
    expected: int | None = None,
    approval: Approval | None = None,
) -> Withdrawn:
    """Withdraws a signing key for good: nothing that it ever signed counts from then on.

    Args:
        backend: the controller's parts.
        actor: who withdraws.
        key_id: 8 hex digits.
        note: why.
        expected: how many codes whoever asks was shown; None where nobody was.
        approval: by a second person, where the site's settings ask for one.

    Raises:
        ForbiddenError, InvalidError, NotFoundError: it may not or cannot be done.
        ConflictError: a second person is needed, the root key is not here, or more or fewer codes
            would be refused than were shown.
    """
    reason = checked_note(note)
    number = parse_key_id(key_id)
    with act(backend, actor, Action.MANAGE_KEYS, name="withdraw_key", subject=key_id[:8]) as doing:
        change = KeyChange.begin(backend, doing)
        _, use = _withdrawable(change.held, key_id)
        second_person.check(backend, actor, ProposalKind.WITHDRAW_KEY, approval)
        if use is KeyUse.ISSUE:
            # Whoever issues at this moment has done so, or waits and signs with the successor.
            credentials.lock_list(doing.connection, backend.config.site)
            _check_expected(expected, len(_counting(doing.connection, number)))
        change.note_first(use)
        version, successor = change.withdraw(number, use, actor, reason)
        batch = None
        if use is KeyUse.ISSUE:
            batch = bulk_revocation.revoke_signed(
                backend, doing, number, _order(reason), by=actor.name,
                proposal_id=approval.proposal_id if approval else "",
            )  # fmt: skip
        _sign_anew(backend, doing, use)
        policy_release.release_same(backend, doing.connection, actor, doing.now.utc_s)
        codes = batch.codes if batch else 0
        outcome = {"key": name_of(number), "keyring": version, "codes": codes}
        if batch:
            outcome["batch"] = batch.id
        used = second_person.claim(doing.connection, approval, outcome)
        doing.detail.update(
            use=use.value, keyring=version, codes=codes, note=reason,
            successor=successor or None, batch=batch.id if batch else None, **used,
        )  # fmt: skip
    backend.signers.forget()
    _publish(backend, use, batch)
    return Withdrawn(
        key_id=name_of(number), use=use, keyring=version, successor=successor, batch=batch
    )


def _withdrawable(held: Keyring, key_id: str) -> tuple[Key, KeyUse]:
    number = parse_key_id(key_id)
    key = held.find(number)
    if key is None:
        raise NotFoundError(f"key {key_id} is in no keyring of this site", code="no_key")
    use = use_of(key.purposes)
    if use is None:
        raise ConflictError(
            f"key {key_id} signs keyrings: it can only be replaced by a new site",
            code="key_is_root",
        )
    if key.revoked:
        raise ConflictError(f"key {key_id} is withdrawn already", code="key_withdrawn")
    return key, use


def _counting(connection: sa.Connection, key_id: int) -> tuple[Member, ...]:
    """Returns the codes that would be refused and are not yet."""
    signed = revocation_batches.signed_by(connection, key_id)
    return tuple(each for each in signed if each.status is not Status.REVOKED)


def _check_expected(expected: int | None, found: int) -> None:
    if expected is not None and expected != found:
        raise ConflictError(
            f"{expected} codes were shown, now it is {found}: look again", code="selection_changed"
        )


def checked_note(note: str) -> str:
    """Returns the reason as it is kept. Raises InvalidError."""
    text = note.strip()
    if not 1 <= len(text) <= MAX_NOTE_CHARACTERS:
        raise InvalidError(
            f"the reason has {len(text)} characters, must be 1 to {MAX_NOTE_CHARACTERS}",
            code="reason_missing",
        )
    return text


def _order(reason: str) -> Order:
    return Order(change=Change.REVOKE, cause=Cause.KEY_COMPROMISED, note=reason)


def _sign_anew(backend: Backend, doing: Act, use: KeyUse) -> None:
    """Signs again what a withdrawn key had signed and what is still wanted."""
    if use is KeyUse.POLICY:
        status_publishing.sign_anew(backend, doing.connection, doing.now.utc_s)
        staff.sign_anew(backend, doing)
    elif use is KeyUse.COMMAND:
        configuring.sign_anew(backend, doing.connection)


def _publish(backend: Backend, use: KeyUse, batch: Batch | None) -> None:
    """The bundle first: it brings the keyring by which the rest is judged."""
    policy_release.publish_bundle(backend)
    if batch is not None:
        bulk_revocation.publish(backend, batch)
    if use is KeyUse.POLICY:
        status_publishing.publish(backend, full=True)
        staff.publish(backend)
    elif use is KeyUse.COMMAND:
        configuring.publish_all(backend)
