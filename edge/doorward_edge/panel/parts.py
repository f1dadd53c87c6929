"""What the pages need of the gateway; `wiring` puts it together."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from doorward.events import EventCode
from doorward.ids import GatewayId, PortalId, SiteId
from doorward.records import Record, RecordKind
from doorward.staff import StaffMember
from doorward.times import Clock
from doorward_edge.by_hand import Answer, Registration
from doorward_edge.config_panel import PanelSection
from doorward_edge.panel.board import ScreenBoard
from doorward_edge.ports import (
    EpochSpan,
    MaintenanceEntry,
    Tallies,
)
from doorward_edge.presence.muster import RollCall
from doorward_edge.stages.record import RecordOutcome


class Staff(Protocol):
    """Who may sign in."""

    def find(self, member_id: str) -> StaffMember | None:
        """Returns the member with this number, or None."""
        ...

    @property
    def version(self) -> int:
        """Which staff list is held; 0 for none."""
        ...


class ServiceBook(Protocol):
    """The local service journal."""

    def maintenance(self) -> tuple[MaintenanceEntry, ...]:
        """Returns all lines, oldest first."""
        ...

    def add_maintenance(self, entry: MaintenanceEntry) -> None:
        """Adds a line. Raises DocumentsError."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PanelParts:
    """Everything that the pages show and do.

    Attributes:
        labels: what the device says of itself on its label, by name.
        cameras: whether each portal's camera gives pictures.
        register: has a registration taken on the main loop's thread, and waits for the answer.
            Raises TimeoutError when it was not taken in time; it is not taken later.
        begin: a record of this gateway, at no portal, from kind, reason and detail.
        record: puts a record into the journal; safe from every thread.
        spans: what of the journal the controller has.
        meters: all meters.
        offset_s: how far the site's clocks are from UTC at a second; None where nobody said so.
        tell: takes in what belongs on record as an event: code and detail.
        muster: who is inside, asked on the main loop's thread. Raises TimeoutError.
    """

    site: SiteId
    gateway: GatewayId
    section: PanelSection
    portals: Sequence[PortalId]
    clock: Clock
    board: ScreenBoard
    staff: Staff
    tallies: Tallies
    service: ServiceBook
    labels: Mapping[str, str]
    is_online: Callable[[], bool]
    is_camera_well: Callable[[PortalId], bool]
    register: Callable[[Registration], Answer]
    begin: Callable[[RecordKind, str, str], Record]
    record: Callable[[Record], RecordOutcome]
    spans: Callable[[], tuple[EpochSpan, ...]]
    meters: Callable[[], Mapping[str, int]]
    offset_s: Callable[[int], int | None]
    tell: Callable[[EventCode, str], None]
    muster: Callable[[], RollCall]
