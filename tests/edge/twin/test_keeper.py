"""The desired configuration at a gateway: whole or not at all, tried, and taken back."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorward import topics
from doorward.envelope import Kind, seal_envelope
from doorward.ids import GatewayId
from doorward.messages import Applied
from doorward.times import UtcSeconds
from doorward.twin import Desired, Settings
from doorward_edge.ports import Arrived
from doorward_edge.twin.generations import BEGINNING, MOST_STARTS, Generation, Generations
from doorward_edge.twin.keeper import TwinKeeper
from tests.fakes.command_bench import FakeNotes
from tests.fakes.edge_ports import FakeClock, FakeFloors
from tests.fakes.site_simulator import GATEWAY, SITE, START_S, SiteSimulator, signer_of

SLOW: Settings = {"portal.north.held_s": 5.0}
QUICK: Settings = {"portal.north.held_s": 1.0}
BAD: Settings = {"portal.north.held_s": 999}


class FakeDocuments(FakeNotes, FakeFloors):
    """Notes and floors, which outlive a keeper."""

    def __init__(self) -> None:
        FakeNotes.__init__(self)
        FakeFloors.__init__(self)


class Bench:
    def __init__(self) -> None:
        self.site = SiteSimulator()
        self.clock = FakeClock(START_S)
        self.documents = FakeDocuments()
        self.restarts: list[str] = []
        self.is_connected = False
        self.bad = 60.0
        self.boot()

    def boot(self) -> Settings:
        documents: Any = self.documents
        self.keeper = TwinKeeper(site=SITE, gateway=GATEWAY, documents=documents)
        self.keeper.connect(lambda: self.site.keyring, self.restarts.append)
        self.in_force = self.keeper.load(self.check, self.clock.now())
        return self.in_force

    def check(self, settings: Settings) -> None:
        held: Any = settings.get("portal.north.held_s", 3.0)
        if held > self.bad:
            raise ValueError(f"portal.held_s is {held}, at most {self.bad}")

    def wire(
        self, version: int, settings: Settings, *, key: str = "command-1", gateway: str = GATEWAY
    ) -> bytes:
        desired = Desired(
            site=SITE,
            gateway=GatewayId(gateway),
            version=version,
            created_at=UtcSeconds(START_S),
            settings=settings,
        )
        return seal_envelope(Kind.CONFIG, desired.to_body(), [signer_of(key)])

    def push(self, version: int, settings: Settings, **how: Any) -> bool:
        return self.deliver(self.wire(version, settings, **how))

    def deliver(self, wire: bytes) -> bool:
        topic = topics.down(SITE, GATEWAY, topics.Down.DESIRED)
        message = Arrived(topic=topic, payload=wire, retained=True)
        return self.keeper.take(message, self.clock.now())

    def live(self, minutes: int, *, is_connected: bool) -> bool:
        """Returns whether anything was to be reported meanwhile."""
        reports = []
        for _ in range(minutes * 12 + 1):
            now = self.clock.now()
            reports += [self.keeper.turn(now, lambda _: True, is_connected=is_connected)]
            self.clock.pass_s(5)
        return any(reports)

    def said(self) -> tuple[int, int, list[int], tuple[str, ...]]:
        report = self.keeper.report
        return (
            report.in_force,
            report.taken,
            [each.version for each in report.rejected],
            report.pending,
        )

    def codes(self) -> list[str]:
        return [notice.code.value for notice in self.keeper.take_notices()]


def test_what_is_taken_waits_for_a_restart_and_then_counts() -> None:
    bench = Bench()
    assert bench.push(1, SLOW)
    assert bench.said() == (0, 1, [], ("portal.north.held_s",))
    assert bench.boot() == SLOW
    assert bench.said() == (1, 1, [], ())
    assert bench.codes() == ["config_applied"]


def test_the_same_one_after_every_reconnect_says_nothing_new() -> None:
    bench = Bench()
    bench.push(1, SLOW)
    assert not bench.push(1, SLOW)
    bench.boot()
    assert not bench.push(1, SLOW)


def test_a_bad_one_is_refused_whole_and_the_old_one_goes_on() -> None:
    bench = Bench()
    bench.push(1, SLOW)
    bench.boot()
    assert bench.push(2, {**BAD, "reader.strategy": "fast"})
    assert bench.said() == (1, 1, [2], ())
    assert "at most 60" in bench.keeper.report.rejected[0].error
    assert not bench.push(2, BAD), "it is not weighed again at every reconnect"
    assert bench.boot() == SLOW
    assert bench.said() == (1, 1, [2], ())
    bench.push(3, QUICK)
    assert bench.said() == (1, 3, [], ("portal.north.held_s",))


def test_one_that_changes_nothing_is_in_force_at_once() -> None:
    bench = Bench()
    bench.push(1, {})
    assert bench.said() == (1, 1, [], ())
    bench.live(60, is_connected=False)
    assert bench.said() == (1, 1, [], ())
    assert bench.restarts == []


UNTRUSTED: dict[str, dict[str, Any]] = {
    "signed with the control key": {"key": "control-1"},
    "signed with the policy key": {"key": "policy-1"},
    "signed by nobody we know": {"key": "mallory"},
    "made for another gateway": {"gateway": "gate-2"},
}


@pytest.mark.parametrize("sentence", UNTRUSTED)
def test_what_is_not_ours_changes_nothing(sentence: str) -> None:
    bench = Bench()
    assert bench.push(1, SLOW, **UNTRUSTED[sentence])
    assert bench.said()[:2] == (0, 0)
    assert not bench.push(1, SLOW, **UNTRUSTED[sentence]), "and is said once"
    assert bench.boot() == {}


def test_a_version_never_goes_back_not_even_after_the_documents_are_lost() -> None:
    bench = Bench()
    bench.push(5, SLOW)
    assert not bench.push(4, QUICK)
    bench.documents.kept.clear()
    bench.boot()
    assert not bench.push(4, QUICK)
    assert bench.said() == (0, 0, [], ())
    assert bench.push(5, SLOW), "the newest one that there was may come again"
    assert bench.documents.applied == Applied(config=5)


def test_a_disk_that_does_not_take_it_leaves_the_old_one_and_says_so() -> None:
    bench = Bench()
    bench.documents.broken = True
    assert bench.push(1, SLOW)
    assert bench.said()[:2] == (0, 0)
    assert "not written" in bench.keeper.report.rejected[0].error
    bench.documents.broken = False
    bench.push(1, SLOW)
    assert bench.said()[:3] == (0, 1, [])


def test_one_that_loses_the_controller_is_taken_back_and_rejected() -> None:
    bench = Bench()
    bench.push(1, SLOW)
    bench.boot()
    bench.live(6, is_connected=True)
    bench.push(2, QUICK)
    bench.boot()
    bench.live(4, is_connected=False)
    assert bench.restarts == []
    bench.live(1, is_connected=False)
    assert bench.restarts == ["a configuration was taken back"]
    assert bench.boot() == SLOW
    assert bench.said() == (1, 1, [2], ())
    assert "out of reach" in bench.keeper.report.rejected[0].error
    assert not bench.push(2, QUICK)
    bench.live(60, is_connected=False)
    assert len(bench.restarts) == 1, "what is confirmed is never taken back"


def test_one_that_was_confirmed_stays_when_the_controller_goes_away_later() -> None:
    bench = Bench()
    bench.push(1, SLOW)
    bench.boot()
    reports = [bench.keeper.report]
    assert bench.live(5, is_connected=True), "that it stays is told"
    reports.append(bench.keeper.report)
    assert [report.on_trial for report in reports] == [True, False]
    bench.live(600, is_connected=False)
    assert (bench.restarts, bench.boot()) == ([], SLOW)


def test_one_with_which_the_gateway_never_stays_up_is_taken_back() -> None:
    bench = Bench()
    bench.push(1, SLOW)
    for _ in range(MOST_STARTS):
        assert bench.boot() == SLOW
    assert bench.boot() == {}
    assert bench.codes() == ["config_taken_back"]
    assert bench.said() == (0, 0, [1], ())


def test_a_newer_one_during_a_trial_does_not_make_the_untried_one_the_one_before() -> None:
    bench = Bench()
    bench.push(1, SLOW)
    bench.boot()
    bench.live(6, is_connected=True)
    bench.push(2, QUICK)
    bench.boot()
    bench.push(3, {})
    bench.boot()
    bench.live(6, is_connected=False)
    assert bench.boot() == SLOW


def test_a_newer_one_is_tried_where_the_one_in_force_lost_the_controller() -> None:
    bench = Bench()
    bench.push(1, SLOW)
    bench.boot()
    bench.live(1, is_connected=True)
    bench.push(2, QUICK)
    bench.live(6, is_connected=False)
    assert len(bench.restarts) == 1
    assert bench.boot() == QUICK


def test_an_installers_file_that_no_longer_fits_takes_it_back() -> None:
    bench = Bench()
    bench.push(1, SLOW)
    bench.boot()
    bench.live(6, is_connected=True)
    bench.bad = 4.0
    assert bench.boot() == {}
    assert bench.said() == (0, 0, [1], ())
    assert "does not fit" in bench.keeper.report.rejected[0].error


def test_the_trial_goes_on_after_a_restart_of_the_board() -> None:
    bench = Bench()
    bench.push(1, SLOW)
    bench.boot()
    bench.live(4, is_connected=False)
    bench.boot()
    bench.live(4, is_connected=False)
    assert bench.restarts == []
    bench.live(1, is_connected=False)
    assert len(bench.restarts) == 1


GENERATION = st.builds(
    Generation, version=st.integers(0, 9), settings=st.sampled_from([SLOW, QUICK, {}])
)


@given(
    st.builds(
        Generations,
        newest=GENERATION,
        before=GENERATION,
        is_on_trial=st.booleans(),
        starts=st.integers(0, 9),
        was_reachable=st.booleans(),
        rejected=st.integers(0, 9),
        error=st.text(max_size=9),
    )
)
def test_what_is_noted_reads_back(kept: Generations) -> None:
    assert Generations.from_notes(kept.to_notes()) == kept


def test_settings_that_this_firmware_no_longer_takes_count_as_the_file_alone() -> None:
    notes = replace(Generations(), is_on_trial=False).to_notes()
    notes["newest"] = {"version": 3, "settings": '{"broker.host":"elsewhere"}'}
    assert Generations.from_notes(notes).newest == BEGINNING


WIRE = Bench().wire(1, SLOW)


@given(st.integers(0, len(WIRE) - 1), st.integers(1, 255))
def test_a_changed_byte_never_counts(place: int, mask: int) -> None:
    bench = Bench()
    changed = bytearray(WIRE)
    changed[place] ^= mask
    bench.deliver(bytes(changed))
    assert bench.said()[:2] == (0, 0)
    assert bench.boot() == {}
