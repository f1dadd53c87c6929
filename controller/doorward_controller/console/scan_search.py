"""A search of scans: how its address says it, how the store is asked, how chips show it.

The address never holds a name: whoever looks for a person is led to the person's number, so that a
link can be shared, kept in a history and found in a proxy's log.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Annotated

from fastapi import Depends, Form

from doorward_controller.console.chips import Chip, chips_of
from doorward_controller.console.i18n import mark
from doorward_controller.console.names import names_of
from doorward_controller.console.rendering import reason_text
from doorward_controller.console.spans import to_utc_ms
from doorward_controller.console.visit import Visit, query_of
from doorward_controller.domain.permissions import Action
from doorward_controller.queries.record_feed import RecordFilter
from doorward_controller.queries.record_filter import limited_to
from doorward_controller.services import holders, person_search

SHOWN = {
    "": ("scan", "manual"),
    "passages": ("passage",),
    "events": ("event", "clock", "service"),
    "all": (),
}
"""What of the records a search is about, as its address says it."""

_FIELDS = ("name", "contact", "identity")


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanSearch:
    """What the reader asked to see; an empty text is "any". Times are the site's.

    Attributes:
        holder: numbers of people, joined by commas.
        show: one of `SHOWN`.
    """

    outcome: str = ""
    gateway: str = ""
    portal: str = ""
    reason: str = ""
    badge: str = ""
    holder: str = ""
    show: str = ""
    begin: str = ""
    end: str = ""

    @property
    def is_narrow(self) -> bool:
        """Whether anything is left out."""
        return bool(self.named)

    @property
    def named(self) -> Mapping[str, str]:
        """What is asked for, by the name that it has in the address."""
        return {name: value for name, value in asdict(self).items() if value}

    @property
    def query(self) -> str:
        """The search as a query string."""
        return query_of(self.named)

    @property
    def holders(self) -> tuple[str, ...]:
        """The people whose records are wanted; empty means anybody's."""
        return tuple(each for each in self.holder.split(",") if each)

    @property
    def is_of_the_past(self) -> bool:
        """Whether what happens now cannot fit."""
        return bool(self.end)

    def to_filter(self, visit: Visit) -> RecordFilter:
        """Returns the same for the store, within the reader's zones. Raises InvalidError."""
        zone = visit.reader.zone
        badges = person_search.badges_of(visit.backend, self.holders) if self.holder else None
        wanted = RecordFilter(
            gateway=self.gateway or None,
            portal=self.portal or None,
            outcome=self.outcome or None,
            reason=self.reason or None,
            credential_id=self.badge or None,
            credential_ids=badges,
            kinds=SHOWN.get(self.show, SHOWN[""]),
            from_utc_ms=to_utc_ms(self.begin, zone),
            to_utc_ms=to_utc_ms(self.end, zone),
        )
        return limited_to(visit.backend.store, wanted, visit.zones)

    def chips(self, visit: Visit) -> tuple[Chip, ...]:
        """Returns what is left out, in the reader's words."""
        say = visit.reader.gettext
        outcomes = {"grant": say(mark("Granted")), "deny": say(mark("Refused"))}
        return chips_of(
            self.named,
            (
                ("holder", mark("Person"), self._who(visit) if self.holder else ""),
                ("badge", mark("Badge number"), self.badge),
                ("outcome", mark("Outcome"), outcomes.get(self.outcome, self.outcome)),
                ("reason", mark("Reason"), reason_text(self.reason, visit.reader.language)),
                ("gateway", mark("Gateway"), self.gateway),
                ("portal", mark("Portal"), self.portal),
                ("show", mark("Show"), say(WORDS.get(self.show, self.show))),
                ("begin", mark("From"), self.begin.replace("T", " ")),
                ("end", mark("Until"), self.end.replace("T", " ")),
            ),
        )

    def _who(self, visit: Visit) -> str:
        """The person's name for who may read it; the look at it is an audit entry."""
        every = person_search.badges_of(visit.backend, self.holders)
        badges = person_search.seen_badges(visit.backend, every, visit.zones)
        names = sorted(set(names_of(visit, badges[: holders.MAX_READ]).values()))
        return ", ".join(names[:3]) or visit.reader.gettext(mark("Name hidden"))


WORDS: Mapping[str, str] = {
    "": mark("Scans"),
    "passages": mark("Who went through"),
    "events": mark("Events"),
    "all": mark("Everything"),
}


def search_of(
    outcome: str = "",
    gateway: str = "",
    portal: str = "",
    reason: str = "",
    badge: str = "",
    holder: str = "",
    show: str = "",
    begin: str = "",
    end: str = "",
) -> ScanSearch:
    """Reads the search from the address."""
    return ScanSearch(
        outcome=outcome[:8],
        gateway=gateway[:32],
        portal=portal[:64],
        reason=reason[:64],
        badge=_digits(badge),
        holder=holder[:400],
        show=show if show in SHOWN else "",
        begin=begin[:32],
        end=end[:32],
    )


Search = Annotated[ScanSearch, Depends(search_of)]
Field = Annotated[str, Form()]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A form as it was sent; `person` is personal and goes no further than the look-up."""

    search: ScanSearch
    person: str


def asked_of(
    outcome: Field = "",
    gateway: Field = "",
    portal: Field = "",
    reason: Field = "",
    badge: Field = "",
    holder: Field = "",
    show: Field = "",
    begin: Field = "",
    end: Field = "",
    person: Field = "",
) -> Asked:
    """Reads the search from a form."""
    search = search_of(outcome, gateway, portal, reason, badge, holder, show, begin, end)
    return Asked(search=search, person=person.strip()[: holders.MAX_FIELD_CHARACTERS])


AskedForm = Annotated[Asked, Depends(asked_of)]


def find_person(visit: Visit, asked: Asked) -> ScanSearch | None:
    """Returns the search with the person's number in it, None where nobody is found.

    Raises ForbiddenError.
    """
    if not asked.person:
        return asked.search
    found: Sequence[str] = ()
    for field in _FIELDS:
        found = holders.find_holders(visit.backend, visit.actor, **{field: asked.person})
        if found:
            return replace(asked.search, holder=",".join(found[: person_search.MAX_HOLDERS]))
    return None


def note_trace(visit: Visit, search: ScanSearch) -> None:
    """Where one person went is personal, whether a name stands beside it or not."""
    if search.holder or search.badge:
        person_search.note_search(
            visit.backend, visit.actor, holders=search.holders, badge=search.badge
        )


def may_name(visit: Visit) -> bool:
    """Whether the reader may look for people by name: among those whose records they see."""
    return visit.may(Action.READ_PERSONAL)


def _digits(badge: str) -> str:
    """Badge numbers are shown, and so copied, in groups of four."""
    return "".join(badge.split()).lower()[:32]
