"""A site's rules as people edit them, checked whole before they are saved (pure).

Everything refers by name; times of day are minutes after local midnight, dates are ISO texts.
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, field_validator, model_validator

from doorward.credential import CredentialClass
from doorward.policy import DEFAULT_FORGET_S, GroupRule
from doorward.policy_draft import GrantDraft, ZoneDraft
from doorward.schedule import DayType, Schedule, SiteTime, Span
from doorward_controller.domain import directory_groups
from doorward_controller.domain.rule_options import (
    DAY_S,
    DirectoryName,
    GrantLine,
    GroupOptions,
    Name,
    Part,
    PortalOptions,
    ZoneOptions,
)

__all__ = [
    "GrantLine", "GroupOptions", "PortalOptions", "RuleBook", "SpanRule", "ZoneOptions",
    "first_rule_book",
]  # fmt: skip

OFFSETS_AHEAD_DAYS = 3 * 366
"""How far ahead a bundle knows the site's changes of clock; a release a year keeps it current."""


class SpanRule(Part):
    """Open from `from_min` until before `to_min` (past 1440: into the next day) on these days."""

    days: tuple[Annotated[int, Field(ge=0, le=7)], ...] = Field(min_length=1)
    from_min: int
    to_min: int

    @model_validator(mode="after")
    def _is_a_span(self) -> Self:
        self.span()
        return self

    def span(self) -> Span:
        """Returns the span as gateways read it. Raises ValueError for impossible times."""
        return Span(sum(1 << day for day in set(self.days)), self.from_min, self.to_min)


ClassName = Literal[
    "employee", "contractor", "visitor", "participant", "resident", "service", "thing"
]


class RuleBook(Part):
    """Everything of a policy that people decide on."""

    time_zone: str = "UTC"
    zones: tuple[Name, ...] = ()
    groups: tuple[Name, ...] = ()
    qualifications: tuple[Name, ...] = ()
    schedules: dict[Name, tuple[SpanRule, ...]] = Field(default_factory=dict)
    grants: tuple[GrantLine, ...] = ()
    calendar: dict[date, Annotated[int, Field(ge=0, le=7)]] = Field(default_factory=dict)
    classes: dict[ClassName, tuple[Name, ...]] = Field(default_factory=dict)
    portals: dict[Name, PortalOptions] = Field(default_factory=dict)
    group_rules: dict[Name, GroupOptions] = Field(default_factory=dict)
    zone_rules: dict[Name, ZoneOptions] = Field(default_factory=dict)
    forget_s: Annotated[int, Field(ge=60, le=366 * DAY_S)] = DEFAULT_FORGET_S
    directory: dict[Name, tuple[DirectoryName, ...]] = Field(default_factory=dict)

    @field_validator("time_zone")
    @classmethod
    def _exists(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError) as err:
            raise ValueError("is not a time zone such as Europe/Berlin or Asia/Shanghai") from err
        return name

    @model_validator(mode="after")
    def _names_are_defined(self) -> Self:
        for what in ("zones", "groups", "qualifications"):
            names = getattr(self, what)
            if len(set(names)) != len(names):
                raise ValueError(f"a name in {what} stands twice")
        for line in self.grants:
            _defined("group", line.group, self.groups)
            _defined("zone", line.zone, self.zones)
            _defined("schedule", line.schedule, self.schedules)
            for name in line.qualifications:
                _defined("qualification", name, self.qualifications)
        for groups in self.classes.values():
            self._all_defined("group", groups)
        for options in self.portals.values():
            self._portal_is_defined(options)
        self._all_defined("group", self.group_rules)
        self._all_defined("group", self.directory)
        self._all_defined("zone", self.zone_rules)
        self._all_defined("zone", (r.within for r in self.zone_rules.values() if r.within))
        return self

    def _portal_is_defined(self, options: PortalOptions) -> None:
        self._all_defined("zone", filter(None, (options.beyond,)))
        self._all_defined("schedule", filter(None, (options.unlock,)))
        self._all_defined("group", (*options.escorted, *options.escorts))
        self._all_defined("qualification", options.qualifications)

    def _all_defined(self, what: str, names: Iterable[str]) -> None:
        for name in names:
            _defined(what, name, getattr(self, f"{what}s"))

    def schedule_drafts(self) -> tuple[Schedule, ...]:
        """Returns the schedules as gateways read them."""
        return tuple(
            Schedule(name=name, spans=tuple(rule.span() for rule in rules))
            for name, rules in self.schedules.items()
        )

    def grant_drafts(self) -> tuple[GrantDraft, ...]:
        """Returns the grants as the kit builds them in."""
        return tuple(GrantDraft(**line.model_dump()) for line in self.grants)

    def rule_of(self, portal: str, enrolled_json: str) -> PortalOptions:
        """Returns how a portal behaves: by this book, else as it was enrolled."""
        return self.portals.get(portal) or PortalOptions.model_validate_json(enrolled_json)

    def group_rule_drafts(self) -> dict[str, GroupRule]:
        """Returns what belongs to being in a group."""
        return {name: options.rule() for name, options in self.group_rules.items()}

    def zone_rule_drafts(self) -> dict[str, ZoneDraft]:
        """Returns what belongs to a zone."""
        return {name: ZoneDraft(**each.model_dump()) for name, each in self.zone_rules.items()}

    def class_groups(self) -> dict[CredentialClass, tuple[str, ...]]:
        """Returns the groups of credentials that the roster does not list."""
        return {CredentialClass[name.upper()]: groups for name, groups in self.classes.items()}

    def brought(self) -> dict[str, tuple[str, ...]]:
        """Returns by a directory group's folded name which groups it brings."""
        return directory_groups.brought(self.groups, self.directory)

    def site_time(self, now_utc_s: int) -> SiteTime:
        """Returns the site's clock for the coming years, so that gateways need no time zones."""
        epoch = date(1970, 1, 1)
        days = {(day - epoch).days: DayType(kind) for day, kind in self.calendar.items()}
        offsets = _offsets(ZoneInfo(self.time_zone), now_utc_s)
        return SiteTime(zone=self.time_zone, offsets=offsets, day_types=days)


