"""The link to the controller as a state table.

Two rules, as everywhere with our state tables: everything that affects a transition stands in this
file, and a pair of state and event that the table does not have raises and changes nothing.

OFFLINE     nobody dials
CONNECTING  dialling, again and again
DRAINING    connected; the journal still holds records that wait to be acknowledged
LIVE        connected, and everything older than a moment is acknowledged
"""

from enum import StrEnum

from doorward.errors import DoorwardError


class IllegalTransitionError(DoorwardError):
    """An event that cannot happen in this state; a bug in whoever reported it."""


class Link(StrEnum):
    """Where the link stands."""

    OFFLINE = "offline"
    CONNECTING = "connecting"
    DRAINING = "draining"
    LIVE = "live"


class LinkChange(StrEnum):
    """What can happen to the link."""

    DIAL = "dial"
    UP = "up"
    DOWN = "down"
    BEHIND = "behind"
    DRAINED = "drained"
    STOP = "stop"


class LinkAction(StrEnum):
    """What whoever holds the link has to do about a transition."""

    ANNOUNCE = "announce"
    """Subscribe, say who we are, what we hold and what our journal spans."""
    RESEND = "resend"
    """Whatever was sent and not acknowledged is due again."""


TABLE: dict[tuple[Link, LinkChange], tuple[Link, tuple[LinkAction, ...]]] = {
    (Link.OFFLINE, LinkChange.DIAL): (Link.CONNECTING, ()),
    (Link.CONNECTING, LinkChange.DOWN): (Link.CONNECTING, ()),
    (Link.CONNECTING, LinkChange.UP): (
        Link.DRAINING,
        (LinkAction.ANNOUNCE, LinkAction.RESEND),
    ),
    (Link.DRAINING, LinkChange.DRAINED): (Link.LIVE, ()),
    (Link.DRAINING, LinkChange.BEHIND): (Link.DRAINING, ()),
    (Link.DRAINING, LinkChange.DOWN): (Link.CONNECTING, ()),
    (Link.LIVE, LinkChange.DRAINED): (Link.LIVE, ()),
    (Link.LIVE, LinkChange.BEHIND): (Link.DRAINING, ()),
    (Link.LIVE, LinkChange.DOWN): (Link.CONNECTING, ()),
    (Link.CONNECTING, LinkChange.STOP): (Link.OFFLINE, ()),
    (Link.DRAINING, LinkChange.STOP): (Link.OFFLINE, ()),
    (Link.LIVE, LinkChange.STOP): (Link.OFFLINE, ()),
}


class Uplink:
    """Holds the state; the only way to change it is an event of the table."""

    def __init__(self) -> None:
        """Starts offline."""
        self.link = Link.OFFLINE

    @property
    def is_connected(self) -> bool:
        """Whether messages can be sent now."""
        return self.link in {Link.DRAINING, Link.LIVE}

    def note(self, change: LinkChange) -> tuple[LinkAction, ...]:
        """Changes the state and returns what has to be done.

        Raises:
            IllegalTransitionError: the table does not have this pair; nothing was changed.
        """
        try:
            self.link, actions = TABLE[self.link, change]
        except KeyError as err:
            raise IllegalTransitionError(f"link: {change} cannot happen while {self.link}") from err
        return actions
