"""The rules that a policy bundle is made of, as a gateway reads them (docs/protocol.md §5).

Zones, groups, schedules and qualifications are indices into the policy's lists of names. What a
rule leaves at its default restrains nobody: a plain site says nothing of it.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

from doorward.ids import GatewayId, PortalId

Ref = TypeVar("Ref", int, str)
"""An index into one of the policy's lists of names, or the name itself."""

DEFAULT_MAX_AGE_S = 72 * 3600
DEFAULT_WAIT_S = 20
DEFAULT_FORGET_S = 36 * 3600
MAX_RANK = 9
MAX_LED = 30
"""The greatest bound on how many one escort leads; of more, not all would be seen waiting."""
MAX_ENTRIES = 50
"""Entries of one credential that a limit may count to."""


class Posture(StrEnum):
    """How a portal stands, before anybody shows a code."""

    NORMAL = "normal"
    FREE = "free"
    CLOSED = "closed"
    LOCKDOWN = "lockdown"


class Unlisted(StrEnum):
    """What counts for an authentic credential that the roster does not list (yet)."""

    DENY = "deny"
    BY_CLASS = "by_class"


class Foreign(StrEnum):
    """What a portal does with a code of somebody else's that was linked to a credential."""

    DENY = "deny"
    ALLOW = "allow"


class InDoubt(StrEnum):
    """What a portal does when the clock is not trusted, or the policy too old."""

    DENY = "deny"
    ALLOW = "allow"


class Direction(StrEnum):
    """Which way people go."""

    ENTRY = "entry"
    EXIT = "exit"
    BOTH = "both"

    def covers(self, way: "Direction") -> bool:
        """Whether this is the way, or both are."""
        return self in {way, Direction.BOTH}

    @property
    def number(self) -> int:
        """How it is written where it stands often; never reused."""
        return NUMBERED_WAYS.index(self)


NUMBERED_WAYS = (Direction.BOTH, Direction.ENTRY, Direction.EXIT)


class AntiPassback(StrEnum):
    """What follows when somebody enters who is inside already, or leaves who never entered."""

    OFF = "off"
    SOFT = "soft"
    """The person passes, and the record says that it does not fit."""
    HARD = "hard"
    """The person is refused until what is known fits again."""
    TIMED = "timed"
    """Who entered is refused entry for a while, and leaving is never refused."""


class PresenceDoubt(StrEnum):
    """What a portal does when it cannot know what other gateways saw."""

    ALLOW = "allow"
    """Let pass, with a notice on the grant."""
    LAST_KNOWN = "last_known"
    """Decide by what was last known."""
    DENY = "deny"
    """Refuse until it is known again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PostureOrder:
    """How a portal is to stand, and until when.

    Attributes:
        rank: groups of this rank (1 to 9) or above pass in lockdown; None: nobody does.
        until: first second in which the portal stands as normal again; None: until told otherwise.
    """

    posture: Posture = Posture.NORMAL
    rank: int | None = None
    until: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupRule:
    """What belongs to being in a group.

    Attributes:
        rank: compared with that of a lockdown; a person has the highest of all groups.
        is_duress: showing such a credential says that its holder is being forced. It opens as
            the others do, and nothing at the portal tells.
        is_once: a credential of this group passes once, anywhere on the site.
        is_exempt: interval, anti-passback and limits of a zone do not hold its members up.
    """

    rank: int = 0
    is_duress: bool = False
    is_once: bool = False
    is_exempt: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneRule:
    """What belongs to a zone.

    Attributes:
        within: the zone that this one lies in, or None; who leaves that one leaves this one too.
        at_most: how many may be inside; 0: as many as come.
        per_day: entries of one person in a day of the site, by whatever line of the grants; 0: as
            many as the line allows.
        per_visit: the same in the life of the credential.
    """

    within: int | None = None
    at_most: int = 0
    per_day: int = 0
    per_visit: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PortalTerms(Generic[Ref]):
    """What is said of one portal; `Ref` is how it refers to the policy's lists of names.

    Attributes:
        zone: the zone that the portal guards; its grants count here.
        direction: entry: one enters `zone` and leaves `beyond`; exit: the other way; both: who is
            inside leaves, who is not enters.
        beyond: the zone on the other side when it is one that excludes `zone`; None: outside, or a
            zone that `zone` lies within.
        pulse_ms: for how long the lock is released.
        posture, posture_rank, posture_until: as in `PostureOrder`.
        max_age_s: how old the policy may be before `stale` decides.
        qualifications: needed by everybody who enters here, beside those of the grant.
        unlock: the schedule in which the portal stands free; None: it never does by itself.
        unlock_after_first: it does so only after somebody was let in during the same opening.
        antipassback_s: for how long `AntiPassback.TIMED` refuses.
        presence_unknown: what to do when it cannot be known what other gateways saw.
        min_interval_s: between two passages of one person the same way through this zone.
        escorted, escorts: groups whose members enter only together with a member of those.
        escort_leads: so many one escort leads; 0: as many as come.
        two_persons: nobody enters alone.
        wait_s: how long the portal waits for the second person.
        interlock: portals that must be closed for this one to open.
    """

    zone: Ref
    gateway: GatewayId
    direction: Direction = Direction.ENTRY
    beyond: Ref | None = None
    pulse_ms: int = 3000
    posture: Posture = Posture.NORMAL
    posture_rank: int | None = None
    posture_until: int | None = None
    unlisted: Unlisted = Unlisted.BY_CLASS
    clock_untrusted: InDoubt = InDoubt.DENY
    max_age_s: int = DEFAULT_MAX_AGE_S
    stale: InDoubt = InDoubt.DENY
    foreign: Foreign = Foreign.DENY
    qualifications: tuple[Ref, ...] = ()
    unlock: Ref | None = None
    unlock_after_first: bool = False
    antipassback: AntiPassback = AntiPassback.OFF
    antipassback_s: int = 0
    presence_unknown: PresenceDoubt = PresenceDoubt.ALLOW
    min_interval_s: int = 0
    escorted: tuple[Ref, ...] = ()
    escorts: tuple[Ref, ...] = ()
    escort_leads: int = 0
    two_persons: bool = False
    wait_s: int = DEFAULT_WAIT_S
    interlock: tuple[PortalId, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PortalRule(PortalTerms[int]):
    """What the policy says of one portal, by index."""

    @property
    def is_restrained(self) -> bool:
        """Whether this rule asks for anything of steps 12, 13, 15 and 16 of `decide`."""
        return (
            self.min_interval_s > 0
            or self.antipassback is not AntiPassback.OFF
            or bool(self.interlock)
            or bool(self.escorted or self.escorts)
            or self.two_persons
        )

    @property
    def order(self) -> PostureOrder:
        """How the policy wants the portal to stand."""
        return PostureOrder(posture=self.posture, rank=self.posture_rank, until=self.posture_until)


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantRule:
    """A group may pass into (or out of) a zone while a schedule is open.

    Attributes:
        qualifications: needed to enter.
        way: the ways that this line lets go.
        per_day: entries of one credential in a day of the site; 0: as many as it likes.
        per_visit: entries in the life of the credential, which is what a visitor has for one visit.
    """

    group: int
    zone: int
    schedule: int
    qualifications: tuple[int, ...] = ()
    way: Direction = Direction.BOTH
    per_day: int = 0
    per_visit: int = 0
