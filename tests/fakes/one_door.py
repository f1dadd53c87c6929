"""A real portal with its book of presence, around whatever lock, lamps and journal a test has."""

from collections.abc import Callable
from dataclasses import dataclass

from doorward.decision import standing
from doorward.ids import Epoch, GatewayId, PortalId, SiteId
from doorward.policy import Posture
from doorward.presence import PresenceBook
from doorward.times import Clock, Instant
from doorward_edge.door import DoorRule
from doorward_edge.events import EventBook
from doorward_edge.pipeline import Counters, LinkView, Pipeline, RulesInForce
from doorward_edge.portal import Portal, PortalParts
from doorward_edge.ports import Indicator, Journal, Lock
from doorward_edge.stages.actuate import ActuateStage
from doorward_edge.stages.decide import DecideStage
from doorward_edge.stages.record import RecordStage


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """What a portal stands in.

    Attributes:
        boot_id: 8 bytes.
    """

    site: SiteId
    gateway: GatewayId
    rules: RulesInForce
    link: LinkView
    clock: Clock
    journal: Journal
    boot_id: bytes = bytes(8)


@dataclass(frozen=True, slots=True, kw_only=True)
class OneDoor:
    """A portal, and what belongs to it."""

    portal: Portal
    pipeline: Pipeline
    events: EventBook
    book: PresenceBook
    counters: Counters


def make_book(around: Around) -> PresenceBook:
    """Returns a book of presence in which nothing was ever seen."""
    return PresenceBook(site=around.site, gateway=around.gateway, epoch=Epoch(1))


def make_door(
    around: Around,
    name: PortalId,
    lock: Lock,
    indicator: Indicator,
    *,
    rule: DoorRule | None = None,
    held_s: float = 0.0,
    book: PresenceBook | None = None,
    is_interlocked: Callable[[Instant], bool] = lambda _: False,
) -> OneDoor:
    """Returns a portal; by default a lock without contact and sensor."""
    book = make_book(around) if book is None else book
    record = RecordStage(
        around.journal,
        boot_id=around.boot_id,
        portal=name,
        is_online=lambda: around.link.is_connected,
    )
    decide, events, counters = DecideStage(name, book, held_s), EventBook(record), Counters()

    def posture(now: Instant) -> Posture | None:
        stands = standing(name, around.rules.rules, book, now)
        return None if stands is None else stands.posture

    portal = Portal(
        PortalParts(
            name=name,
            rule=rule or DoorRule(),
            pulse_ms=None,
            hands=ActuateStage(lock, indicator),
            record=record,
            events=events,
            presence=book,
            is_online=lambda: around.link.is_connected,
            is_interlocked=is_interlocked,
            posture=posture,
            on_annulled=decide.note_annulled,
        )
    )
    pipeline = Pipeline(
        rules=around.rules,
        link=around.link,
        clock=around.clock,
        decide=decide,
        record=record,
        actuate=portal,
        counters=counters,
    )
    return OneDoor(portal=portal, pipeline=pipeline, events=events, book=book, counters=counters)
