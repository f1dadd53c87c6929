"""The steps of roll-outs, made every few seconds: what members say, what is due, what is asked.

Where a roll-out stands is written before anything is asked, and a command's id before the command
is given: a controller that stops in between goes on where it was, and asks nobody twice.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace

import sqlalchemy as sa

from doorward.commands import MIN_LIFETIME_S, CommandName
from doorward.times import Instant
from doorward_controller.domain.permissions import Actor, Role
from doorward_controller.domain.roll_out import (
    Member,
    MemberState,
    MemberWord,
    Position,
    RollOutState,
)
from doorward_controller.domain.roll_out_order import (
    CommandOrder,
    Order,
    changed_settings,
    parse_order,
)
from doorward_controller.domain.roll_out_signs import Sign, Want, sign_of, want_of
from doorward_controller.errors import ActError
from doorward_controller.services import (
    audit,
    commanding,
    configuring,
    roll_out_positions,
    rolling_out,
)
from doorward_controller.services.backend import Backend
from doorward_controller.store import configurations, gateways, roll_outs
from doorward_controller.store.roll_outs import StoredMember, StoredRollOut

COMMAND_LIFETIME_S = 60
"""As long as a command is good for; a gateway that comes back later is given another."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Step:
    """What one look at a roll-out came to."""

    found: StoredRollOut
    stored: tuple[StoredMember, ...]
    before: Position
    after: Position
    details: Mapping[str, str]

    @property
    def has_changed(self) -> bool:
        return self.after != self.before


def advance(backend: Backend) -> int:
    """Takes every roll-out as far as it can go now; returns how many changed."""
    with backend.store.read() as connection:
        numbers = roll_outs.unsettled(connection)
    return sum(_advance_one(backend, number) for number in numbers)


def _advance_one(backend: Backend, roll_out_id: int) -> bool:
    now = backend.clock.now()
    with backend.store.read() as connection:
        step = _look(connection, roll_out_id, now)
    if step is None:
        return False
    if has_changed := step.has_changed:
        with backend.store.write() as connection:
            step = _look(connection, roll_out_id, now, lock=True)
            if step is None or not step.has_changed:
                return False
            roll_out_positions.write(
                connection, roll_out_id, step.stored, step.after, now, step.details
            )
            _audit(connection, step, now)
    asked = [
        member
        for member, at in zip(step.stored, step.after.members, strict=True)
        if at.state is MemberState.ASKED and step.after.state is RollOutState.RUNNING
    ]
    order = parse_order(step.found.order_json)
    has_asked = [_ask(backend, step.found, order, member, now) for member in asked]
    if has_changed or any(has_asked):
        rolling_out.announce(backend, roll_out_id)
    return has_changed


def _look(
    connection: sa.Connection, roll_out_id: int, now: Instant, *, lock: bool = False
) -> _Step | None:
    found = roll_outs.find(connection, roll_out_id, lock=lock)
    if found is None:
        return None
    stored, order = roll_outs.members(connection, roll_out_id), parse_order(found.order_json)
    before = roll_out_positions.read(found, stored)
    signs: dict[str, Sign | None] = {
        each.gateway: sign_of(order, each.state, each.signs) for each in stored
    }
    details = {name: sign.detail for name, sign in signs.items() if sign is not None}
    heard = (_after(member, signs[member.gateway], now) for member in before.members)
    after = replace(before, members=tuple(heard)).stepped(found.plan, now.utc_s)
    return _Step(found=found, stored=stored, before=before, after=after, details=details)


def _after(member: Member, sign: Sign | None, now: Instant) -> Member:
    return member if sign is None else member.after(sign.word, now.utc_s)


