"""Many codes revoked, suspended or restored in one go: all of them or none, one status delta."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from doorward.status import Status
from doorward_controller.domain.permissions import Action, Actor, Role
from doorward_controller.domain.proposals import ProposalKind
from doorward_controller.domain.revocations import (
    FROM,
    MAX_PROBLEMS,
    TO,
    BadLine,
    Cause,
    Change,
    ReadList,
    Source,
    check_cause,
    read_lines,
)
from doorward_controller.domain.rule_book import RuleBook
from doorward_controller.errors import ConflictError, InvalidError
from doorward_controller.services import (
    directory_groups,
    second_person,
    status_publishing,
    work_progress,
)
from doorward_controller.services.acting import Act, act, check_read
from doorward_controller.services.backend import Backend
from doorward_controller.services.feed import EventKind
from doorward_controller.services.second_person import Approval
from doorward_controller.store import credentials, policies, revocation_batches
from doorward_controller.store.credentials import ListState
from doorward_controller.store.pieces import pieces
from doorward_controller.store.revocation_batches import Batch, Member

MAX_NOTE_CHARACTERS = 200
MAX_SUSPENSION_S = 5 * 366 * 86_400
_ID_BYTES = 8
_RESTORED_AT_ONCE = 5000
_CLOCKWORK = Actor(name="time", role=Role.SECURITY)
"""Who is named in the audit log where a suspension ends because its time is over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which codes.

    Attributes:
        name: of the group, of the key, or of the file.
        lines: of a list or a file, one code each.
    """

    source: Source
    name: str = ""
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is to be done to them, and why.

    Attributes:
        until_utc_s: when a suspension ends by itself; None: when somebody restores.
        expected: how many codes whoever asks was shown; None where nobody was.
    """

    change: Change
    cause: Cause
    note: str
    until_utc_s: int | None = None
    expected: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """Whom it would hit.

    Attributes:
        codes, people: what would change, and for how many.
        already: how many of the chosen codes are so already.
        unfit: how many cannot become so: what was revoked stays revoked.
        problems: lines that name no code; while there are any, nothing is done.
        problem_count: all of them; `problems` holds the first.
        needs_second: whether it has to be proposed.
    """

    codes: int
    people: int
    already: int
    unfit: int
    problems: tuple[BadLine, ...]
    problem_count: int
    needs_second: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """The codes that a selection means now."""

    members: tuple[Member, ...]
    problems: tuple[BadLine, ...] = ()

    def split(self, change: Change) -> tuple[list[Member], int, int]:
        """Returns what would change, how many are so already, how many cannot become so."""
        to = TO[change]
        fit = [member for member in self.members if member.status in FROM[to]]
        already = sum(member.status is to for member in self.members)
        return fit, already, len(self.members) - len(fit) - already


def preview(backend: Backend, actor: Actor, selection: Selection, change: Change) -> Preview:
    """Says whom it would hit; changes nothing. Raises ForbiddenError or InvalidError."""
    check_read(backend, actor, Action.REVOKE_IN_BULK)
    with backend.store.read() as connection:
        chosen = choose(backend, connection, selection)
    fit, already, unfit = chosen.split(change)
    return Preview(
        codes=len(fit),
        people=revocation_batches.count_people(fit),
        already=already,
        unfit=unfit,
        problems=chosen.problems[:MAX_PROBLEMS],
        problem_count=len(chosen.problems),
        needs_second=second_person.is_needed(
            backend, kind_of(selection, change), codes=_final(change, len(fit))
        ),
    )


def chosen_ids(backend: Backend, actor: Actor, selection: Selection) -> tuple[str, ...]:
    """Returns the codes that a list names; of a group or a key none, they are found anew.

    Raises ForbiddenError.
    """
    check_read(backend, actor, Action.REVOKE_IN_BULK)
    if not selection.lines:
        return ()
    with backend.store.read() as connection:
        return tuple(each.id.hex() for each in choose(backend, connection, selection).members)


def carry_out(
    backend: Backend,
    actor: Actor,
    selection: Selection,
    order: Order,
    approval: Approval | None = None,
) -> Batch:
    """Changes every code of the selection, or none.

    Raises:
        ForbiddenError, InvalidError: it may not or cannot be done.
        ConflictError: a second person is needed, or the selection means others than were shown.
    """
    batch_id = secrets.token_hex(_ID_BYTES)
    with act(
        backend, actor, Action.REVOKE_IN_BULK, name=f"bulk_{order.change.value}", subject=batch_id
    ) as doing:
        check_order(order, doing.now.utc_s)
        state = credentials.lock_list(doing.connection, backend.config.site)
        chosen = choose(backend, doing.connection, selection)
        fit, already, unfit = checked(chosen, order)
        kind = kind_of(selection, order.change)
        second_person.check(backend, actor, kind, approval, codes=_final(order.change, len(fit)))
        told = _Told(
            id=batch_id,
            by=actor.name,
            proposal_id=approval.proposal_id if approval else "",
            passed_over=already + unfit,
        )
        batch = _change(backend, doing, state, fit, selection, order, told)
        used = second_person.claim(
            doing.connection, approval, {"batch": batch_id, "codes": batch.codes}
        )
        doing.detail.update(_detail(batch), **used)
    publish(backend, batch)
    return batch


