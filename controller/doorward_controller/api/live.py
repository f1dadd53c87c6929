"""The live feed as server-sent events, resumable, one bounded queue a reader."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse

from doorward_controller.api.deps import ActorDep, BackendDep, NeedsSomewhere, actor_of
from doorward_controller.domain.permissions import Action, Actor, Extent, allows
from doorward_controller.errors import ActError
from doorward_controller.services.backend import Backend
from doorward_controller.services.feed import EventKind, FeedEvent
from doorward_controller.services.sight import Sight

HEARTBEAT_S = 15.0
"""Proxies close what is silent for longer; as often the reader's right is looked at again."""

RECONNECT_MS = 2000

_NEEDED = {
    EventKind.SCAN: Action.READ_RECORDS,
    EventKind.QUARANTINE: Action.READ_QUARANTINE,
    EventKind.GATEWAY: Action.READ_FLEET,
    EventKind.COMMAND: Action.READ_FLEET,
    EventKind.PROPAGATION: Action.READ_FLEET,
    EventKind.ALERT: Action.READ_FLEET,
    EventKind.POSTURE: Action.READ_FLEET,
    EventKind.PROPOSAL: Action.APPROVE,
    EventKind.RESET: Action.READ_FLEET,
}

router = APIRouter(tags=["live"])


@router.get(
    "/live",
    response_class=StreamingResponse,
    dependencies=[Depends(NeedsSomewhere(Action.READ_FLEET))],
)
async def live(
    request: Request,
    backend: BackendDep,
    actor: ActorDep,
    last_event_id: Annotated[str | None, Header(max_length=64)] = None,
) -> StreamingResponse:
    """Events from now on, or from `Last-Event-ID` on."""

    def is_welcome() -> bool:
        try:
            return actor_of(request, backend) == actor
        except ActError:
            return False

    return StreamingResponse(
        stream(backend, actor, last_event_id, is_welcome),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def stream(
    backend: Backend,
    actor: Actor,
    last_event_id: str | None,
    is_welcome: Callable[[], bool],
    heartbeat_s: float = HEARTBEAT_S,
) -> AsyncIterator[str]:
    """Yields the events that the actor may see as text, until the feed or the right ends."""
    loop, woken = asyncio.get_running_loop(), asyncio.Event()
    sight = await run_in_threadpool(Sight.of, backend.store, actor.zones)
    look_again_s = loop.time() + heartbeat_s

    def wake() -> None:
        loop.call_soon_threadsafe(woken.set)

    with backend.feed.subscribe(last_event_id, wake) as reader:
        yield f"retry: {RECONNECT_MS}\n\n"
        while not reader.is_closed:
            woken.clear()
            if loop.time() >= look_again_s:
                if not await run_in_threadpool(is_welcome):
                    return
                sight = await run_in_threadpool(Sight.of, backend.store, actor.zones)
                look_again_s = loop.time() + heartbeat_s
                yield ": still here\n\n"
            event = reader.next(0)
            if event is None:
                with suppress(TimeoutError):
                    await asyncio.wait_for(woken.wait(), look_again_s - loop.time())
            elif allows(actor, _NEEDED[event.kind], Extent.SOMEWHERE) and sight.shows(event):
                yield to_wire(event)


def to_wire(event: FeedEvent) -> str:
    """Returns the event as the standard writes it; the data is one line."""
    return f"id: {event.id}\nevent: {event.kind.value}\ndata: {event.json()}\n\n"
