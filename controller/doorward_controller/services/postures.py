"""How portals are ordered to stand: by portal, zone or site, each gateway told until it says so.

An order becomes one signed command for each portal that it covers. A gateway that is away is told
when it is back, and again while it does not answer; until then the portal is shown as pending. A
gateway returns by itself when an order's time is over, also where it is cut off.
"""

import logging
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import sqlalchemy as sa

from doorward.commands import UNTIL_LIFTED, CommandName
from doorward.outcomes import TERMINAL, JobState
from doorward.policy import MAX_RANK, Posture
from doorward.times import Instant
from doorward_controller.domain.permissions import Action, Actor, Extent, Role, Where, Zones
from doorward_controller.domain.posture_orders import (
    MAX_STANDING,
    MIN_STANDING,
    USUAL_STANDING,
    PostureCause,
    PostureOrdered,
    Scope,
    topmost,
    zones_around,
)
from doorward_controller.domain.rule_book import RuleBook
from doorward_controller.errors import ConflictError, ControllerError, InvalidError, NotFoundError
from doorward_controller.services import audit, commanding
from doorward_controller.services.acting import act
from doorward_controller.services.backend import Backend
from doorward_controller.services.feed import EventKind
from doorward_controller.store import places, policies, postures
from doorward_controller.store.postures import PortalStanding

MAX_NOTE_CHARACTERS = 200
MAX_LENGTH_S = 366 * 86_400
COMMAND_LIFETIME_S = 60
AGAIN_AFTER_MS = 10_000
"""A gateway that is connected and did not do it is told again after so long."""
_ID_BYTES = 8
_TIME = Actor(name="time", role=Role.SECURITY)

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewOrder:
    """What is to be ordered.

    Attributes:
        standing: None for what is usual for the posture.
        until_utc_s: None: until somebody ends it.
    """

    scope: Scope
    place: str
    posture: Posture
    cause: PostureCause
    note: str = ""
    pass_rank: int | None = None
    standing: int | None = None
    until_utc_s: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PortalPosture:
    """How one portal is ordered to stand, and whether its gateway has said that it does.

    Attributes:
        order: what counts there; None: as the policy says.
        state: "arrived", "sent", "pending" (its gateway is connected) or "unreachable".
    """

    portal: str
    zone: str
    gateway: str
    order: PostureOrdered | None
    state: str
    unreachable_since_utc_ms: int | None


def order(backend: Backend, actor: Actor, wanted: NewOrder) -> PostureOrdered:
    """Orders a posture and tells the gateways.

    Raises ForbiddenError, InvalidError or NotFoundError.
    """
    subject = f"{wanted.scope.value} {wanted.place}"[:80]
    with act(
        backend, actor, Action.SET_POSTURE, name="order_posture", subject=subject, placed=True
    ) as doing:
        _check(wanted, doing.now.utc_s)
        _check_place(backend, doing.connection, wanted)
        doing.at(_where(backend, doing.connection, wanted.scope, wanted.place))
        made = PostureOrdered(
            id=secrets.token_hex(_ID_BYTES),
            scope=wanted.scope,
            place=wanted.place,
            posture=wanted.posture,
            pass_rank=wanted.pass_rank,
            standing=wanted.standing or USUAL_STANDING[wanted.posture],
            cause=wanted.cause,
            note=wanted.note.strip(),
            ordered_by=actor.name,
            ordered_by_id=actor.operator_id,
            ordered_at_utc_ms=doing.now.utc_ms,
            until_utc_s=wanted.until_utc_s,
        )
        postures.add(doing.connection, made)
        doing.detail.update(
            order=made.id,
            posture=made.posture.value,
            rank=made.pass_rank,
            standing=made.standing,
            cause=made.cause.value,
            note=made.note or None,
            until_utc_s=made.until_utc_s,
        )
    settle(backend)
    return made


def end(backend: Backend, actor: Actor, order_id: str, note: str = "") -> None:
    """Ends an order before its time. Raises ForbiddenError, NotFoundError or ConflictError."""
    with act(
        backend, actor, Action.SET_POSTURE,
        name="end_posture", subject=order_id[:32], placed=True,
    ) as doing:  # fmt: skip
        found = postures.find(doing.connection, order_id, lock=True)
        if found is None:
            raise NotFoundError(f"there is no order {order_id[:40]!r}", code="no_order")
        doing.at(_where(backend, doing.connection, found.scope, found.place))
        if found.ended_at_utc_ms is not None:
            raise ConflictError(f"order {order_id} has ended already", code="order_ended")
        text = note.strip()[:MAX_NOTE_CHARACTERS]
        postures.end(
            doing.connection, order_id, at_utc_ms=doing.now.utc_ms, by=actor.name, note=text
        )
        doing.detail.update(posture=found.posture.value, place=found.place, note=text or None)
    settle(backend)


