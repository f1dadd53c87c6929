"""What has changed about a device since it last said who it is (pure).

A gateway names itself at every connection. Whatever differs from the time before was done by
somebody: a board exchanged, a card re-imaged, a plug moved to another network.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Self

MAX_TEXT = 200


class ChangeKind(StrEnum):
    """What was done to a device."""

    MOVED = "moved"
    """It serves other portals than before."""
    BOARD_SWAPPED = "board_swapped"
    CARD_SWAPPED = "card_swapped"
    CAMERA_SWAPPED = "camera_swapped"
    RE_IMAGED = "re_imaged"
    """The same board begins another journal."""
    ADDRESS_CHANGED = "address_changed"
    RENAMED = "renamed"
    SOFTWARE_CHANGED = "software_changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who a gateway says that it is; what it does not say is empty.

    Attributes:
        board: the board's kind.
        serial: the board's own number.
        card: the number of the card that it runs from.
        camera: kinds or numbers of its cameras.
        address: its network address.
        host: what the machine calls itself.
        software: version of the firmware.
        epoch: of its journal.
        portals: which it serves, ascending.
    """

    board: str = ""
    serial: str = ""
    card: str = ""
    camera: str = ""
    address: str = ""
    host: str = ""
    software: str = ""
    epoch: str = ""
    portals: str = ""

    @classmethod
    def of(
        cls, hardware: Mapping[str, str], *, software: str, epoch: int, portals: Sequence[str]
    ) -> Self:
        """Returns the identity that a birth tells."""
        told = {name: hardware.get(name, "")[:MAX_TEXT] for name in _FROM_HARDWARE}
        return cls(
            **told,
            software=software[:MAX_TEXT],
            epoch=f"{epoch:012x}",
            portals=",".join(sorted(portals))[:MAX_TEXT],
        )

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Returns a stored one; names of an older or newer version are left out."""
        names = cls.__dataclass_fields__
        return cls(**{name: str(value) for name, value in values.items() if name in names})

    def to_json(self) -> dict[str, str]:
        """Returns it for storing."""
        return asdict(self)


_FROM_HARDWARE = ("board", "serial", "card", "camera", "address", "host")


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceChange:
    """One thing that is not as it was."""

    kind: ChangeKind
    before: str
    after: str


def changes(before: Identity | None, after: Identity) -> tuple[DeviceChange, ...]:
    """Returns what is different, in the order of how much it matters.

    What was not told before, or is not told now, is not a change: a newer firmware says more.
    """
    if before is None:
        return ()
    found = [
        DeviceChange(kind=kind, before=old, after=new)
        for kind, names in _TOLD_BY.items()
        for old, new in [_differing(before, after, names)]
        if old != new
    ]
    return tuple(found)


_TOLD_BY: Mapping[ChangeKind, tuple[str, ...]] = {
    ChangeKind.MOVED: ("portals",),
    ChangeKind.BOARD_SWAPPED: ("serial", "board"),
    ChangeKind.CARD_SWAPPED: ("card",),
    ChangeKind.CAMERA_SWAPPED: ("camera",),
    ChangeKind.RE_IMAGED: ("epoch",),
    ChangeKind.ADDRESS_CHANGED: ("address",),
    ChangeKind.RENAMED: ("host",),
    ChangeKind.SOFTWARE_CHANGED: ("software",),
}


def _differing(before: Identity, after: Identity, names: Sequence[str]) -> tuple[str, str]:
    """Returns the first pair that differs of what both tell, else two equal texts."""
    for name in names:
        old, new = getattr(before, name), getattr(after, name)
        if old and new and old != new:
            return old, new
    return "", ""
