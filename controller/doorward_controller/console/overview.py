"""The first page: is everything going as it should, right now?"""

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response

from doorward.reasons import Severity
from doorward_controller.console.fleet_words import LOOKS, condition_of
from doorward_controller.console.gateways import IN_ORDER
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
from doorward_controller.services import alert_handling, disk_room, occupancy
from doorward_controller.store.gateways import GatewayState

router = APIRouter()

SHOWN_GATEWAYS = 10
LARGE_FLEET = 60
"""Of more gateways the page is asked for less often: some gateway always reports just now."""
_CHART_MINUTES = 60
_WORST_FIRST = [
    name
    for tone in ("bad", "warn", "quiet", "info", "good")
    for name, look in LOOKS["condition"].items()
    if look.tone == tone
]
_NEWEST_ROWS = 8
_MINUTE_MS = 60_000


@router.get("/")
def overview_page(visit: SignedIn) -> Response:
    """Shows counts of today, the chart, the gateways, and what is on its way to them."""
    visit.require_somewhere(Action.READ_FLEET)
    context = _context(visit)
    return visit.page("overview.html", context, pause_s=_pause_s(context["total"]))


def _pause_s(gateways: object) -> int:
    return 5 if isinstance(gateways, int) and gateways > LARGE_FLEET else 1


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


def _fleet(visit: Visit) -> dict[str, object]:
    """A small site's gateways all; of a large one those in need, the worst ones, and counts.

    The page is asked for anew each second while people scan: what is not shown is not read.
    """
    store = visit.backend.store
    fleet = fleet_states.fleet(store, visit.reader.now_ms, visit.zones)
    names = fleet_board.names(store, visit.zones)
    stands = {each.gateway: condition_of(fleet.of(each.gateway)) for each in names}
    in_need = sorted(
        (each for each, stand in stands.items() if stand not in IN_ORDER),
        key=lambda each: (_WORST_FIRST.index(stands[each]), each),
    )
    shown = list(stands) if len(stands) <= SHOWN_GATEWAYS else in_need[:SHOWN_GATEWAYS]
    rows = {row.gateway: row for row in fleet_board.some(store, shown)}
    return {
        "fleet": fleet,
        "shown": [rows[each] for each in shown if each in rows],
        "total": len(names),
        "active": sum(each.state is not GatewayState.REVOKED for each in names),
        "on_time": sum(stand == "on_time" for stand in stands.values()),
        "in_need": len(in_need),
    }


def _context(visit: Visit) -> dict[str, object]:
    store = visit.backend.store
    sees = visit.may(alert_handling.SEES_DISCREET)
    open_alerts = alerts.open_by_severity(store, with_discreet=sees, zones=visit.zones)
    context: dict[str, object] = {
        **_fleet(visit),
        "alerts": sum(open_alerts.values()),
        "alarms": open_alerts.get(Severity.ALARM, 0),
        "unfinished": propagation.unfinished(store, visit.zones),
        "rows": (),
        "names": {},
        "counts": None,
        "reasons": (),
        "zones": (),
        "tight": [each for each in disk_room.rooms(visit.backend.config) if each.level()],
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