def settle(backend: Backend) -> int:
    """Tells gateways what they were not told, or did not do; returns how many were told.

    Called after each order and every few seconds: it is also what ends orders whose time is over.
    """
    now = backend.clock.now()
    with backend.store.read() as connection:
        orders = postures.standing_orders(connection)
        standings = postures.portal_standings(connection, backend.config.site)
    if not orders and all(each.arrived and not each.order_id for each in standings):
        return 0
    over = [each for each in orders if not each.counts_at(now.utc_s)]
    if over:
        _end_by_time(backend, over, now)
    told = 0
    within = _within(backend)
    for standing in standings:
        wanted = topmost(orders, standing.portal, zones_around(standing.zone, within), now.utc_s)
        told += _settle_one(backend, standing, wanted, now)
    if told or over:
        backend.feed.announce(EventKind.POSTURE, {"told": told})
    return told


def of_portals(backend: Backend, zones: Zones = None) -> tuple[PortalPosture, ...]:
    """Returns how each portal of the zones is ordered to stand, by name."""
    now = backend.clock.now()
    with backend.store.read() as connection:
        orders = postures.standing_orders(connection)
        standings = postures.portal_standings(connection, backend.config.site)
    within = _within(backend)
    found = []
    for each in standings:
        if zones is not None and each.zone not in zones:
            continue
        wanted = topmost(orders, each.portal, zones_around(each.zone, within), now.utc_s)
        found.append(
            PortalPosture(
                portal=each.portal,
                zone=each.zone,
                gateway=each.gateway,
                order=wanted,
                state=_state(each, wanted.id if wanted else ""),
                unreachable_since_utc_ms=each.offline_since_utc_ms,
            )
        )
    return tuple(found)


def standing_orders(backend: Backend, zones: Zones = None) -> tuple[PostureOrdered, ...]:
    """Returns the orders that count now somewhere in the zones, the newest first."""
    now_utc_s = backend.clock.now().utc_s
    with backend.store.read() as connection:
        orders = postures.standing_orders(connection)
        found = tuple(each for each in orders if each.counts_at(now_utc_s))
        return _touching(backend, connection, found, zones)


def ended_orders(
    backend: Backend, limit: int = 20, zones: Zones = None
) -> tuple[PostureOrdered, ...]:
    """Returns the orders that ended last, of those that ended last at all."""
    with backend.store.read() as connection:
        return _touching(backend, connection, postures.ended(connection, limit), zones)


def _touching(
    backend: Backend, connection: sa.Connection, orders: Iterable[PostureOrdered], zones: Zones
) -> tuple[PostureOrdered, ...]:
    """Returns the orders that reach a portal of the zones, those for the whole site among them."""
    if zones is None:
        return tuple(orders)
    found = []
    for each in orders:
        where = _where(backend, connection, each.scope, each.place)
        if isinstance(where, Extent) or where & zones:
            found.append(each)
    return tuple(found)


def _where(backend: Backend, connection: sa.Connection, scope: Scope, place: str) -> Where:
    """Returns every zone that an order reaches, those inside of its own too."""
    if scope is Scope.SITE:
        return Extent.WHOLE_SITE
    if scope is Scope.PORTAL:
        return places.zones_of_portals(connection, [place])
    within = _within(backend)
    inner = (each for each in within if place in zones_around(each, within))
    return frozenset({place, *inner})


def _settle_one(
    backend: Backend, standing: PortalStanding, wanted: PostureOrdered | None, now: Instant
) -> bool:
    order_id = wanted.id if wanted else ""
    is_new = standing.order_id != order_id
    if not is_new and standing.arrived and not _is_overruled(standing, wanted):
        return False
    if not is_new and _has_done_it(standing):
        with backend.store.write() as connection:
            postures.arrive(connection, standing.portal)
        backend.feed.announce(EventKind.POSTURE, {"portal": standing.portal})
        return False
    if not is_new and not _may_tell_again(standing, now):
        return False
    return _tell(backend, standing, wanted, now)


