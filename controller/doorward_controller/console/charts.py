"""Charts of a span of time: scans per hour, per portal, refusals by reason; each a table too."""

from dataclasses import asdict, dataclass
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import JSONResponse, Response

from doorward_controller.console.i18n import mark
from doorward_controller.console.spans import to_field, to_utc_ms
from doorward_controller.console.visit import SignedIn, Visit, query_of
from doorward_controller.domain.permissions import Action
from doorward_controller.queries import record_summary
from doorward_controller.queries.record_summary import DAY_MS, Span, Summary

router = APIRouter()

PRESETS = {"1": mark("Today"), "7": mark("7 days"), "30": mark("30 days"), "90": mark("90 days")}
"""Days that end with today."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartSearch:
    """The span that the reader chose: so many days until now, or from and until."""

    days: str = ""
    begin: str = ""
    end: str = ""

    @property
    def query(self) -> str:
        """The choice as a query string."""
        return query_of(asdict(self))

    def span(self, visit: Visit) -> Span:
        """Returns the span. Raises InvalidError for a time that is none."""
        begin, end = (to_utc_ms(text, visit.reader.zone) for text in (self.begin, self.end))
        now_ms = visit.reader.now_ms
        days = int(self.days) if self.days in PRESETS else 1
        until = now_ms + 1 if end is None else end
        if begin is None and end is not None:
            return Span(from_utc_ms=max(0, end - days * DAY_MS), to_utc_ms=end)
        start = visit.reader.start_of_day_ms - (days - 1) * DAY_MS if begin is None else begin
        return Span(from_utc_ms=start, to_utc_ms=until)


def search_of(days: str = "", begin: str = "", end: str = "") -> ChartSearch:
    """Reads the choice from the address."""
    if begin or end:
        return ChartSearch(begin=begin[:32], end=end[:32])
    return ChartSearch(days=days if days in PRESETS else "1")


Search = Annotated[ChartSearch, Depends(search_of)]


@router.get("/charts")
def charts_page(visit: SignedIn, search: Search) -> Response:
    """Shows the three counts of a span."""
    visit.require_somewhere(Action.READ_RECORDS)
    counted = _summary(visit, search)
    zone = visit.reader.zone
    return visit.page(
        "charts.html",
        search=search,
        presets=PRESETS,
        summary=counted,
        is_daily=counted.bucket_ms == DAY_MS,
        begin=to_field(counted.span.from_utc_ms, zone),
        end=to_field(counted.span.to_utc_ms, zone),
    )


@router.get("/charts/times.json")
def times(visit: SignedIn, search: Search) -> Response:
    """Scans in each hour or day of the span: parallel lists, as the chart wants them."""
    visit.require_somewhere(Action.READ_RECORDS)
    counted = _summary(visit, search)
    known = {each.at_utc_ms: each for each in counted.times}
    starts = record_summary.begins(counted.span, visit.reader.zone)
    return JSONResponse(
        {
            "at_s": [at // 1000 for at in starts],
            "granted": [known[at].granted if at in known else 0 for at in starts],
            "refused": [known[at].refused if at in known else 0 for at in starts],
        },
        headers={"Cache-Control": "no-store"},
    )


def _summary(visit: Visit, search: ChartSearch) -> Summary:
    span = search.span(visit)
    return record_summary.summary(visit.backend.store, span, visit.reader.zone, visit.zones)
