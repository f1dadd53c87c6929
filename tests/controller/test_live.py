"""The live feed: nothing missed without a word, and a slow reader hurts nobody."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from doorward_controller.api import live
from doorward_controller.ingest.writer import MAX_SCANS_TOLD, Writer
from doorward_controller.services.backend import Backend
from doorward_controller.services.feed import QUEUE_SIZE, RING_SIZE, EventKind, Feed, FeedEvent
from tests.controller.conftest import ADMIN, SECURITY, enrol
from tests.fakes.controller_link import FakeLink

WAIT_S = 5.0


def drain(feed: Feed, last_event_id: str | None = None) -> list[FeedEvent]:
    with feed.subscribe(last_event_id) as reader:
        return list(iter(lambda: reader.next(0), None))


def announce(feed: Feed, count: int) -> list[str]:
    with feed.subscribe() as reader:
        ids = []
        for number in range(count):
            feed.announce(EventKind.SCAN, {"n": number})
            event = reader.next(0)
            assert event is not None
            ids.append(event.id)
    return ids


def test_new_reader_gets_what_happens_from_now_on() -> None:
    feed = Feed()
    announce(feed, 3)
    assert drain(feed) == []


def test_reader_that_comes_back_gets_what_it_missed() -> None:
    feed = Feed()
    ids = announce(feed, 10)
    assert [event.id for event in drain(feed, ids[6])] == ids[7:]
    assert drain(feed, ids[-1]) == []


@pytest.mark.parametrize("unknown", ["", "x", "00000000-5", "abc-def", "1-2-3"])
def test_reader_of_another_process_is_told_to_look_again(unknown: str) -> None:
    feed = Feed()
    announce(feed, 3)
    assert [event.kind for event in drain(feed, unknown)] == [EventKind.RESET]


def test_id_from_the_future_is_told_to_look_again() -> None:
    feed = Feed()
    start = announce(feed, 1)[0].partition("-")[0]
    assert [event.kind for event in drain(feed, f"{start}-99")] == [EventKind.RESET]


def test_reader_that_missed_more_than_is_kept_is_told_to_look_again() -> None:
    feed = Feed()
    ids = announce(feed, RING_SIZE + 10)
    assert [event.kind for event in drain(feed, ids[0])] == [EventKind.RESET]


def test_slow_reader_is_told_once_and_goes_on_from_there() -> None:
    feed = Feed()
    with feed.subscribe() as slow, feed.subscribe() as quick:
        for number in range(QUEUE_SIZE + 5):
            feed.announce(EventKind.SCAN, {"n": number})
            assert quick.next(0) is not None
        first = slow.next(0)
        assert first is not None
        assert first.kind is EventKind.RESET
        assert slow.next(0) is None
        feed.announce(EventKind.SCAN, {"n": "after"})
        after = slow.next(0)
        assert after is not None
        assert after.data == {"n": "after"}


def test_closed_feed_wakes_its_readers() -> None:
    feed = Feed()
    with feed.subscribe() as reader:
        feed.close()
        assert reader.is_closed
        assert reader.next(WAIT_S) is None


def test_stored_scans_are_told(sqlite_backend: Backend, link: FakeLink) -> None:
    gateway = enrol(sqlite_backend, "gate-1", "north")
    gateway.append_scans(3)
    with sqlite_backend.feed.subscribe() as reader:
        message = link.inbound(gateway.topic(), gateway.wire(1, 3))
        Writer(sqlite_backend).process([message, message])
        events = list(iter(lambda: reader.next(0), None))
    assert [(e.kind, e.data["seq"], e.data["outcome"]) for e in events] == [
        (EventKind.SCAN, number, "grant") for number in (1, 2, 3)
    ]


def test_copies_are_not_told_again(sqlite_backend: Backend, link: FakeLink) -> None:
    gateway = enrol(sqlite_backend, "gate-1", "north")
    gateway.append_scans(3)
    writer = Writer(sqlite_backend)
    writer.process([link.inbound(gateway.topic(), gateway.wire(1, 3))])
    with sqlite_backend.feed.subscribe() as reader:
        writer.process([link.inbound(gateway.topic(), gateway.wire(1, 3))])
        assert reader.next(0) is None


def test_flood_is_one_word(sqlite_backend: Backend, link: FakeLink) -> None:
    gateway = enrol(sqlite_backend, "gate-1", "north")
    gateway.append_scans(MAX_SCANS_TOLD + 1)
    with sqlite_backend.feed.subscribe() as reader:
        wires = gateway.wires(60)
        Writer(sqlite_backend).process([link.inbound(gateway.topic(), wire) for wire in wires])
        events = list(iter(lambda: reader.next(0), None))
    assert [event.kind for event in events] == [EventKind.RESET]


async def _next(stream: AsyncIterator[str]) -> str:
    return await asyncio.wait_for(anext(stream), WAIT_S)


def test_stream_writes_events_as_the_standard_says(sqlite_backend: Backend) -> None:
    async def read() -> list[str]:
        stream = live.stream(sqlite_backend, SECURITY, None, lambda: True)
        first = await _next(stream)
        sqlite_backend.feed.announce(EventKind.SCAN, {"gateway": "门一", "text": "a\nb"})
        second = await _next(stream)
        await stream.aclose()  # type: ignore[attr-defined]
        return [first, second]

    retry, event = asyncio.run(read())
    assert retry == "retry: 2000\n\n"
    id_line, kind_line, data_line, *rest = event.split("\n")
    assert id_line.startswith("id: ")
    assert kind_line == "event: scan"
    assert json.loads(data_line.removeprefix("data: ")) == {"gateway": "门一", "text": "a\nb"}
    assert rest == ["", ""]


def test_stream_shows_only_what_the_role_may_see(sqlite_backend: Backend) -> None:
    async def read() -> str:
        stream = live.stream(sqlite_backend, ADMIN, None, lambda: True)
        await _next(stream)
        sqlite_backend.feed.announce(EventKind.SCAN, {})
        sqlite_backend.feed.announce(EventKind.GATEWAY, {"gateway": "gate-1"})
        event = await _next(stream)
        await stream.aclose()  # type: ignore[attr-defined]
        return event

    assert "event: gateway" in asyncio.run(read())


def test_silence_is_broken_by_a_heartbeat_and_ends_with_the_session(
    sqlite_backend: Backend,
) -> None:
    welcome = [True, True, False]

    async def read() -> list[str]:
        stream = live.stream(
            sqlite_backend, SECURITY, None, lambda: welcome.pop(0), heartbeat_s=0.01
        )
        return [part async for part in stream]

    assert asyncio.run(read()) == ["retry: 2000\n\n", ": still here\n\n", ": still here\n\n"]


def test_stream_ends_when_the_feed_closes(sqlite_backend: Backend) -> None:
    async def read() -> list[str]:
        stream = live.stream(sqlite_backend, SECURITY, None, lambda: True)
        asyncio.get_running_loop().call_later(0.05, sqlite_backend.feed.close)
        return [part async for part in stream]

    assert asyncio.run(asyncio.wait_for(read(), WAIT_S)) == ["retry: 2000\n\n"]
