"""The audit log: every change, every refused attempt, every look at personal data."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import Response, StreamingResponse

from doorward_controller.console.chips import Chip, chips_of
from doorward_controller.console.i18n import mark
from doorward_controller.console.spans import to_utc_ms
from doorward_controller.console.visit import GenuineSignedIn, SignedIn, Visit, query_of
from doorward_controller.console.words import ACTIONS, ACTS
from doorward_controller.domain.permissions import Action
from doorward_controller.exports import audit_log, spreadsheets
from doorward_controller.queries import audit_trail, checkpoints
from doorward_controller.queries.audit_trail import AuditFilter, AuditRow
from doorward_controller.services import audit_check

router = APIRouter()

_PAGE_ROWS = 50
_HEADER = ("number", "time", "who", "did_what", "to_what", "outcome", "detail", "hash")
_REFUSED, _DONE = "refused", "done"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditSearch:
    """What the reader asked to see; an empty text is "any". Times are the site's."""

    who: str = ""
    what: str = ""
    subject: str = ""
    outcome: str = ""
    begin: str = ""
    end: str = ""

    @property
    def query(self) -> str:
        """The search as a query string."""
        return query_of(self.named)

    @property
    def named(self) -> Mapping[str, str]:
        """What is asked for, by the name that it has in the address."""
        return {name: value for name, value in asdict(self).items() if value}

    def to_filter(self, visit: Visit) -> AuditFilter:
        """Returns the same for the store. Raises InvalidError."""
        ends = {_REFUSED: True, _DONE: False}
        return AuditFilter(
            actor=self.who or None,
            action=self.what or None,
            subject=self.subject or None,
            is_refused=ends.get(self.outcome),
            outcome=None if self.outcome in ends else self.outcome or None,
            from_utc_ms=to_utc_ms(self.begin, visit.reader.zone),
            to_utc_ms=to_utc_ms(self.end, visit.reader.zone),
        )

    def chips(self, visit: Visit) -> tuple[Chip, ...]:
        """Returns what is left out, in the reader's words."""
        say = visit.reader.gettext
        ends = {_REFUSED: say(mark("Not done")), _DONE: say(mark("Done"))}
        return chips_of(
            self.named,
            (
                ("who", mark("Who"), self.who),
                ("what", mark("Did what"), say(word_of_act(self.what))),
                ("subject", mark("To what"), self.subject),
                ("outcome", mark("Outcome"), ends.get(self.outcome, self.outcome)),
                ("begin", mark("From"), self.begin.replace("T", " ")),
                ("end", mark("Until"), self.end.replace("T", " ")),
            ),
        )


def search_of(
    who: str = "",
    what: str = "",
    subject: str = "",
    outcome: str = "",
    begin: str = "",
    end: str = "",
) -> AuditSearch:
    """Reads the search from the address."""
    return AuditSearch(
        who=who.strip()[:64],
        what=what[:64],
        subject=subject.strip()[:64],
        outcome=outcome[:32],
        begin=begin[:32],
        end=end[:32],
    )


Search = Annotated[AuditSearch, Depends(search_of)]


def word_of_act(name: str) -> str:
    """Returns an act's name in English words; a permission's where the act has none of its own."""
    return ACTS.get(name) or ACTIONS.get(name) or name


@router.get("/audit")
def audit_page(visit: SignedIn, search: Search, cursor: str | None = None) -> Response:
    """Shows the newest entries first."""
    visit.require(Action.READ_AUDIT)
    return _page(visit, search, cursor=cursor, verified=None)


@router.post("/audit/verify")
def verify_act(visit: GenuineSignedIn) -> Response:
    """Follows the chain of hashes and every checkpoint, and says whether they hold."""
    visit.require(Action.READ_AUDIT)
    backend = visit.backend
    found = audit_check.verify(backend.config, backend.store, backend.keys.audit.public)
    return _page(visit, AuditSearch(), cursor=None, verified=found)


@router.get("/audit/entries.csv")
def entries_csv(visit: SignedIn, search: Search) -> Response:
    """Hands out what fits, oldest first; that it did is an entry."""
    visit.require(Action.READ_AUDIT)
    rows = audit_log.rows(visit.backend, visit.actor, search.to_filter(visit))
    chunks = spreadsheets.csv_chunks(_HEADER, _cells(visit, rows))
    return _file(chunks, spreadsheets.CSV_TYPE, "audit.csv")


@router.get("/audit/entries.jsonl")
def entries_jsonl(visit: SignedIn, search: Search) -> Response:
    """Hands out what fits with all that its hash is made of."""
    visit.require(Action.READ_AUDIT)
    lines = audit_log.lines(visit.backend, visit.actor, search.to_filter(visit))
    return _file(lines, "application/x-ndjson", "audit.jsonl")


def _page(
    visit: Visit,
    search: AuditSearch,
    *,
    cursor: str | None,
    verified: audit_check.Verified | None,
) -> Response:
    store = visit.backend.store
    page = audit_trail.page(store, search.to_filter(visit), cursor=cursor, limit=_PAGE_ROWS)
    return visit.page(
        "audit.html",
        page=page,
        cursor=cursor,
        verified=verified,
        search=search,
        chips=search.chips(visit),
        acts=sorted(
            audit_trail.actions(store), key=lambda name: visit.reader.gettext(word_of_act(name))
        ),
        word_of_act=word_of_act,
        newest_checkpoint=next(iter(checkpoints.page(store, limit=1).items), None),
    )


def _cells(visit: Visit, rows: Iterable[AuditRow]) -> Iterator[tuple[str | int | datetime, ...]]:
    for row in rows:
        detail = "; ".join(f"{name}: {value}" for name, value in sorted(row.detail.items()))
        at = visit.reader.local(row.at_utc_ms)
        yield row.id, at, row.actor, row.action, row.subject, row.outcome, detail, row.hash


def _file(chunks: Iterable[bytes] | Iterable[str], media_type: str, name: str) -> Response:
    headers = {
        "Content-Disposition": f'attachment; filename="{name}"',
        "Cache-Control": "no-store",
    }
    return StreamingResponse(chunks, media_type=media_type, headers=headers)
