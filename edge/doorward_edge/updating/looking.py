"""What a gateway looks at when its updater wants to know how it is. No lock, lamp or buzzer moves.

A finding is one thing that a release must not break: cameras that give pictures, pins that are held
and inputs that can be read, a journal that writes, a policy, the way to the controller.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Protocol

from doorward.errors import DoorwardError
from doorward.ids import PortalId
from doorward.outcomes import Finding
from doorward_edge.portal import Portal
from doorward_edge.ports import CameraHealth, Journal


class Eye(Protocol):
    """A camera, as `doorward_edge.eye.CameraEye`."""

    @property
    def name(self) -> str:
        """The camera's name."""
        ...

    def health(self) -> CameraHealth:
        """How it is."""
        ...


def looking(
    *,
    journal: Journal,
    has_rules: Callable[[], bool],
    is_connected: Callable[[], bool],
    eyes: Sequence[Eye],
    portals: Mapping[PortalId, Portal],
) -> Callable[[], Iterable[Finding]]:
    """Returns what looks at everything once."""

    def look() -> Iterator[Finding]:
        for eye in eyes:
            health = eye.health()
            is_good = health is CameraHealth.OK
            yield Finding(what=f"camera {eye.name}"[:32], is_good=is_good, detail=health.value)
        yield _pins(portals)
        yield _journal(journal)
        yield _said("policy", has_rules(), "loaded", "no policy is loaded")
        yield _said("controller", is_connected(), "reached", "out of reach")

    return look


def _pins(portals: Mapping[PortalId, Portal]) -> Finding:
    """The pins are held, else there were no gateway; whether the inputs can be read is asked."""
    faulty = sorted(
        f"{name} {kind.value}" for name, portal in portals.items() for kind in portal.door.faulty
    )
    return _said("pins", not faulty, "held and read", f"faulty: {', '.join(faulty)}"[:300])


def _journal(journal: Journal) -> Finding:
    try:
        journal.probe()
    except (DoorwardError, OSError) as err:
        return Finding(what="journal", is_good=False, detail=str(err)[:300])
    return Finding(what="journal", is_good=True, detail="writes")


def _said(what: str, is_good: bool, good: str, bad: str) -> Finding:  # noqa: FBT001  # one line
    return Finding(what=what, is_good=is_good, detail=good if is_good else bad)