def first_rule_book() -> RuleBook:
    """Returns what a new site begins with: one zone, staff always, visitors in working hours."""
    everyday = SpanRule(days=tuple(range(8)), from_min=0, to_min=1440)
    working = SpanRule(days=(0, 1, 2, 3, 4), from_min=8 * 60, to_min=18 * 60)
    return RuleBook(
        zones=("site",),
        groups=("staff", "visitors"),
        schedules={"always": (everyday,), "working-hours": (working,)},
        grants=(
            GrantLine(group="staff", zone="site", schedule="always"),
            GrantLine(group="visitors", zone="site", schedule="working-hours"),
        ),
        classes={"employee": ("staff",), "visitor": ("visitors",)},
    )


def _defined(what: str, name: str, names: object) -> None:
    if isinstance(names, (tuple, dict)) and name not in names:
        raise ValueError(f"{what} {name!r} is not defined in the rule book")


def _offsets(zone: ZoneInfo, now_utc_s: int) -> tuple[tuple[int, int], ...]:
    """Finds each change of clock: day by day, then by halving to the second."""
    start = now_utc_s - 86_400
    found = [(start, _offset_s(zone, start))]
    for day in range(OFFSETS_AHEAD_DAYS):
        at = start + day * 86_400
        if _offset_s(zone, at + 86_400) != found[-1][1]:
            change = _first_second(zone, at, at + 86_400, found[-1][1])
            found.append((change, _offset_s(zone, change)))
    return tuple(found)


def _first_second(zone: ZoneInfo, low: int, high: int, old_offset_s: int) -> int:
    while high - low > 1:
        middle = (low + high) // 2
        if _offset_s(zone, middle) == old_offset_s:
            low = middle
        else:
            high = middle
    return high


def _offset_s(zone: ZoneInfo, utc_s: int) -> int:
    offset = datetime.fromtimestamp(utc_s, UTC).astimezone(zone).utcoffset() or timedelta()
    return int(offset.total_seconds())
