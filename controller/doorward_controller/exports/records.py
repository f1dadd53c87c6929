"""A search of records as a file: who took what, what for, and how much of it is in the audit log.

Names and what guards wrote stand in it only for those who may read them; for others these columns
say that they are hidden. What is read of people is an audit entry for each few hundred of them.
"""

import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from zoneinfo import ZoneInfo

from doorward_controller.domain.permissions import Action, Actor, Extent, allows
from doorward_controller.errors import InvalidError
from doorward_controller.exports import spreadsheets
from doorward_controller.exports.spreadsheets import Cell
from doorward_controller.queries import credentials, record_walk
from doorward_controller.queries.record_feed import RecordFilter
from doorward_controller.queries.record_filter import limited_to
from doorward_controller.queries.record_walk import Walked
from doorward_controller.services import export_log, holders
from doorward_controller.services.backend import Backend
from doorward_controller.services.export_log import MAX_PURPOSE, MIN_PURPOSE

MAX_XLSX_ROWS = 200_000
"""A workbook has to be whole before its first byte; this many take about half a minute."""

MAX_NAMES_HELD = 50_000
HIDDEN = "(hidden)"


class ExportForm(StrEnum):
    """As what it is handed out."""

    CSV = "csv"
    XLSX = "xlsx"


HEADER = (
    "time", "gateway", "portal", "kind", "outcome", "reason", "badge", "holder", "form", "rule",
    "basis", "policy_version", "network", "reader", "detail", "staff", "cause", "written_who",
    "written_note", "received", "journal", "record",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportRequest:
    """What is wanted.

    Attributes:
        said: the search in the words of the address, for the audit log; nothing personal.
        purpose: what for: the number of the application, or a sentence.
    """

    wanted: RecordFilter
    said: Mapping[str, str]
    form: str
    purpose: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """A file on its way out."""

    name: str
    media_type: str
    chunks: Iterator[bytes]

    @property
    def headers(self) -> dict[str, str]:
        """What the answer says of it."""
        return {
            "Content-Disposition": f'attachment; filename="{self.name}"',
            "Cache-Control": "no-store",
        }


def export(backend: Backend, actor: Actor, asked: ExportRequest, zone: ZoneInfo) -> Exported:
    """Begins an export; everything that can be refused is refused here.

    Raises ForbiddenError, or InvalidError for a search, a form or a purpose that is none.
    """
    number = secrets.token_hex(4)
    asked = replace(asked, wanted=limited_to(backend.store, asked.wanted, actor.zones))
    with export_log.begin(backend, actor, number) as detail:
        detail.update(asked.said)
        form = _form(asked.form)
        detail.update(as_form=form.value, purpose=export_log.check_purpose(asked.purpose))
        if form is ExportForm.XLSX:
            _check_size(backend, asked.wanted)
        asked.wanted.credentials  # noqa: B018  # raises what a search of badges can raise
        detail["names"] = _shows_names(actor)
    rows = _rows(backend, actor, asked.wanted, zone, number)
    name = f"records-{number}.{form.value}"
    if form is ExportForm.CSV:
        chunks = spreadsheets.csv_chunks(HEADER, rows)
        return Exported(name=name, media_type=spreadsheets.CSV_TYPE, chunks=chunks)
    chunks = spreadsheets.xlsx_chunks("records", HEADER, rows)
    return Exported(name=name, media_type=spreadsheets.XLSX_TYPE, chunks=chunks)


def _form(text: str) -> ExportForm:
    try:
        return ExportForm(text)
    except ValueError:
        raise InvalidError(f"the form is {text[:20]!r}, must be csv or xlsx") from None


def _check_size(backend: Backend, wanted: RecordFilter) -> None:
    if record_walk.count_up_to(backend.store, wanted, MAX_XLSX_ROWS) > MAX_XLSX_ROWS:
        raise InvalidError(
            f"more than {MAX_XLSX_ROWS} records fit: take CSV, or narrow the search",
            code="too_many_rows",
        )


@dataclass(slots=True, kw_only=True)
class _Names:
    """Names of a file in the making; each person is looked up, and noted, once."""

    backend: Backend
    actor: Actor
    held: dict[str, str] = field(default_factory=dict)

    def look_up(self, page: tuple[Walked, ...]) -> None:
        badges = {row.credential_id for row, _ in page if row.credential_id}
        if len(self.held) > MAX_NAMES_HELD:
            self.held.clear()
        unknown = sorted(badges - self.held.keys())
        if not unknown:
            return
        holder_of = credentials.holders_of(self.backend.store, unknown)
        people = sorted(set(holder_of.values()))
        names: dict[str, str] = {}
        for first in range(0, len(people), holders.MAX_READ):
            some = people[first : first + holders.MAX_READ]
            look = holders.note_look(self.backend, self.actor, some, Extent.SOMEWHERE)
            names |= {id_: fields.name for id_, fields in look.read(some).items() if fields}
        self.held |= {badge: names.get(holder_of.get(badge, ""), "") for badge in unknown}


def _rows(
    backend: Backend, actor: Actor, wanted: RecordFilter, zone: ZoneInfo, number: str
) -> Iterator[tuple[Cell, ...]]:
    shows_names = _shows_names(actor)
    names = _Names(backend=backend, actor=actor)
    written, is_whole = 0, False
    try:
        for page in record_walk.walk(backend.store, wanted):
            if shows_names:
                names.look_up(page)
                export_log.note_by_hand(backend, actor, number, _by_hand(page))
            for walked in page:
                written += 1
                yield _cells(walked, names.held if shows_names else None, zone)
        is_whole = True
    finally:
        export_log.end(backend, actor, number, rows=written, is_whole=is_whole)


def _shows_names(actor: Actor) -> bool:
    """As beside the same rows on a page: `limited_to` left those alone of the actor's zones."""
    return allows(actor, Action.READ_PERSONAL, Extent.SOMEWHERE)


def _by_hand(page: tuple[Walked, ...]) -> list[int]:
    return [row.id for row, record in page if record.subject or record.note]


def _cells(walked: Walked, names: Mapping[str, str] | None, zone: ZoneInfo) -> tuple[Cell, ...]:
    row, record = walked
    is_shown = names is not None
    name = "" if not row.credential_id else names.get(row.credential_id, "") if names else ""
    hidden_name = HIDDEN if row.credential_id and not is_shown else name
    return (
        spreadsheets.local_time(row.at_utc_ms, zone), row.gateway, row.portal, row.kind,
        row.outcome, row.reason, row.credential_id, hidden_name, row.form, row.rule, row.basis,
        row.policy_version, "up" if row.online else "down", row.reader, row.detail, row.actor,
        row.cause,
        record.subject if is_shown or not record.subject else HIDDEN,
        record.note if is_shown or not record.note else HIDDEN,
        spreadsheets.local_time(row.received_at_utc_ms, zone),
        f"{row.gateway}/{row.epoch}/{row.seq}", row.id,
    )  # fmt: skip


__all__ = ["MAX_PURPOSE", "MIN_PURPOSE", "ExportForm", "ExportRequest", "Exported", "export"]