def revoke_signed(
    backend: Backend, doing: Act, key_id: int, order: Order, *, by: str, proposal_id: str
) -> Batch | None:
    """Revokes every code that a key has signed, within the caller's transaction.

    Labels and linked numbers are in the list alone: no key vouches for them, and they stay.

    Returns:
        What was done; None where nothing was left to revoke. The caller publishes it.
    """
    state = credentials.lock_list(doing.connection, backend.config.site)
    chosen = Chosen(members=revocation_batches.signed_by(doing.connection, key_id))
    fit, already, unfit = chosen.split(order.change)
    if not fit:
        return None
    selection = Selection(source=Source.KEY, name=f"{key_id:08x}")
    told = _Told(
        id=secrets.token_hex(_ID_BYTES), by=by, proposal_id=proposal_id, passed_over=already + unfit
    )
    return _change(backend, doing, state, fit, selection, order, told)


def publish(backend: Backend, batch: Batch) -> None:
    """Tells gateways and pages of a batch that was committed."""
    work_progress.end(backend, batch.id)
    status_publishing.publish(backend)
    status_publishing.announce(backend, "status", batch.status_seq)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """What is noted of a batch beside the codes themselves."""

    id: str
    by: str
    proposal_id: str
    passed_over: int


def _change(
    backend: Backend,
    doing: Act,
    state: ListState,
    fit: Sequence[Member],
    selection: Selection,
    order: Order,
    told: _Told,
) -> Batch:
    _set_all(backend, doing, fit, order, told.id, told.by, state.next_seq)
    changes = [(member.status_index, TO[order.change]) for member in fit]
    seq = status_publishing.advance(backend, doing.connection, state, changes, doing.now.utc_s)
    batch = Batch(
        id=told.id,
        act=order.change.value,
        cause=order.cause.value,
        note=order.note.strip(),
        source=selection.source.value,
        source_name=selection.name[:100],
        asked_by=told.by,
        proposal_id=told.proposal_id,
        at_utc_ms=doing.now.utc_ms,
        codes=len(fit),
        people=revocation_batches.count_people(fit),
        already=told.passed_over,
        status_seq=seq,
        until_utc_s=order.until_utc_s,
    )
    revocation_batches.add(doing.connection, batch)
    return batch


def end_suspensions(backend: Backend) -> int:
    """Restores whose suspension is over; returns how many codes that were."""
    now = backend.clock.now()
    with backend.store.read() as connection:
        due = revocation_batches.ends_due(connection, now.utc_s, _RESTORED_AT_ONCE)
    if not due:
        return 0
    with act(
        backend, _CLOCKWORK, Action.REVOKE_IN_BULK, name="suspensions_end", subject=str(len(due))
    ) as doing:
        state = credentials.lock_list(doing.connection, backend.config.site)
        found = revocation_batches.by_id(doing.connection, due).values()
        fit = [member for member in found if member.status is Status.SUSPENDED]
        ids = [member.id for member in fit]
        for piece in pieces(ids):
            credentials.set_status(
                doing.connection, piece, Status.VALID,
                reason="suspension over", by=_CLOCKWORK.name,
                now_utc_s=doing.now.utc_s, seq=state.next_seq,
            )  # fmt: skip
        revocation_batches.forget_ends(doing.connection, due)
        changes = [(member.status_index, Status.VALID) for member in fit]
        seq = status_publishing.advance(backend, doing.connection, state, changes, doing.now.utc_s)
        doing.detail.update(codes=len(fit), status_seq=seq)
    status_publishing.publish(backend)
    status_publishing.announce(backend, "status", seq)
    return len(fit)


def kind_of(selection: Selection, change: Change) -> ProposalKind:
    """Returns what a second person would be asked about."""
    is_key = selection.source is Source.KEY and change is Change.REVOKE
    return ProposalKind.REVOKE_KEY if is_key else ProposalKind.CHANGE_CODES


def choose(backend: Backend, connection: sa.Connection, selection: Selection) -> Chosen:
    """Returns the codes that a selection means. Raises InvalidError for one that is none."""
    if selection.lines:
        return _of_lines(connection, read_lines(selection.lines))
    match selection.source:
        case Source.GROUP:
            now_utc_s = backend.clock.now().utc_s
            _check_name(selection.name)
            _, body = policies.newest_rule_book(connection, backend.config.site)
            brought = RuleBook.model_validate_json(body).brought()
            directory = directory_groups.bringing(connection, brought, selection.name)
            return Chosen(
                members=revocation_batches.of_group(
                    connection, selection.name, now_utc_s, directory
                )
            )
        case Source.KEY:
            return Chosen(members=revocation_batches.of_key(connection, _key_id(selection.name)))
        case Source.LIST | Source.UPLOAD:
            raise InvalidError("the list is empty", code="list_empty")