def _tell(
    backend: Backend, standing: PortalStanding, wanted: PostureOrdered | None, now: Instant
) -> bool:
    """Sends the command where the gateway is connected; else only notes that it is due."""
    command_id = ""
    by = Actor(name=wanted.ordered_by, role=Role.SECURITY, operator_id=wanted.ordered_by_id) if (
        wanted
    ) else _TIME  # fmt: skip
    if standing.online:
        try:
            command_id = commanding.send(
                backend,
                by,
                gateway=standing.gateway,
                name=CommandName.POSTURE.value,
                arguments={
                    "portal": standing.portal,
                    "posture": (wanted.posture if wanted else Posture.NORMAL).value,
                    "until": (wanted.until_utc_s if wanted else None) or UNTIL_LIFTED,
                    "rank": wanted.pass_rank if wanted else None,
                },
                lifetime_s=COMMAND_LIFETIME_S,
            )
        except ControllerError as err:
            _log.warning("posture.not_sent portal=%s problem=%s", standing.portal, err)
    with backend.store.write() as connection:
        postures.tell(
            connection,
            standing.portal,
            order_id=wanted.id if wanted else "",
            command_id=command_id,
            arrived=False,
            at_utc_ms=now.utc_ms,
        )
    return True


def _is_overruled(standing: PortalStanding, wanted: PostureOrdered | None) -> bool:
    """A bundle that says another posture ends what a command set: it is set again."""
    applied, changed = standing.bundle_applied_at_utc_ms, standing.changed_at_utc_ms
    return wanted is not None and applied is not None and changed is not None and applied > changed


def _has_done_it(standing: PortalStanding) -> bool:
    return not standing.arrived and standing.command_state == JobState.SUCCEEDED.value


def _may_tell_again(standing: PortalStanding, now: Instant) -> bool:
    """While a command is on its way, and shortly after it ended badly, nothing is sent again."""
    if not standing.online:
        return False
    state = standing.command_state
    if state is None or standing.arrived:
        return True
    waited_ms = now.utc_ms - (standing.changed_at_utc_ms or 0)
    return JobState(state) in TERMINAL and waited_ms >= AGAIN_AFTER_MS


def _state(standing: PortalStanding, order_id: str) -> str:
    if standing.order_id == order_id and standing.arrived:
        return "arrived"
    if not standing.online:
        return "unreachable"
    return "sent" if standing.order_id == order_id and standing.command_state else "pending"


def _end_by_time(backend: Backend, over: list[PostureOrdered], now: Instant) -> None:
    with backend.store.write() as connection:
        for each in over:
            postures.end(connection, each.id, at_utc_ms=now.utc_ms, by=_TIME.name, note="")
            audit.append(
                connection, now.utc_ms, _TIME, "end_posture",
                subject=each.id, detail={"posture": each.posture.value, "place": each.place},
            )  # fmt: skip


def _within(backend: Backend) -> Mapping[str, str | None]:
    with backend.store.read() as connection:
        _, body_json = policies.newest_rule_book(connection, backend.config.site)
    book = RuleBook.model_validate_json(body_json)
    return {name: rule.within for name, rule in book.zone_rules.items()}


def _check(wanted: NewOrder, now_utc_s: int) -> None:
    note = wanted.note.strip()
    if len(note) > MAX_NOTE_CHARACTERS or (wanted.cause is PostureCause.OTHER and not note):
        raise InvalidError(
            f"the note has {len(note)} characters, must be at most {MAX_NOTE_CHARACTERS};"
            " the reason 'other' needs one",
            code="reason_missing",
        )
    standing = wanted.standing
    if standing is not None and not MIN_STANDING <= standing <= MAX_STANDING:
        raise InvalidError(
            f"standing is {standing}, must be {MIN_STANDING} to {MAX_STANDING}", code="bad_standing"
        )
    rank = wanted.pass_rank
    if rank is not None and (wanted.posture is not Posture.LOCKDOWN or not 1 <= rank <= MAX_RANK):
        raise InvalidError(
            f"rank is {rank}: 1 to {MAX_RANK}, and only for a lockdown", code="bad_rank"
        )
    until = wanted.until_utc_s
    if until is not None and not 0 < until - now_utc_s <= MAX_LENGTH_S:
        raise InvalidError("its end must lie ahead, within a year", code="bad_until")
    if wanted.posture is Posture.FREE and until is None:
        raise InvalidError("free passage needs an end", code="until_missing")


def _check_place(backend: Backend, connection: sa.Connection, wanted: NewOrder) -> None:
    site = backend.config.site
    rows = postures.portal_standings(connection, site)
    _, body_json = policies.newest_rule_book(connection, site)
    zones = {*RuleBook.model_validate_json(body_json).zones, *(row.zone for row in rows)}
    known = {
        Scope.SITE: {str(site)},
        Scope.ZONE: zones,
        Scope.PORTAL: {row.portal for row in rows},
    }[wanted.scope]
    if wanted.place not in known:
        raise NotFoundError(
            f"there is no {wanted.scope.value} {wanted.place[:40]!r}", code="no_place"
        )
