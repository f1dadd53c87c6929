"""What the screens show: for how long, in which words, and never why for a grant."""

import pytest

from doorward.ids import PortalId
from doorward.reasons import REASON_TEXTS, Reason
from doorward_edge.config_panel import PerceptionSection, SignalSection
from doorward_edge.panel.board import READ_MS, ScreenBoard
from doorward_edge.perception import PATTERNS, duration_ms, perception_of
from doorward_edge.ports import Signal
from tests.fakes.edge_ports import FakeClock

NORTH, SOUTH = PortalId("north"), PortalId("south")


class Wall:
    """A board and its clock."""

    def __init__(self, section: PerceptionSection | None = None) -> None:
        self.clock = FakeClock(1_800_000_000)
        perception = perception_of(section or PerceptionSection())
        self.board = ScreenBoard([NORTH, SOUTH], perception, self.clock)
        self.woken = 0
        self.board.listen(self._wake)

    def _wake(self) -> None:
        self.woken += 1

    def says(self, *, online: bool = True, camera: bool = True) -> dict[str, object]:
        return self.board.message(NORTH, self.clock.now(), is_online=online, is_camera_well=camera)


def test_a_refusal_says_why_and_what_helps_in_both_languages_and_can_be_read() -> None:
    wall = Wall()
    wall.board.screen(NORTH).show(Signal.REFUSED, offline=False, reason=Reason.EXPIRED)
    said, text = wall.says(), REASON_TEXTS[Reason.EXPIRED]
    assert (said["signal"], said["left_ms"]) == ("refused", READ_MS)
    assert [said[k] for k in ("why_zh", "why_en", "next_zh", "next_en")] == [
        text.zh,
        text.en,
        text.next_zh,
        text.next_en,
    ]
    wall.clock.pass_s(READ_MS / 1000 - 0.001)
    assert wall.says()["signal"] == "refused"
    wall.clock.pass_s(0.001)
    assert wall.says()["signal"] == "idle"


@pytest.mark.parametrize("reason", [Reason.GRANTED, Reason.FREE_PASSAGE, Reason.DURESS])
def test_every_grant_looks_the_same_to_the_last_byte(reason: Reason) -> None:
    wall = Wall()
    wall.board.screen(NORTH).show(Signal.GRANTED, offline=False, reason=reason)
    plain = Wall()
    plain.board.screen(NORTH).show(Signal.GRANTED, offline=False, reason=Reason.GRANTED)
    assert wall.says() == plain.says()
    assert not any(key.startswith(("why", "next")) for key in wall.says())


def test_a_grant_goes_with_its_lamp() -> None:
    wall = Wall()
    wall.board.screen(NORTH).show(Signal.GRANTED, offline=False, reason=Reason.GRANTED)
    assert wall.says()["left_ms"] == duration_ms(PATTERNS[Signal.GRANTED])


@pytest.mark.parametrize("signal", [Signal.LOCKDOWN, Signal.FIRE, Signal.WAITING])
def test_what_stays_on_the_lamps_stays_on_the_screen(signal: Signal) -> None:
    wall = Wall()
    wall.board.screen(NORTH).show(signal, offline=False)
    wall.clock.pass_s(3600)
    assert wall.says()["signal"] == signal
    wall.board.screen(NORTH).close()
    assert wall.says()["signal"] == "idle"


def test_an_idle_screen_shows_the_camera_and_the_link_as_they_are_now() -> None:
    wall = Wall()
    assert (wall.says()["signal"], wall.says()["offline"]) == ("idle", False)
    assert wall.says(online=False)["offline"] is True
    assert wall.says(camera=False)["signal"] == "camera_fault"
    wall.board.screen(NORTH).show(Signal.LOCKDOWN, offline=False)
    assert wall.says(camera=False)["signal"] == "lockdown"


def test_the_offline_dot_of_an_answer_is_that_of_its_moment() -> None:
    wall = Wall()
    wall.board.screen(NORTH).show(Signal.GRANTED, offline=True, reason=Reason.GRANTED)
    assert wall.says(online=True)["offline"] is True


def test_one_portal_does_not_show_what_another_decided() -> None:
    wall = Wall()
    wall.board.screen(SOUTH).show(Signal.REFUSED, offline=False, reason=Reason.REVOKED)
    assert wall.says()["signal"] == "idle"
    assert wall.woken == 1


def test_the_sites_own_words_are_on_the_screen() -> None:
    wall = Wall(PerceptionSection(granted=SignalSection(zh="欢迎光临", en="Welcome")))
    wall.board.screen(NORTH).show(Signal.GRANTED, offline=False)
    assert (wall.says()["zh"], wall.says()["en"]) == ("欢迎光临", "Welcome")
