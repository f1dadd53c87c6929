"""Which records are wanted, and how the database finds them without reading the others.

Every search is a walk along one index, newest first, that stops when a page is full. Which index is
decided here, by rules and not by statistics: SQLite has none unless somebody collects them, and
guesses of PostgreSQL about rare reasons at busy portals cost seconds.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import sqlalchemy as sa

from doorward.errors import BadIdError
from doorward.ids import parse_credential_id
from doorward.records import Outcome, RecordKind
from doorward_controller.domain.permissions import Zones
from doorward_controller.errors import InvalidError, TooSlowError
from doorward_controller.store import places
from doorward_controller.store.schema import (
    REFUSED,
    SELDOM_KIND,
    SELDOM_REASON,
    gateways,
    records,
)
from doorward_controller.store.session import Store
from doorward_controller.store.sum_tables import record_facets
from doorward_controller.store.time_limits import limited

SEARCH_S = 5.0
"""A page that takes longer is not waited for; at ten million records none should take a second."""

MAX_CREDENTIALS = 200
"""Of one search: a person has a few, a family of the same name some more."""

OUTCOMES: Mapping[int, str] = {int(Outcome.DENY): "deny", int(Outcome.GRANT): "grant"}
KINDS: Mapping[int, str] = {int(kind): kind.name.lower() for kind in RecordKind}
_OUTCOME_NUMBERS = {name: number for number, name in OUTCOMES.items()}
_KIND_NUMBERS = {name: number for number, name in KINDS.items()}
_COMMON_REASONS = frozenset({"granted", "entered"})
_COMMON_KINDS = frozenset({"scan", "passage"})


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordFilter:
    """Which records; None means any.

    Attributes:
        credential_ids: of any of these; empty means nobody's. A person's search becomes this.
        kinds: any of these; empty means any.
        from_utc_ms, to_utc_ms: by the gateway's time; from is included, to is not.
        portals: at any of these, all that the reader may see; `limited_to` says which.
    """

    gateway: str | None = None
    portal: str | None = None
    credential_id: str | None = None
    credential_ids: tuple[str, ...] | None = None
    outcome: str | None = None
    reason: str | None = None
    kind: str | None = None
    kinds: tuple[str, ...] = ()
    from_utc_ms: int | None = None
    to_utc_ms: int | None = None
    portals: tuple[str, ...] | None = None

    @property
    def credentials(self) -> tuple[bytes, ...] | None:
        """The credentials of both fields, None for anybody's. Raises InvalidError."""
        if self.credential_id is None and self.credential_ids is None:
            return None
        both = self.credential_ids
        if self.credential_id is not None:
            single = (self.credential_id,)
            both = single if both is None else tuple(each for each in both if each in single)
        if both is None or len(both) > MAX_CREDENTIALS:
            raise InvalidError(
                f"{len(both or ())} badges at once, at most {MAX_CREDENTIALS}; narrow it down",
                code="too_many_badges",
            )
        return tuple(_credential(each) for each in both)

    @property
    def index(self) -> str:
        """The index along which the search walks: the one that leaves the fewest rows over."""
        kinds = {self.kind} if self.kind is not None else set(self.kinds)
        if self.reason is not None and self.reason not in _COMMON_REASONS:
            return "ix_records_reason_at"
        if self.portal is not None:
            return "ix_records_portal_at"
        if kinds and not kinds & _COMMON_KINDS:
            return "ix_records_seldom_at"
        if self.outcome == "deny":
            return "ix_records_refused_at"
        return "ix_records_at" if self.gateway is None else "ix_records_gateway_at"


MAX_WALKS = 40
"""Portals that are walked one by one; more of them are a good part of what the site has."""

_ALONG_ALL = frozenset({"ix_records_at", "ix_records_gateway_at"})
"""Indexes that say nothing of the portal first."""


def limited_to(store: Store, wanted: RecordFilter, zones: Zones) -> RecordFilter:
    """Returns the search within what somebody may see: at portals of these zones.

    Records without a portal, a gateway's own, are for those alone who are limited to nothing.
    """
    if zones is None:
        return wanted
    with store.read() as connection:
        return replace(wanted, portals=places.portal_names(connection, zones))


Found = Sequence[sa.Row[tuple[int, int]]]
"""Times and numbers of records, the newest first."""


@contextmanager
def searching(store: Store, at_most_s: float = SEARCH_S) -> Iterator[sa.Connection]:
    """Reads for a search, and not for ever. Raises InvalidError that says how to narrow it."""
    try:
        with store.read() as connection, limited(connection, at_most_s):
            yield connection
    except TooSlowError as err:
        raise InvalidError(
            f"the search took longer than {at_most_s:g} s and was stopped; choose a shorter time,"
            " one portal, one reason or one person",
            code="search_too_wide",
        ) from err


def find(
    connection: sa.Connection,
    wanted: "RecordFilter",
    size: int,
    behind: sa.ColumnElement[bool] | None = None,
) -> Found:
    """Returns (time, id) of the newest records that fit. Raises InvalidError."""
    gateway_id = gateway_number(connection, wanted)
    statement = newest_ids(wanted, gateway_id, size, behind)
    if connection.scalar(_ever(wanted, gateway_id)) is None:
        return ()
    return connection.execute(statement).all()


