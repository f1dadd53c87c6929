"""One stream of server-sent events for each open page: new rows, and hints that a part changed.

Events that come close together leave together, so that a storm of scans costs a browser at most a
few messages a second; a page shows the newest rows and never needs the ones between.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from typing import Annotated

from anyio.to_thread import run_sync
from fastapi import APIRouter, Depends, Query
from fastapi.responses import Response, StreamingResponse
from starlette.requests import Request

from doorward_controller.console.names import names_of
from doorward_controller.console.scans import PAGE_ROWS, ScanSearch, Search
from doorward_controller.console.visit import SignedIn, Visit
from doorward_controller.domain.permissions import Action
from doorward_controller.queries import record_feed
from doorward_controller.services import sign_in
from doorward_controller.services.feed import EventKind, FeedEvent, Subscription
from doorward_controller.services.sight import Sight

router = APIRouter()

_GATHER_S = 0.25
"""How long events are gathered before they leave; not felt by a reader, bounds the work."""
_HEARTBEAT_S = 15.0
"""A silent stream says something this often, and looks whether the session still stands."""
_RECONNECT_MS = 2000

_NEEDED = {
    EventKind.SCAN: Action.READ_RECORDS,
    EventKind.QUARANTINE: Action.READ_QUARANTINE,
}
"""What a hint's kind tells even without data; the others are for everybody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a page stood when it was made: its stream goes on from there, so nothing is missed.

    Attributes:
        since: the feed's position; a browser that comes back says a later one by itself.
        after: the number of the record that was stored last; None for a page without rows.
    """

    since: str | None
    after: int | None


def place_of(
    request: Request, since: str | None = None, after: Annotated[int | None, Query(ge=0)] = None
) -> Place:
    """Reads the place from the address and from what the browser saw last."""
    return Place(since=request.headers.get("last-event-id", since), after=after)


@router.get("/live")
async def live(
    visit: SignedIn, search: Search, place: Annotated[Place, Depends(place_of)]
) -> Response:
    """Streams what happens until the page is closed or the session ends."""
    wants_rows = place.after is not None and visit.may(Action.READ_RECORDS)
    return StreamingResponse(
        _stream(visit, search if wants_rows else None, place),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def _stream(visit: Visit, search: ScanSearch | None, place: Place) -> AsyncIterator[str]:
    loop, woken = asyncio.get_running_loop(), asyncio.Event()
    newest_id = place.after or 0

    def wake() -> None:
        loop.call_soon_threadsafe(woken.set)

    sight, look_again_s = await run_sync(_sight, visit), loop.time() + _HEARTBEAT_S
    with visit.backend.feed.subscribe(place.since, wake) as subscription:
        yield f"retry: {_RECONNECT_MS}\n\n: open\n\n"
        while not subscription.is_closed:
            events = await _gather(subscription, woken)
            if not events or loop.time() >= look_again_s:
                if not await run_sync(_still_signed_in, visit):
                    return
                sight, look_again_s = await run_sync(_sight, visit), loop.time() + _HEARTBEAT_S
            events = [event for event in events if _is_hint(event) or sight.shows(event)]
            yield _hints(visit, events)
            if search is not None and _may_hold_scans(events):
                rows = await run_sync(_new_rows, visit, search, newest_id)
                if rows:
                    newest_id = max(row.id for row in rows)
                    html = await run_sync(_row_html, visit, rows)
                    yield _message("rows", events[-1].id, html)


async def _gather(subscription: Subscription, woken: asyncio.Event) -> Sequence[FeedEvent]:
    """Waits for an event and takes what comes with it; empty when nothing came."""
    events = _take(subscription, woken)
    if not events:
        try:
            await asyncio.wait_for(woken.wait(), _HEARTBEAT_S)
        except TimeoutError:
            return ()
        await asyncio.sleep(_GATHER_S)
        events = _take(subscription, woken)
    return events


def _take(subscription: Subscription, woken: asyncio.Event) -> list[FeedEvent]:
    """Empties the queue."""
    woken.clear()
    events = []
    while (event := subscription.next(0)) is not None:
        events.append(event)
    return events


def _still_signed_in(visit: Visit) -> bool:
    token = visit.request.cookies.get(sign_in.COOKIE, "")
    session = sign_in.resume(visit.backend, token)
    return session is not None and session.actor == visit.actor


def _sight(visit: Visit) -> Sight:
    return Sight.of(visit.backend.store, visit.zones)


def _is_hint(event: FeedEvent) -> bool:
    """What leaves here without data, and says no more than that policy is on its way."""
    return event.kind is EventKind.PROPAGATION


def _may_hold_scans(events: Sequence[FeedEvent]) -> bool:
    """A storm of scans is told as one `reset`."""
    return any(event.kind in {EventKind.SCAN, EventKind.RESET} for event in events)


def _hints(visit: Visit, events: Sequence[FeedEvent]) -> str:
    """Returns one message for each kind that came: "ask again"."""
    kinds = {event.kind for event in events}
    shown = [kind for kind in sorted(kinds) if kind not in _NEEDED or visit.may(_NEEDED[kind])]
    if not shown:
        return ": still here\n\n"
    return "".join(_message(kind.value, events[-1].id, "") for kind in shown)


def _new_rows(visit: Visit, search: ScanSearch, newest_id: int) -> Sequence[record_feed.RecordRow]:
    """Returns what was stored since and fits the search, the last stored first."""
    store = visit.backend.store
    return record_feed.stored_after(store, search.to_filter(visit), newest_id, limit=PAGE_ROWS)


def _row_html(visit: Visit, rows: Sequence[record_feed.RecordRow]) -> str:
    now_ms = visit.backend.clock.now().utc_ms
    now = replace(visit, reader=replace(visit.reader, now_ms=now_ms))
    names = names_of(now, (row.credential_id for row in rows))
    return now.text("parts/scan_rows.html", rows=rows, names=names, is_new=True)


def _message(event: str, event_id: str, data: str) -> str:
    lines = "".join(f"data: {line}\n" for line in data.splitlines() or [""])
    return f"event: {event}\nid: {event_id}\n{lines}\n"
