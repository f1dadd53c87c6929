"""Who gets through where in a week: people x portals x time, by the kit's own `decide` (pure).

The week is a model: seven days from today and a public holiday, on clocks that do not change, as if
nobody had come yet (who enters is outside, who leaves is inside). Ten thousand people have a few
dozen different rights and a hundred portals a few different rules, and within a week only the
moments count at which something opens, closes, begins or ends; what cannot differ is decided once.
"""

from bisect import bisect_right
from collections.abc import Collection, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from doorward.credential import Credential, CredentialClass, Form, Refusal, Statement
from doorward.decision import Grant, Presentation, Rules, decide
from doorward.envelope import Ed25519Signer
from doorward.ids import CredentialId, GatewayId, PortalId
from doorward.keys import Key, Purpose
from doorward.policy import Direction, Policy, PortalRule
from doorward.presence_port import NothingSeen, Stay
from doorward.reasons import Reason
from doorward.roster import Profile, StickerRow
from doorward.schedule import DAY_S, DayType, SiteTime, is_open
from doorward.status import StatusList
from doorward.times import ClockTrust, Instant, MonoMs, UtcMs

_LAID_OUT_DAYS = 9
"""Seven days and two holidays, of which the second one is looked at: no night runs into it but
that of a holiday."""
_NEVER = 2**53 - 1
_ANY_GATEWAY = GatewayId("any")
_ISSUER = Key(
    public=Ed25519Signer.from_seed(bytes(32)).public,
    purposes=Purpose.ISSUE,
    not_before=0,
    not_after=_NEVER,
)
"""Signs nothing; a badge has to name some key that counts."""


@dataclass(frozen=True, slots=True, order=True)
class Stretch:
    """Minutes of one day of the model week; `day` is a `DayType`."""

    day: int
    from_min: int
    to_min: int