def _ever(wanted: "RecordFilter", gateway_id: int | None) -> sa.Select[int]:
    """Asks whether there ever was a record at any time, of anybody, that says what is wanted."""
    table = record_facets.c
    asked: list[sa.ColumnElement[bool]] = []
    for column, value in (
        (table.gateway_id, gateway_id),
        (table.portal, wanted.portal),
        (table.reason, wanted.reason),
        (table.kind, wanted.kind and _number(_KIND_NUMBERS, wanted.kind, "kind")),
    ):
        if value is not None:
            asked.append(column == value)
    if wanted.kinds:
        asked.append(table.kind.in_([_KIND_NUMBERS[kind] for kind in wanted.kinds]))
    if wanted.outcome is not None:
        asked.append(table.outcome == _OUTCOME_NUMBERS[wanted.outcome])
    return sa.select(sa.literal(1)).select_from(record_facets).where(*asked).limit(1)


def conditions(
    wanted: RecordFilter, gateway_id: int | None
) -> list[sa.ColumnElement[bool] | sa.TextClause]:
    """Returns what a record has to be, apart from whose. Raises InvalidError.

    Args:
        wanted: the search.
        gateway_id: of the gateway in it, where one is in it.
    """
    table = records.c
    found: list[sa.ColumnElement[bool] | sa.TextClause] = []
    if gateway_id is not None:
        found.append(table.gateway_id == gateway_id)
    if wanted.portal is not None:
        found.append(table.portal == wanted.portal)
    if wanted.portals is not None:
        found.append(table.portal.in_(wanted.portals))
    if wanted.reason is not None:
        found.append(table.reason == wanted.reason)
    if wanted.outcome is not None:
        found.append(table.outcome == _number(_OUTCOME_NUMBERS, wanted.outcome, "outcome"))
    if wanted.kind is not None:
        found.append(table.kind == _number(_KIND_NUMBERS, wanted.kind, "kind"))
    if wanted.kinds:
        numbers = [_number(_KIND_NUMBERS, kind, "kind") for kind in wanted.kinds]
        found.append(table.kind.in_(numbers))
    if wanted.from_utc_ms is not None:
        found.append(table.at_utc_ms >= wanted.from_utc_ms)
    if wanted.to_utc_ms is not None:
        found.append(table.at_utc_ms < wanted.to_utc_ms)
    return found


_PARTIAL = {
    "ix_records_reason_at": SELDOM_REASON,
    "ix_records_refused_at": REFUSED,
    "ix_records_seldom_at": SELDOM_KIND,
}
"""A partial index serves only a statement that says its condition, word by word."""


def newest_ids(
    wanted: RecordFilter,
    gateway_id: int | None,
    size: int,
    behind: sa.ColumnElement[bool] | None = None,
) -> sa.Select[tuple[int, int]]:
    """Returns a statement for (time, id) of the newest records that fit. Raises InvalidError."""
    asked = conditions(wanted, gateway_id)
    if behind is not None:
        asked.append(behind)
    whose = wanted.credentials
    if whose is None:
        if wanted.portals is not None and wanted.index in _ALONG_ALL:
            return _portal_by_portal(wanted.portals, wanted.index, asked, size)
        if (only := _PARTIAL.get(wanted.index)) is not None:
            asked.append(only)
        return _walk(wanted.index, asked, size)
    if not whose:
        return _walk("ix_records_at", [sa.false()], size)
    # A walk for each credential, merged: a person's newest, without sorting all that there is.
    return _merged(
        [
            _walk("ix_records_credential_at", [records.c.credential_id == one, *asked], size)
            for one in dict.fromkeys(whose)
        ],
        size,
    )


def _portal_by_portal(
    names: Sequence[str],
    otherwise: str,
    asked: list[sa.ColumnElement[bool] | sa.TextClause],
    size: int,
) -> sa.Select[tuple[int, int]]:
    """Walks the portals of few zones one by one: among all of a site's theirs may be far apart."""
    if not names:
        return _walk("ix_records_at", [sa.false()], size)
    if len(names) > MAX_WALKS:
        return _walk(otherwise, asked, size)
    at_each = [records.c.portal == name for name in names]
    return _merged([_walk("ix_records_portal_at", [one, *asked], size) for one in at_each], size)


def _merged(each: Sequence[sa.Select[tuple[int, int]]], size: int) -> sa.Select[tuple[int, int]]:
    parts = [sa.select(part.subquery()) for part in each]
    merged = sa.union_all(*parts).subquery()
    columns = merged.c.at_utc_ms, merged.c.id
    return sa.select(*columns).order_by(*(column.desc() for column in columns)).limit(size)


def _walk(
    index: str, asked: list[sa.ColumnElement[bool] | sa.TextClause], size: int
) -> sa.Select[tuple[int, int]]:
    table = records.c
    ordered = sa.select(table.at_utc_ms, table.id).where(*asked)
    return (
        ordered.order_by(table.at_utc_ms.desc(), table.id.desc())
        .limit(size)
        .with_hint(records, f"INDEXED BY {index}", "sqlite")
    )


def gateway_number(connection: sa.Connection, wanted: RecordFilter) -> int | None:
    """Returns the number of the gateway in the search, 0 for an unknown one, None without one."""
    if wanted.gateway is None:
        return None
    statement = sa.select(gateways.c.id).where(gateways.c.name == wanted.gateway)
    return connection.scalar(statement) or 0


def _credential(text: str) -> bytes:
    try:
        return parse_credential_id(text)
    except BadIdError as err:
        raise InvalidError(str(err), code="bad_credential_id") from err


def _number(known: Mapping[str, int], name: str, what: str) -> int:
    if name not in known:
        raise InvalidError(f"{what} is {name[:40]!r}, must be one of {', '.join(known)}")
    return known[name]
