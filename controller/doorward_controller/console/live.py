"""One stream of server-sent events for each open page: new rows, and hints that a part changed.

Events that come close together leave together, so that a storm of scans costs a browser at most
two messages a second; a page shows the newest rows and never needs the ones between.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from fastapi import APIRouter
from fastapi.responses import Response, StreamingResponse

from doorward_controller.console.names import names_of
from doorward_controller.console.scans import PAGE_ROWS, ScanSearch, Search
from doorward_controller.console.visit import SignedIn, Visit
from doorward_controller.domain.permissions import Action
from doorward_controller.queries import record_feed
from doorward_controller.services.feed import EventKind, FeedEvent, Subscription

router = APIRouter()

_GATHER_S = 0.3
"""How long events are gathered before they leave; not felt by a reader, bounds the work."""
_HEARTBEAT_S = 10.0
"""A silent stream says something this often, so that proxies and browsers keep it open."""
_MAX_STREAMS = 200
"""Each open page occupies a waiting thread; more pages than this wait for their turn."""
_waiting = CapacityLimiter(_MAX_STREAMS)


@router.get("/live")
def live(visit: SignedIn, search: Search, *, rows: bool = False) -> Response:
    """Streams what happens until the page is closed."""
    wants_rows = rows and visit.may(Action.READ_RECORDS)
    return StreamingResponse(
        _stream(visit, search if wants_rows else None),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def _stream(visit: Visit, search: ScanSearch | None) -> AsyncIterator[str]:
    last_seen = visit.request.headers.get("last-event-id")
    store = visit.backend.store
    newest_id = await run_sync(record_feed.newest_id, store) if search is not None else 0
    with visit.backend.feed.subscribe(last_seen) as subscription:
        yield "retry: 2000\n\n: open\n\n"
        while not await visit.request.is_disconnected():
            events = await run_sync(_gather, subscription, limiter=_waiting)
            yield _hints(events)
            if search is not None and any(event.kind is EventKind.SCAN for event in events):
                rows = await run_sync(_new_rows, visit, search, newest_id)
                newest_id = max((newest_id, *(row.id for row in rows)))
                if rows:
                    html = await run_sync(_row_html, visit, rows)
                    yield _message("rows", events[-1].id, html)


def _gather(subscription: Subscription) -> Sequence[FeedEvent]:
    """Waits for an event and takes what comes with it; empty when nothing came."""
    event = subscription.next(_HEARTBEAT_S)
    events = []
    while event is not None:
        events.append(event)
        event = subscription.next(_GATHER_S) if len(events) < PAGE_ROWS else None
    return events


def _hints(events: Sequence[FeedEvent]) -> str:
    """Returns one message for each kind that came: "ask again"."""
    if not events:
        return ": still here\n\n"
    kinds = sorted({event.kind for event in events})
    return "".join(_message(kind.value, events[-1].id, "") for kind in kinds)


def _new_rows(
    visit: Visit, search: ScanSearch, newest_id: int
) -> Sequence[record_feed.RecordRow]:
    """Returns what was stored since and fits the search, the last stored first."""
    store = visit.backend.store
    return record_feed.stored_after(store, search.to_filter(), newest_id, limit=PAGE_ROWS)


def _row_html(visit: Visit, rows: Sequence[record_feed.RecordRow]) -> str:
    now_ms = visit.backend.clock.now().utc_ms
    now = replace(visit, reader=replace(visit.reader, now_ms=now_ms))
    names = names_of(visit, (row.credential_id for row in rows))
    return now.text("parts/scan_rows.html", rows=rows, names=names, is_new=True)


def _message(event: str, event_id: str, data: str) -> str:
    lines = "".join(f"data: {line}\n" for line in data.splitlines() or [""])
    return f"event: {event}\nid: {event_id}\n{lines}\n"