Pattern = tuple[Stretch, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """At which times some people get through, or no longer do, at one portal."""

    portal: str
    way: Direction
    gained: Pattern
    lost: Pattern


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """What one policy says of one person, as far as it matters within the model week.

    Attributes:
        profile: None where the roster does not list the credential; then its class counts.
        credential_class: None for a label, which is nothing without a roster.
        groups, rest: of the profile, as they are asked for again and again.
    """

    profile: Profile | None
    credential_class: CredentialClass | None
    groups: frozenset[int] = field(init=False, compare=False)
    rest: tuple[object, ...] = field(init=False, compare=False)

    def __post_init__(self) -> None:
        """Takes the profile apart once."""
        profile = self.profile
        groups = frozenset(profile.groups) if profile else frozenset[int]()
        rest: tuple[object, ...] = (self.credential_class,)
        if profile:
            rest = (profile.qualifications, profile.not_before, profile.not_after)
        object.__setattr__(self, "groups", groups)
        object.__setattr__(self, "rest", rest)


@dataclass(slots=True, kw_only=True)
class Alike:
    """People who have the same rights before and the same rights after."""

    before: Listed
    after: Listed
    people: set[CredentialId] = field(default_factory=set)
    example: CredentialId


@dataclass(frozen=True, slots=True)
class ModelWeek:
    """When the model week is: from a day of the site on, whose clocks then do not change.

    Attributes:
        start_s: the first second of that day, UTC.
        offset_s: of the site's clocks from UTC.
    """

    start_s: int
    offset_s: int

    @classmethod
    def of(cls, now_utc_s: int, time: SiteTime) -> "ModelWeek":
        """Returns the one that begins today."""
        local_s = time.local_s(now_utc_s)
        return cls(now_utc_s - local_s % DAY_S, local_s - now_utc_s)

    @property
    def end_s(self) -> int:
        """The first second after it."""
        return self.start_s + _LAID_OUT_DAYS * DAY_S

    @property
    def time(self) -> SiteTime:
        """Its clocks and its calendar."""
        first = self._first_day + 7
        holidays = {first: DayType.HOLIDAY, first + 1: DayType.HOLIDAY}
        return SiteTime(zone="", offsets=((0, self.offset_s),), day_types=holidays)

    def at(self, day: int, minute: int) -> int:
        """Returns the second at which a minute of a day (`DayType`) begins."""
        laid_out = next(n for n in range(_LAID_OUT_DAYS) if self.day_of(n) == day)
        return self.start_s + laid_out * DAY_S + minute * 60

    def day_of(self, laid_out: int) -> DayType | None:
        """Returns what the n-th day stands for; None for the holiday that only leads to one."""
        if laid_out == _LAID_OUT_DAYS - 1:
            return DayType.HOLIDAY
        return DayType((self._first_day + laid_out + 3) % 7) if laid_out < 7 else None

    @property
    def _first_day(self) -> int:
        return (self.start_s + self.offset_s) // DAY_S

    def clip(self, at: int) -> int:
        """Returns a time to the minute that follows it, or far away where it is not within."""
        if at <= self.start_s:
            return 0
        return at + -at % 60 if at < self.end_s else _NEVER

    def clipped(self, profile: Profile | None) -> Profile | None:
        """Returns a profile without what cannot matter within the week."""
        if profile is None:
            return None
        begins, ends = self.clip(profile.not_before), self.clip(profile.not_after)
        if begins >= ends:  # no whole minute of the week lies between them
            begins, ends = _NEVER - 1, _NEVER
        return Profile(
            not_before=begins,
            not_after=ends,
            groups=profile.groups,
            qualifications=tuple((n, self.clip(until)) for n, until in profile.qualifications),
        )


def gather(
    before: Policy | None,
    after: Policy,
    week: ModelWeek,
    classes: Mapping[CredentialId, CredentialClass],
    without: Container[CredentialId],
) -> list[Alike]:
    """Returns everybody whom one of the policies lists, those with equal rights together.

    Args:
        before: what counts now; None before the first release.
        after: what would count.
        week: in which they are compared.
        classes: of credentials that one of the two may not list; a label has none.
        without: credentials that are revoked or suspended anyway.

    Raises:
        MalformedError: a roster points at something that is not a profile.
    """
    found: dict[tuple[Listed, Listed], Alike] = {}
    known: dict[Profile | None, Profile | None] = {}
    ids = {*(before.roster.ids() if before else ()), *after.roster.ids()}
    for id_ in sorted(ids):
        if id_ in without:
            continue
        was, will = (before.roster.find(id_) if before else None), after.roster.find(id_)
        for profile in (was, will):
            if profile not in known:
                known[profile] = week.clipped(profile)
        pair = (
            Listed(profile=known[was], credential_class=None if was else classes.get(id_)),
            Listed(profile=known[will], credential_class=None if will else classes.get(id_)),
        )
        alike = found.get(pair)
        if alike is None:
            alike = found[pair] = Alike(before=pair[0], after=pair[1], example=id_)
        profile = will or was
        alike.people.add((profile and profile.holder) or id_)
    return list(found.values())


class Comparison:
    """Two policies in the model week."""

    def __init__(
        self, before: Policy | None, after: Policy, week: ModelWeek, people: Collection[Alike]
    ) -> None:
        """Lays the week out: every moment at which something may change for one of `people`."""
        self._week = week
        self._moments = _moments([p for p in (before, after) if p], week, people)
        self._before = _Side(before, week, self._moments) if before else None
        self._after = _Side(after, week, self._moments)
        portals = {*(before.portals if before else ()), *after.portals}
        self._places = [
            (portal, way) for portal in sorted(portals) for way in _ways(before, after, portal)
        ]
        self._patterns: dict[frozenset[int], Pattern] = {}

    def shifts(self, alike: Alike) -> Iterator[Shift]:
        """Yields where these people get through at other times than before."""
        for portal, way in self._places:
            was = self._before.open_at(portal, way, alike.before) if self._before else frozenset()
            will = self._after.open_at(portal, way, alike.after)
            if was != will:
                gained, lost = self._pattern(will - was), self._pattern(was - will)
                if gained or lost:
                    yield Shift(portal=portal, way=way, gained=gained, lost=lost)

    def _pattern(self, moments: frozenset[int]) -> Pattern:
        found = self._patterns.get(moments)
        if found is None:
            found = self._patterns[moments] = self._stretches(moments)
        return found

    def _stretches(self, moments: frozenset[int]) -> Pattern:
        """A moment lasts until the next one, and never past midnight."""
        found: list[Stretch] = []
        ends = [*self._moments[1:], self._week.end_s]
        for at, end in zip(self._moments, ends, strict=True):
            laid_out, second = divmod(at - self._week.start_s, DAY_S)
            day = self._week.day_of(laid_out)
            if at not in moments or day is None:
                continue
            one = Stretch(int(day), second // 60, (second + end - at) // 60)
            if found and found[-1].day == day and found[-1].to_min == one.from_min:
                one = Stretch(int(day), found.pop().from_min, one.to_min)
            found.append(one)
        return tuple(sorted(found))


class _Side:
    """One policy in the model week."""

    def __init__(self, policy: Policy, week: ModelWeek, moments: Sequence[int]) -> None:
        self._row = _OneRow()
        self._policy = replace(policy, time=week.time, roster=self._row)  # type: ignore[arg-type]  # what `decide` asks of one
        self._known_spells: dict[
            tuple[frozenset[int], tuple[int, ...]], list[tuple[int, frozenset[int]]]
        ] = {}
        self._moments = moments
        self._open = {
            number: tuple(is_open(schedule, week.time, at) for at in moments)
            for number, schedule in enumerate(policy.schedules)
        }
        self._answers: dict[tuple[object, ...], frozenset[int]] = {}
        numbers: dict[PortalRule, int] = {}
        self._places = {
            name: _Place(
                direction=rule.direction,
                number=numbers.setdefault(_unnamed(rule), len(numbers)),
                groups=_groups_that_count(policy, rule),
            )
            for name, rule in policy.portals.items()
        }

    def open_at(self, portal: PortalId, way: Direction, listed: Listed) -> frozenset[int]:
        """Returns the moments at which such a person gets through."""
        place = self._places.get(portal)
        if place is None or not place.direction.covers(way):
            return frozenset()
        key = (place.number, way, listed.groups & place.groups, listed.rest)
        found = self._answers.get(key)
        if found is None:
            found = self._answers[key] = self._decide_all(portal, way, listed)
        return found

    def _decide_all(self, portal: PortalId, way: Direction, listed: Listed) -> frozenset[int]:
        """Decides once for all moments that nothing tells apart."""
        shown = _badge(listed)
        self._row.profile = listed.profile
        presence = _Inside() if way is Direction.EXIT else NothingSeen()
        granted: set[int] = set()
        for at, alike in self._spells(portal, listed):
            rules = Rules(policy=self._policy, status=_all_valid(self._policy, at))
            decision = decide(shown, portal, rules, presence, _instant(at))
            if isinstance(decision, Grant):
                granted |= alike
        return frozenset(granted)

    def _spells(self, portal: PortalId, listed: Listed) -> Collection[tuple[int, frozenset[int]]]:
        """Returns the moments in sets within which all of the time is alike that can matter."""
        rule, class_ = self._policy.portals[portal], listed.credential_class
        groups = self._policy.classes.get(class_, ()) if class_ is not None else ()
        schedules = {
            grant.schedule
            for group in (listed.groups or groups)
            for grant in self._policy.grants.get((group, rule.zone), ())
        }
        if rule.unlock is not None:
            schedules.add(rule.unlock)
        times = tuple(sorted({*_times_of(listed.profile), rule.posture_until or 0}))
        key = (frozenset(schedules), times)
        found = self._known_spells.get(key)
        if found is None:
            found = self._known_spells[key] = self._divide(sorted(schedules), times)
        return found

    def _divide(
        self, schedules: Sequence[int], times: Sequence[int]
    ) -> list[tuple[int, frozenset[int]]]:
        spells: dict[tuple[object, ...], set[int]] = {}
        opened = [self._open[number] for number in schedules]
        for place, at in enumerate(self._moments):
            phase = (*(each[place] for each in opened), bisect_right(times, at))
            spells.setdefault(phase, set()).add(at)
        return [(min(alike), frozenset(alike)) for alike in spells.values()]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """A portal as far as answers can be shared.

    Attributes:
        number: portals of equal rules have the same.
        groups: those that can matter there.
    """

    direction: Direction
    number: int
    groups: frozenset[int]


class _OneRow:
    """A roster in which whoever is asked for has the profile that was laid in last."""

    def __init__(self) -> None:
        self.profile: Profile | None = None

    def find(self, credential_id: CredentialId) -> Profile | None:
        del credential_id
        return self.profile

    def find_sticker(self, digest: bytes) -> StickerRow | None:
        del digest
        return None


class _Inside(NothingSeen):
    """Whoever is asked about is inside every zone."""

    def stay(self, holder_id: CredentialId, zone: str, now: Instant) -> Stay | None:
        del holder_id, zone, now
        return Stay(is_inside=True, entered_at=None, left_at=None)


def _moments(
    policies: Sequence[Policy], week: ModelWeek, people: Collection[Alike]
) -> tuple[int, ...]:
    """Returns everything at which something may begin or end, and each midnight, ascending."""
    minutes, times = {0}, set[int]()
    for policy in policies:
        for schedule in policy.schedules:
            for span in schedule.spans:
                minutes |= {span.from_min, span.to_min % (24 * 60)}
        times |= {week.clip(rule.posture_until or 0) for rule in policy.portals.values()}
    for alike in people:
        times |= {*_times_of(alike.before.profile), *_times_of(alike.after.profile)}
    days = range(week.start_s, week.end_s, DAY_S)
    at = {day + minute * 60 for day in days for minute in minutes}
    return tuple(sorted(at | {each for each in times if week.start_s < each < week.end_s}))


def _times_of(profile: Profile | None) -> tuple[int, ...]:
    if profile is None:
        return ()
    return (
        profile.not_before,
        profile.not_after,
        *(until for _, until in profile.qualifications),
    )


def _groups_that_count(policy: Policy, rule: PortalRule) -> frozenset[int]:
    granted = {group for group, zone in policy.grants if zone == rule.zone}
    return frozenset({*granted, *policy.group_rules, *rule.escorted, *rule.escorts})


def _unnamed(rule: PortalRule) -> PortalRule:
    """What tells two portals apart in nothing that is decided here."""
    return replace(rule, gateway=_ANY_GATEWAY, pulse_ms=0, wait_s=0, interlock=())


def _ways(before: Policy | None, after: Policy, portal: PortalId) -> tuple[Direction, ...]:
    rules = [policy.portals.get(portal) for policy in (before, after) if policy]
    found = {rule.direction for rule in rules if rule}
    both = (Direction.ENTRY, Direction.EXIT)
    return both if Direction.BOTH in found else tuple(way for way in both if way in found)


def _badge(listed: Listed) -> Presentation:
    if listed.profile is None and listed.credential_class is None:
        return Refusal(Reason.STICKER_UNKNOWN)
    statement = Statement(
        key_id=_ISSUER.key_id,
        credential_id=CredentialId(bytes(8)),
        status_index=0,
        not_before=0,
        expires=_NEVER,
        credential_class=listed.credential_class or CredentialClass.EMPLOYEE,
    )
    return Credential(statement=statement, form=Form.BADGE, key=_ISSUER)


def _all_valid(policy: Policy, at: int) -> StatusList:
    return StatusList(site=policy.site, seq=1, issued_at=at, size=1, bits=b"\0")


def _instant(at: int) -> Instant:
    return Instant(utc_ms=UtcMs(at * 1000), mono_ms=MonoMs(0), trust=ClockTrust.SYNCHRONISED)
