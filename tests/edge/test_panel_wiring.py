"""What stands beside the doors: told alike, counted, brought, labelled."""

import os
from collections.abc import Callable
from pathlib import Path

from doorward.events import EventCode
from doorward.reasons import Reason
from doorward.times import ClockTrust
from doorward.topics import Policy, policy
from doorward_edge.asking_again import FIRST_PAUSE_MS
from doorward_edge.courier import Myself
from doorward_edge.panel_wiring import (
    MOST_TOLD,
    SeveralIndicators,
    StaffErrand,
    Told,
    bytes_written,
    labels_of,
)
from doorward_edge.ports import Arrived, Outgoing, Signal
from tests.edge.test_staff_book import Gateway
from tests.fakes.edge_ports import FakeIndicator
from tests.fakes.site_simulator import GATEWAY, PORTAL, SITE, YEAR_S

TOPIC = policy(SITE, Policy.STAFF)


def nothing_sent(_message: Outgoing) -> bool:
    raise AssertionError("an errand that only listens says nothing")


def arrived(wire: bytes) -> Arrived:
    return Arrived(topic=TOPIC, payload=wire, retained=True)


def test_lamps_and_screen_are_told_the_same() -> None:
    lamps, screen = FakeIndicator(), FakeIndicator()
    both = SeveralIndicators((lamps, screen))
    both.show(Signal.REFUSED, offline=True, reason=Reason.EXPIRED)
    both.close()
    assert lamps.shown == screen.shown == [(Signal.REFUSED, True)]
    assert lamps.reasons == screen.reasons == [Reason.EXPIRED]


def test_the_errand_brings_the_list_and_reports_what_was_refused() -> None:
    gateway = Gateway()
    errand, now = StaffErrand(SITE, gateway.book), gateway.clock.now()
    assert errand.wants(TOPIC)
    assert not errand.wants(policy(SITE, Policy.BUNDLE))
    assert errand.take(arrived(b"rubbish"), now)
    assert [each.what for each in errand.rejected] == ["staff"]
    assert not errand.take(arrived(b"rubbish"), now), "told once"
    assert errand.version == 0
    assert errand.take(arrived(gateway.wire()), now)
    assert errand.rejected == ()
    assert gateway.book.version == errand.version == 1
    assert not errand.take(arrived(gateway.wire()), now), "it is held already"
    assert errand.take(arrived(gateway.wire(2)), now), "a newer list is told as well"
    publish: Callable[[Outgoing], bool] = nothing_sent
    assert not errand.turn(now, publish, is_connected=True)


def test_a_list_that_the_disk_did_not_take_is_asked_for_until_it_is() -> None:
    gateway = Gateway()
    errand, asked = StaffErrand(SITE, gateway.book), list[str]()
    errand.ask = asked.extend

    def turn(*, is_connected: bool = True) -> None:
        errand.turn(gateway.clock.now(), nothing_sent, is_connected=is_connected)

    gateway.files.broken = True
    errand.take(arrived(gateway.wire()), gateway.clock.now())
    turn()
    assert asked == []
    gateway.clock.pass_s(FIRST_PAUSE_MS / 1000)
    turn(is_connected=False)
    turn()
    assert asked == [], "whoever connects asks for everything anyway"
    errand.take(arrived(gateway.wire()), gateway.clock.now())
    gateway.clock.pass_s(FIRST_PAUSE_MS / 1000)
    turn()
    assert asked == [TOPIC]
    gateway.files.broken = False
    errand.take(arrived(gateway.wire()), gateway.clock.now())
    assert (gateway.book.version, errand.rejected) == (1, ())
    gateway.clock.pass_s(3600)
    turn()
    assert asked == [TOPIC]


def test_a_list_that_an_untrusted_clock_refused_is_asked_for_when_it_is_right() -> None:
    gateway = Gateway()
    errand, asked = StaffErrand(SITE, gateway.book), list[str]()
    errand.ask = asked.extend
    gateway.clock.trust = ClockTrust.HELD_OVER
    gateway.clock.pass_s(-3 * YEAR_S)
    errand.take(arrived(gateway.wire()), gateway.clock.now())
    assert "outside its window" in errand.rejected[0].error
    gateway.clock.pass_s(3 * YEAR_S)
    errand.turn(gateway.clock.now(), nothing_sent, is_connected=True)
    assert asked == []
    gateway.clock.trust = ClockTrust.SYNCHRONISED
    errand.turn(gateway.clock.now(), nothing_sent, is_connected=True)
    assert asked == [TOPIC]
    errand.take(arrived(gateway.wire()), gateway.clock.now())
    assert gateway.book.version == 1


def test_a_gateway_without_pages_keeps_no_hashes_of_pins() -> None:
    gateway = Gateway()
    errand = StaffErrand(SITE, gateway.book, has_pages=False)
    assert errand.wants(TOPIC)
    assert not errand.take(arrived(gateway.wire()), gateway.clock.now())
    assert (gateway.book.version, gateway.files.kept) == (0, {})
    assert errand.version is None


def test_events_of_other_threads_are_fetched_once_and_bounded() -> None:
    told = Told()
    for n in range(MOST_TOLD + 9):
        told.tell(EventCode.PANEL_PIN_WRONG, str(n))
    taken = told.take_notices()
    assert (len(taken), taken[-1].detail) == (MOST_TOLD, str(MOST_TOLD + 8))
    assert told.take_notices() == ()


def test_the_label_says_which_device_and_which_key() -> None:
    myself = Myself(
        site=SITE,
        gateway=GATEWAY,
        boot_id="0" * 16,
        software="9.9",
        hardware={"board": "Raspberry Pi 4"},
        capabilities=(),
        record_key="ab" * 32,
        portals=(PORTAL,),
    )
    labels = labels_of(myself)
    assert labels["QR"].startswith(f"doorward:{SITE}/{GATEWAY}#")
    assert labels["Board"] == "Raspberry Pi 4"


def test_what_is_written_to_the_disk_is_counted_and_never_sinks(tmp_path: Path) -> None:
    before = bytes_written()
    with (tmp_path / "file").open("wb") as file:
        file.write(bytes(2**20))
        file.flush()
        os.fsync(file.fileno())
    written = bytes_written() - before
    # A folder in memory is no disk, and is not counted.
    assert written == 0 or written >= 2**20