def _audit(connection: sa.Connection, step: _Step, now: Instant) -> None:
    """A wave that began and an end stand in the audit log; members stand in their own tables."""
    pairs = zip(step.before.members, step.after.members, strict=True)
    begun = {
        new.wave
        for old, new in pairs
        if old.state is MemberState.WAITING and new.state is not MemberState.LEFT_OUT
        and new.state is not old.state
    }  # fmt: skip
    actor, title = _actor(step.found), step.found.title[:100]
    for wave in sorted(begun):
        detail: dict[str, str | int | bool | None] = {"roll_out": step.found.id, "wave": wave}
        audit.append(
            connection, now.utc_ms, actor, "roll_out_wave", subject=title, detail=detail
        )  # fmt: skip
    if step.after.state is not step.before.state:
        ended: dict[str, str | int | bool | None] = {
            "roll_out": step.found.id,
            "why": step.after.ending.value if step.after.ending else None,
        }
        audit.append(
            connection, now.utc_ms, actor, "roll_out_ended",
            subject=title, outcome=step.after.state.value, detail=ended,
        )  # fmt: skip


def _actor(found: StoredRollOut) -> Actor:
    return Actor(name=f"roll-out {found.id}", role=Role.ADMIN)


def _ask(
    backend: Backend, found: StoredRollOut, order: Order, member: StoredMember, now: Instant
) -> bool:
    """Hands a member what it is due; says whether it did. What is refused here fails the member."""
    want = want_of(order, member.signs)
    if want is None:
        return False
    try:
        if want is Want.SETTINGS:
            _hand_over(backend, found, order, member)
        else:
            _command(backend, found, order, member, now)
    except ActError as err:
        if err.code == commanding.GIVEN:
            return False  # another of the controller's processes was faster
        _log.info("roll_out.refused roll_out=%d problem=%s", found.id, err)
        _fail(backend, found.id, member, err.message, now)
    return True


def _command(
    backend: Backend, found: StoredRollOut, order: Order, member: StoredMember, now: Instant
) -> None:
    name, arguments = CommandName.RESTART, {}
    if isinstance(order, CommandOrder):
        name, arguments = order.name, dict(order.arguments)
    if name is CommandName.UPDATE_SOFTWARE:
        # A gateway that was missed must not change its software days later.
        arguments["until"] = found.plan.deadline_utc_s
    is_noted = member.command_id and member.signs.command is None
    command_id = member.command_id if is_noted else commanding.draw_id()
    with backend.store.write() as connection:
        if not roll_outs.claim_command(connection, found.id, member, command_id):
            return
    left_s = found.plan.deadline_utc_s - now.utc_s
    commanding.send(
        backend,
        _actor(found),
        gateway=member.gateway,
        name=name.value,
        arguments=arguments,
        lifetime_s=max(MIN_LIFETIME_S, min(COMMAND_LIFETIME_S, left_s)),
        command_id=command_id,
    )


def _hand_over(backend: Backend, found: StoredRollOut, order: Order, member: StoredMember) -> None:
    """Desires the changed settings, unless that was done and only its version was not noted."""
    assert not isinstance(order, CommandOrder)  # noqa: S101  # `want_of` says so
    note = f"roll-out {found.id}: {found.title}"[: configuring.MAX_NOTE_CHARACTERS]
    with backend.store.read() as connection:
        newest = configurations.newest_desired(connection, member.gateway_id)
        served = [
            row.name
            for row in gateways.portals_of_site(connection, backend.config.site)
            if row.gateway == member.gateway
        ]
    version = newest.version
    if newest.note != note:
        settings = changed_settings(newest.settings, order.changes, served)
        version = configuring.desire(
            backend, _actor(found), gateway=member.gateway, settings=settings, note=note
        )
    with backend.store.write() as connection:
        roll_outs.change_member(connection, found.id, member.gateway_id, config_version=version)


def _fail(
    backend: Backend, roll_out_id: int, member: StoredMember, detail: str, now: Instant
) -> None:
    failed = Member(gateway=member.gateway, wave=member.wave, state=MemberState.ASKED).after(
        MemberWord.FAIL, now.utc_s
    )
    with backend.store.write() as connection:
        roll_outs.change_member(
            connection,
            roll_out_id,
            member.gateway_id,
            state=failed.state.value,
            detail=detail[:300],
            changed_at_utc_s=failed.changed_at_utc_s,
        )