def checked(chosen: Chosen, order: Order) -> tuple[list[Member], int, int]:
    """Returns what `Chosen.split` does. Raises InvalidError or ConflictError where it is not it."""
    if chosen.problems:
        first = chosen.problems[0]
        raise InvalidError(
            f"line {first.number} ({first.text!r}) is {first.problem}; {len(chosen.problems)} lines"
            " name no code, and nothing was done",
            code="bad_lines",
        )
    fit, already, unfit = chosen.split(order.change)
    if not fit:
        raise ConflictError("none of these codes would change", code="nothing_to_change")
    if order.expected is not None and order.expected != len(fit):
        raise ConflictError(
            f"{order.expected} codes were shown, now it is {len(fit)}: look again",
            code="selection_changed",
        )
    return fit, already, unfit


def check_order(order: Order, now_utc_s: int) -> None:
    """Raises InvalidError for an order that does not fit together."""
    if problem := check_cause(order.change, order.cause):
        raise InvalidError(problem, code="bad_cause")
    note = order.note.strip()
    if len(note) > MAX_NOTE_CHARACTERS or (order.cause is Cause.OTHER and not note):
        raise InvalidError(
            f"the note has {len(note)} characters, must be at most {MAX_NOTE_CHARACTERS};"
            " the reason 'other' needs one",
            code="reason_missing",
        )
    if order.until_utc_s is None:
        return
    ahead_s = order.until_utc_s - now_utc_s
    if order.change is not Change.SUSPEND or not 0 < ahead_s <= MAX_SUSPENSION_S:
        raise InvalidError(
            "only a suspension has an end, and it lies ahead, within five years", code="bad_until"
        )


def _final(change: Change, codes: int) -> int:
    return codes if change is Change.REVOKE else 0


def _set_all(
    backend: Backend,
    doing: Act,
    fit: Sequence[Member],
    order: Order,
    batch_id: str,
    by: str,
    seq: int,
) -> None:
    reason = f"{order.cause.value}: {order.note.strip()}" if order.note.strip() else order.cause
    ids = [member.id for member in fit]
    done = 0
    try:
        for piece in pieces(ids):
            credentials.set_status(
                doing.connection, piece, TO[order.change],
                reason=reason, by=by, now_utc_s=doing.now.utc_s, seq=seq,
            )  # fmt: skip
            done += len(piece)
            work_progress.tell(backend, batch_id, done, len(ids))
            backend.feed.announce(
                EventKind.PROPAGATION, {"what": "batch", "done": done, "total": len(ids)}
            )
        revocation_batches.forget_ends(doing.connection, ids)
        if order.until_utc_s is not None:
            revocation_batches.end_later(doing.connection, ids, order.until_utc_s, batch_id)
    except BaseException:
        work_progress.end(backend, batch_id)
        raise


def _of_lines(connection: sa.Connection, read: ReadList) -> Chosen:
    ids = [line.credential_id for line in read.lines if line.credential_id]
    digests = [line.digest for line in read.lines if line.digest]
    known = revocation_batches.by_id(connection, ids)
    labels = revocation_batches.by_digest(connection, digests)
    members: dict[bytes, Member] = {}
    problems = list(read.problems)
    for line in read.lines:
        key = line.credential_id or line.digest or b""
        member = known.get(key) or labels.get(key)
        if member is None:
            text = key.hex() if line.credential_id else "DW0"
            problems.append(BadLine(number=line.number, text=text, problem="unknown"))
        elif member.id in members:
            problems.append(BadLine(number=line.number, text=member.id.hex(), problem="twice"))
        else:
            members[member.id] = member
    problems.sort(key=lambda each: each.number)
    return Chosen(members=tuple(members.values()), problems=tuple(problems))


def _check_name(name: str) -> None:
    if not name or not all(each.isalnum() or each in "-_." for each in name):
        raise InvalidError(f"{name[:40]!r} is not the name of a group", code="no_group")


def _key_id(name: str) -> int:
    try:
        return int(name, 16)
    except ValueError as err:
        raise InvalidError(f"{name[:40]!r} is not the number of a key", code="no_key") from err


def _detail(batch: Batch) -> dict[str, str | int | bool | None]:
    return {
        "cause": batch.cause,
        "note": batch.note or None,
        "source": batch.source,
        "of": batch.source_name or None,
        "codes": batch.codes,
        "people": batch.people,
        "already": batch.already,
        "status_seq": batch.status_seq,
        "until_utc_s": batch.until_utc_s,
    }
