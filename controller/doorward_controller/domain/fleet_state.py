"""How each gateway stands now, computed from what was heard of it (pure).

Nothing here is stored: what is kept are facts (last word, last will, stretches of absence, our own
connection to the broker), and this is what they mean at `now_ms`. Nobody counts as silent for a
time in which we could not hear, and one cause for many is told once.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType


class Condition(StrEnum):
    """How a gateway stands."""

    ON_TIME = "on_time"
    LATE = "late"
    """Overdue, its connection just ended, or it comes and goes too often to be relied on."""
    LOST = "lost"
    """Away beyond grace. It goes on deciding by itself; we shall know from its journal."""
    UNHEARD = "unheard"
    """We cannot know: our own connection to the broker is down."""
    NEVER_SEEN = "never_seen"
    REVOKED = "revoked"


AWAY = frozenset({Condition.LATE, Condition.LOST})


class SiteCause(StrEnum):
    """What explains many absences at once."""

    BROKER_DOWN = "broker_down"
    """We have lost the broker ourselves."""
    SITE_LINK_DOWN = "site_link_down"
    """Most gateways went silent within the same short time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """From when on what counts.

    Attributes:
        late_after_s: of silence; a gateway speaks every minute by default, so two are missing.
        lost_after_s: of silence, or since the broker said that its connection ended.
        settle_s: a gateway that was lost, or that comes and goes, is on time again after so long
            without another absence; doubled for each further absence within `flap_window_s`.
        flaps: so many absences within the window make a gateway unsteady.
        site_least, site_percent, site_within_s: so many gateways, and this share of those ever
            heard, gone within this time: one cause.
    """

    late_after_s: int = 150
    lost_after_s: int = 300
    settle_s: int = 15
    most_settle_s: int = 600
    flap_window_s: int = 900
    flaps: int = 3
    site_least: int = 3
    site_percent: int = 60
    site_within_s: int = 90


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """Our own connection to the broker: up or down, since when."""

    is_up: bool
    since_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """A time of absence; without an end it lasts."""

    from_ms: int
    to_ms: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What is known of a gateway's connection.

    Attributes:
        last_ms: when it last said anything, None for never.
        gone_ms: when the broker said that its connection ended, None while it is open.
        stretches: the recent absences, in any order.
    """

    gateway: str
    is_revoked: bool
    last_ms: int | None
    gone_ms: int | None
    stretches: tuple[Stretch, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayNow:
    """How a gateway stands.

    Attributes:
        since_ms: since when it is away, or when it was last away; None where that says nothing.
        absences: how many there were within the flap window.
        is_settling: it is here again, but not for long enough to be relied on.
        is_hidden: a cause for many explains it; no word about it alone.
    """

    gateway: str
    condition: Condition
    since_ms: int | None = None
    absences: int = 0
    is_settling: bool = False
    is_hidden: bool = False

    @property
    def is_away(self) -> bool:
        """Whether nothing can be expected to reach it now."""
        return self.condition in AWAY and not self.is_settling


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteEvent:
    """One cause for many absences."""

    cause: SiteCause
    since_ms: int
    gateways: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """Every gateway by name, and what explains many at once."""

    gateways: Mapping[str, GatewayNow] = field(default_factory=lambda: MappingProxyType({}))
    site: SiteEvent | None = None

    def of(self, gateway: str) -> GatewayNow:
        """Returns how a gateway stands; one that is not known was never seen."""
        unknown = GatewayNow(gateway=gateway, condition=Condition.NEVER_SEEN)
        return self.gateways.get(gateway, unknown)

    def count(self, *conditions: Condition) -> int:
        """Returns how many stand in one of these conditions."""
        return sum(each.condition in conditions for each in self.gateways.values())


def fleet_of(heard: Iterable[Heard], link: Link, now_ms: int, limits: Limits = Limits()) -> Fleet:
    """Returns how all stand at `now_ms`."""
    states = {each.gateway: state_of(each, link, now_ms, limits) for each in heard}
    site = _site_event(states.values(), link, limits)
    if site is not None:
        hidden = {name: replace(states[name], is_hidden=True) for name in site.gateways}
        states |= hidden
    return Fleet(gateways=MappingProxyType(states), site=site)


def state_of(heard: Heard, link: Link, now_ms: int, limits: Limits = Limits()) -> GatewayNow:
    """Returns how one gateway stands at `now_ms`, without regard to the others."""
    ended = _ended(heard.stretches, now_ms, limits)
    condition, since_ms = _by_its_word(heard, link, now_ms, limits)
    is_settling = False
    if condition is Condition.ON_TIME and ended:
        last = max(ended, key=lambda each: each.to_ms or 0)
        since_ms = last.from_ms
        if now_ms - (last.to_ms or now_ms) < _settle_ms(ended, last, limits):
            condition, is_settling = Condition.LATE, True
    return GatewayNow(
        gateway=heard.gateway,
        condition=condition,
        since_ms=since_ms,
        absences=len(ended) + (condition in AWAY and not is_settling),
        is_settling=is_settling,
    )


def _by_its_word(
    heard: Heard, link: Link, now_ms: int, limits: Limits
) -> tuple[Condition, int | None]:
    if heard.is_revoked:
        return Condition.REVOKED, None
    if heard.last_ms is None and heard.gone_ms is None:
        return Condition.NEVER_SEEN, None
    if heard.gone_ms is not None:
        is_lost = now_ms - heard.gone_ms >= limits.lost_after_s * 1000
        return (Condition.LOST if is_lost else Condition.LATE), heard.gone_ms
    if not link.is_up:
        return Condition.UNHEARD, link.since_ms
    silent_from_ms = max(heard.last_ms or 0, link.since_ms)
    silent_ms = now_ms - silent_from_ms
    if silent_ms >= limits.lost_after_s * 1000:
        return Condition.LOST, silent_from_ms
    if silent_ms >= limits.late_after_s * 1000:
        return Condition.LATE, silent_from_ms
    return Condition.ON_TIME, None


def _ended(stretches: Iterable[Stretch], now_ms: int, limits: Limits) -> list[Stretch]:
    """Returns the absences that ended within the flap window."""
    from_ms = now_ms - limits.flap_window_s * 1000
    return [each for each in stretches if each.to_ms is not None and each.to_ms > from_ms]


def _settle_ms(ended: Collection[Stretch], last: Stretch, limits: Limits) -> int:
    was_lost = (last.to_ms or 0) - last.from_ms >= limits.lost_after_s * 1000
    if len(ended) < limits.flaps and not was_lost:
        return 0
    doubled_s = limits.settle_s << min(len(ended) - 1, 16)
    return min(doubled_s, limits.most_settle_s) * 1000


def _site_event(states: Collection[GatewayNow], link: Link, limits: Limits) -> SiteEvent | None:
    known = [
        each for each in states if each.condition not in {Condition.REVOKED, Condition.NEVER_SEEN}
    ]
    if not link.is_up:
        names = tuple(sorted(e.gateway for e in known if e.condition is Condition.UNHEARD))
        return SiteEvent(cause=SiteCause.BROKER_DOWN, since_ms=link.since_ms, gateways=names)
    gone = sorted(
        ((each.since_ms, each.gateway) for each in known if each.is_away and each.since_ms),
        key=lambda pair: pair[0],
    )
    together = _largest_cluster(gone, limits.site_within_s * 1000)
    is_most = len(together) * 100 >= limits.site_percent * len(known)
    if len(together) < limits.site_least or not is_most:
        return None
    return SiteEvent(
        cause=SiteCause.SITE_LINK_DOWN,
        since_ms=together[0][0],
        gateways=tuple(sorted(name for _, name in together)),
    )


def _largest_cluster(gone: list[tuple[int, str]], within_ms: int) -> list[tuple[int, str]]:
    """Returns the most that went within one window; of equals the earliest."""
    best: list[tuple[int, str]] = []
    first = 0
    for last, (at_ms, _) in enumerate(gone):
        while at_ms - gone[first][0] > within_ms:
            first += 1
        if last - first + 1 > len(best):
            best = gone[first : last + 1]
    return best


class Work(StrEnum):
    """What a gateway's own journal shows of a time in which it was away."""

    WORKED = "worked"
    """It was cut off, and worked."""
    WAS_OFF = "was_off"
    """It began anew in that time and recorded nothing else: no power, or a restart."""
    NOTHING_SHOWN = "nothing_shown"
    """No record from that time is here: nobody came, or it has not sent them yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """What was recorded during an absence: how many records, and how many starts among them."""

    records: int
    starts: int


def work_during(trace: Trace) -> Work:
    """Returns what the records of an absence show."""
    if trace.records > trace.starts:
        return Work.WORKED
    return Work.WAS_OFF if trace.starts else Work.NOTHING_SHOWN
