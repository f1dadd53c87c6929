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
    with visit.backend.feed.subscribe(last_seen) as subscription:
        yield "retry: 2000\n\n: open\n\n"
        while not await visit.request.is_disconnected():
            events = await run_sync(_gather, subscription, limiter=_waiting)
            yield await run_sync(_messages, visit, search, events)


def _gather(subscription: Subscription) -> Sequence[FeedEvent]:
    """Waits for an event and takes what comes with it; empty when nothing came."""
    event = subscription.next(_HEARTBEAT_S)
    events = []
    while event is not None:
        events.append(event)
        event = subscription.next(_GATHER_S) if len(events) < PAGE_ROWS else None
    return events


def _messages(visit: Visit, search: ScanSearch | None, events: Sequence[FeedEvent]) -> str:
    """Returns the events as the page wants them: rows as HTML, the rest as hints to ask again."""
    if not events:
        return ": still here\n\n"
    kinds = {event.kind for event in events}
    last_id = events[-1].id
    messages = [_message(kind.value, last_id, "") for kind in sorted(kinds)]
    if search is not None and EventKind.SCAN in kinds:
        html = _rows(visit, search, {event.data.get("id") for event in events})
        if html:
            messages.append(_message("rows", last_id, html))
    return "".join(messages)


def _rows(visit: Visit, search: ScanSearch, ids: set[object]) -> str:
    """Returns the announced scans that the search lets through, newest first, as table rows."""
    page = record_feed.page(visit.backend.store, search.to_filter(), cursor=None, limit=PAGE_ROWS)
    fresh = [row for row in page.items if row.id in ids]
    now_ms = visit.backend.clock.now().utc_ms
    now = replace(visit, reader=replace(visit.reader, now_ms=now_ms))
    names = names_of(visit, (row.credential_id for row in fresh))
    return now.text("parts/scan_rows.html", rows=fresh, names=names, is_new=True) if fresh else ""


def _message(event: str, event_id: str, data: str) -> str:
    lines = "".join(f"data: {line}\n" for line in data.splitlines() or [""])
    return f"event: {event}\nid: {event_id}\n{lines}\n"
