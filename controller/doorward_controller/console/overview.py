"""The first page: is everything going as it should, right now?"""

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response

from doorward.reasons import Severity
from doorward_controller.console.names import names_of
from doorward_controller.console.visit import SignedIn, Visit
from doorward_controller.domain.permissions import Action
from doorward_controller.queries import (
    alerts,
    fleet_board,
    fleet_states,
    propagation,
    record_feed,
    record_summary,
)
from doorward_controller.queries.record_filter import limited_to
from doorward_controller.services import alert_handling, occupancy

router = APIRouter()

_CHART_MINUTES = 60
_NEWEST_ROWS = 8
_MINUTE_MS = 60_000


@router.get("/")
def overview_page(visit: SignedIn) -> Response:
    """Shows counts of today, the chart, the gateways, and what is on its way to them."""
    visit.require_somewhere(Action.READ_FLEET)
    return visit.page("overview.html", _context(visit))


@router.get("/overview/part")
def overview_part(visit: SignedIn) -> Response:
    """The changing part of the first page."""
    visit.require_somewhere(Action.READ_FLEET)
    return visit.page("parts/overview.html", _context(visit))


@router.get("/overview/rate.json")
def rate(visit: SignedIn) -> Response:
    """Scans per minute of the last hour: parallel lists, as the chart wants them."""
    visit.require_somewhere(Action.READ_RECORDS)
    first_ms = (visit.reader.now_ms // _MINUTE_MS - _CHART_MINUTES + 1) * _MINUTE_MS
    counted = record_feed.per_minute(visit.backend.store, first_ms, visit.zones)
    known = {minute_ms: (grants, denies) for minute_ms, grants, denies in counted}
    minutes = [first_ms + n * _MINUTE_MS for n in range(_CHART_MINUTES)]
    grants = [known.get(m, (0, 0))[0] for m in minutes]
    denies = [known.get(m, (0, 0))[1] for m in minutes]
    return JSONResponse(
        {"at_s": [m // 1000 for m in minutes], "granted": grants, "refused": denies},
        headers={"Cache-Control": "no-store"},
    )


def _context(visit: Visit) -> dict[str, object]:
    store = visit.backend.store
    sees = visit.may(alert_handling.SEES_DISCREET)
    open_alerts = alerts.open_by_severity(store, with_discreet=sees, zones=visit.zones)
    context: dict[str, object] = {
        "gateways": fleet_board.gateways(store, visit.zones),
        "fleet": fleet_states.fleet(store, visit.reader.now_ms, visit.zones),
        "alerts": sum(open_alerts.values()),
        "alarms": open_alerts.get(Severity.ALARM, 0),
        "unfinished": propagation.unfinished(store, visit.zones),
        "rows": (),
        "names": {},
        "counts": None,
        "reasons": (),
        "zones": (),
    }
    if visit.may(Action.READ_OCCUPANCY):
        counts: occupancy.RecentCounts = visit.request.app.state.occupancy
        context["zones"] = counts.get(visit.backend, visit.actor)
    if visit.may(Action.READ_RECORDS):
        counted = record_summary.since(store, visit.reader.start_of_day_ms, zones=visit.zones)
        narrow = limited_to(store, record_feed.RecordFilter(kind="scan"), visit.zones)
        rows = record_feed.page(store, narrow, cursor=None, limit=_NEWEST_ROWS).items
        context |= {
            "rows": rows,
            "names": names_of(visit, (row.credential_id for row in rows)),
            "counts": counted,
            "reasons": counted.reasons,
        }
    return context
