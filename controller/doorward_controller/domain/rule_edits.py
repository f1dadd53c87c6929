"""Single changes of a rule book: what each replaces, and the book that it makes (pure).

A change knows the part of the book that its author looked at. So two people may change different
parts at the same time, and nobody overwrites what they have not seen.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Any

from doorward.schedule import DayType
from doorward_controller.domain.rule_book import (
    GrantLine,
    GroupOptions,
    PortalOptions,
    RuleBook,
    SpanRule,
    ZoneOptions,
)

MAX_DAYS_AT_ONCE = 62
"""So many days of a calendar are entered with one form."""


class Named(StrEnum):
    """What a rule book has a list of names of; the value is the list's."""

    GROUP = "groups"
    ZONE = "zones"
    QUALIFICATION = "qualifications"
    SCHEDULE = "schedules"


class InUseError(ValueError):
    """A name cannot go while something refers to it."""


class TakenError(ValueError):
    """What is to be new is there already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """One change.

    Attributes:
        about: what is changed, for the audit log.
        part: what of a book the change replaces: where it is another one than the author saw,
            somebody was faster.
        made: the book that follows from one. Raises ValueError.
    """

    about: str
    part: Callable[[RuleBook], object]
    made: Callable[[RuleBook], RuleBook]


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """Something that refers to a name; `of` is what kind of thing, `name` which one."""

    of: str
    name: str


def put_grant(line: GrantLine, was: GrantLine | None = None) -> Edit:
    """Adds a line, or puts it in the place of another."""

    def made(book: RuleBook) -> RuleBook:
        lines = list(book.grants)
        if was is None:
            lines.append(line)
        else:
            lines[lines.index(was)] = line
        if line != was and line in book.grants:
            raise TakenError("this rule is there already")
        return changed(book, grants=lines)

    about = f"grant {line.group} {line.zone} {line.schedule}"
    return Edit(about=about, part=lambda book: was is None or was in book.grants, made=made)


def remove_grant(was: GrantLine) -> Edit:
    """Takes a line away."""

    def made(book: RuleBook) -> RuleBook:
        lines = list(book.grants)
        lines.remove(was)
        return changed(book, grants=lines)

    about = f"grant {was.group} {was.zone} {was.schedule}"
    return Edit(about=about, part=lambda book: was in book.grants, made=made)


def put_portal(name: str, options: PortalOptions | None) -> Edit:
    """Says how a portal behaves; None: as it was enrolled."""
    return Edit(
        about=f"portal {name}",
        part=lambda book: book.portals.get(name),
        made=lambda book: changed(book, portals=_with(book.portals, name, options)),
    )


def put_group(name: str, options: GroupOptions, *, is_new: bool = False) -> Edit:
    """Adds a group or says what belongs to being in it."""
    kept = None if options == GroupOptions() else options
    return Edit(
        about=f"group {name}",
        part=lambda book: (name in book.groups, book.group_rules.get(name)),
        made=lambda book: changed(
            book,
            groups=_named_in(book, Named.GROUP, name, is_new),
            group_rules=_with(book.group_rules, name, kept),
        ),
    )


def put_zone(name: str, options: ZoneOptions, *, is_new: bool = False) -> Edit:
    """Adds a zone or says what belongs to it."""
    kept = None if options == ZoneOptions() else options
    return Edit(
        about=f"zone {name}",
        part=lambda book: (name in book.zones, book.zone_rules.get(name)),
        made=lambda book: changed(
            book,
            zones=_named_in(book, Named.ZONE, name, is_new),
            zone_rules=_with(book.zone_rules, name, kept),
        ),
    )


def add_qualification(name: str) -> Edit:
    """Adds the name of a qualification."""
    return Edit(
        about=f"qualification {name}",
        part=lambda book: name in book.qualifications,
        made=lambda book: changed(
            book, qualifications=_named_in(book, Named.QUALIFICATION, name, is_new=True)
        ),
    )


def put_schedule(name: str, spans: Iterable[SpanRule], *, is_new: bool = False) -> Edit:
    """Adds a schedule or says when it is open."""
    whole = tuple(spans)

    def made(book: RuleBook) -> RuleBook:
        _named_in(book, Named.SCHEDULE, name, is_new)
        return changed(book, schedules=_with(book.schedules, name, whole))

    return Edit(about=f"schedule {name}", part=lambda book: book.schedules.get(name), made=made)


def remove(what: Named, name: str, elsewhere: Iterable[Use] = ()) -> Edit:
    """Takes a name away that nothing refers to; `elsewhere` is what does outside of the book."""
    outside = tuple(elsewhere)

    def made(book: RuleBook) -> RuleBook:
        if used := (*uses_of(book, what, name), *outside):
            by = ", ".join(f"{use.of} {use.name}" for use in used[:5])
            raise InUseError(f"{name} is used by {by}")
        if what is Named.SCHEDULE:
            return changed(book, schedules=_with(book.schedules, name, None))
        names = [each for each in getattr(book, what.value) if each != name]
        rules: dict[str, Any] = {}
        if what is Named.GROUP:
            rules["group_rules"] = _with(book.group_rules, name, None)
            rules["directory"] = _with(book.directory, name, None)
        if what is Named.ZONE:
            rules["zone_rules"] = _with(book.zone_rules, name, None)
        return changed(book, **{what.value: names}, **rules)

    return Edit(
        about=f"{what.name.lower()} {name}",
        part=lambda book: _part_of(book, what, name),
        made=made,
    )


def put_days(first: date, last: date, kind: DayType | None) -> Edit:
    """Says what kind of days these are; None: what their weekday says. Raises ValueError."""
    count = (last - first).days + 1
    if not 1 <= count <= MAX_DAYS_AT_ONCE:
        raise ValueError(f"{count} days, must be 1 to {MAX_DAYS_AT_ONCE}")
    days = [first + timedelta(days=n) for n in range(count)]

    def made(book: RuleBook) -> RuleBook:
        calendar = {day: of for day, of in book.calendar.items() if day not in days}
        if kind is not None:
            calendar |= dict.fromkeys(days, int(kind))
        return changed(book, calendar=dict(sorted(calendar.items())))

    return Edit(
        about=f"calendar {first} {last}",
        part=lambda book: [book.calendar.get(day) for day in days],
        made=made,
    )


def put_site(values: Mapping[str, Any]) -> Edit:
    """Changes what is said of the site as a whole."""
    return Edit(
        about="site",
        part=lambda book: [getattr(book, name) for name in sorted(values)],
        made=lambda book: changed(book, **values),
    )


def put_whole(other: RuleBook) -> Edit:
    """Goes back to another edition, as a whole."""
    return Edit(about="whole book", part=lambda book: book, made=lambda _: other)


def uses_of(book: RuleBook, what: Named, name: str) -> tuple[Use, ...]:
    """Returns everything of the book that refers to a name."""
    return tuple(_uses_of(book, what, name))


def use_counts(book: RuleBook) -> Mapping[Named, Counter[str]]:
    """Returns how often each name is referred to, with one look at the book."""
    found: dict[Named, Counter[str]] = {what: Counter() for what in Named}
    for names in (
        *map(_names_of_grant, book.grants),
        *map(_names_of_portal, book.portals.values()),
    ):
        for what, some in names.items():
            found[what].update(set(some))
    found[Named.ZONE].update(rule.within for rule in book.zone_rules.values() if rule.within)
    for groups in book.classes.values():
        found[Named.GROUP].update(set(groups))
    return found


def changed(book: RuleBook, **values: Any) -> RuleBook:  # noqa: ANN401  # of many kinds
    """Returns the book with other values, checked whole. Raises ValueError."""
    return RuleBook.model_validate(book.model_dump() | _plain(values))


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _dumped(value) for name, value in values.items()}


def _dumped(value: Any) -> Any:  # noqa: ANN401  # any part of a book
    if isinstance(value, Mapping):
        return {key: _dumped(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_dumped(each) for each in value]
    return value.model_dump() if hasattr(value, "model_dump") else value


def _with(values: Mapping[str, Any], name: str, value: object) -> dict[str, Any]:
    if value is None:
        return {key: each for key, each in values.items() if key != name}
    return {**values, name: value}


def _named_in(book: RuleBook, what: Named, name: str, is_new: bool) -> list[str]:  # noqa: FBT001
    names = list(getattr(book, what.value))
    if is_new and name in names:
        raise TakenError(f"there is {name} already")
    return names if name in names else [*names, name]


def _part_of(book: RuleBook, what: Named, name: str) -> object:
    rules: Mapping[Named, Mapping[str, object]] = {
        Named.GROUP: book.group_rules,
        Named.ZONE: book.zone_rules,
        Named.SCHEDULE: book.schedules,
    }
    return name in getattr(book, what.value), rules.get(what, {}).get(name)


def _uses_of(book: RuleBook, what: Named, name: str) -> Iterator[Use]:
    for line in book.grants:
        if name in _names_of_grant(line)[what]:
            yield Use(of="grant", name=f"{line.group} {line.zone} {line.schedule}")
    for portal, options in book.portals.items():
        if name in _names_of_portal(options)[what]:
            yield Use(of="portal", name=portal)
    if what is Named.ZONE:
        within = ((each, rule.within) for each, rule in book.zone_rules.items())
        yield from (Use(of="zone", name=each) for each, outer in within if outer == name)
    if what is Named.GROUP:
        classes = (kind for kind, groups in book.classes.items() if name in groups)
        yield from (Use(of="class", name=kind) for kind in classes)


def _names_of_grant(line: GrantLine) -> Mapping[Named, tuple[str, ...]]:
    return {
        Named.GROUP: (line.group,),
        Named.ZONE: (line.zone,),
        Named.SCHEDULE: (line.schedule,),
        Named.QUALIFICATION: line.qualifications,
    }


def _names_of_portal(options: PortalOptions) -> Mapping[Named, tuple[str, ...]]:
    return {
        Named.GROUP: (*options.escorted, *options.escorts),
        Named.ZONE: tuple(filter(None, (options.beyond,))),
        Named.SCHEDULE: tuple(filter(None, (options.unlock,))),
        Named.QUALIFICATION: options.qualifications,
    }
