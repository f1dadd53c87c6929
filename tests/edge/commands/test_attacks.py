"""Whoever holds the broker can delay and repeat, and still no door opens that should not."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorward.commands import Identify, OpenOnce
from doorward.envelope import Kind
from doorward.ids import GatewayId, PortalId, SiteId
from doorward.keys import Purpose
from doorward.times import ClockTrust, UtcSeconds
from doorward_edge.commands.ledger import MAX_ENTRIES
from tests.fakes.command_bench import CommandBench
from tests.fakes.site_simulator import START_S, key_of

OPENED = "open north"


@dataclass
class Story:
    """A sequence of deliveries of one command, how often the door may open, and the last word."""

    tell: Callable[[CommandBench], None]
    opens: int
    last_word: str | None
    why: str = ""


def _once(bench: CommandBench) -> None:
    bench.send(bench.command())


def _twice(bench: CommandBench) -> None:
    command = bench.command()
    bench.send(command)
    bench.send(command)


def _after_restart(bench: CommandBench) -> None:
    command = bench.command()
    bench.send(command)
    bench.boot()
    bench.send(command)


def _after_restart_in_the_middle(bench: CommandBench) -> None:
    command = bench.command()
    bench.deliver(bench.wire(command), command.id)
    bench.boot()
    bench.send(command)


def _retained(bench: CommandBench) -> None:
    bench.send(bench.command(), retained=True)


def _retained_then_not(bench: CommandBench) -> None:
    command = bench.command()
    bench.send(command, retained=True)
    bench.send(command)


def _expired(bench: CommandBench) -> None:
    command = bench.command()
    bench.clock.pass_s(30)
    bench.send(command)


def _in_its_last_second(bench: CommandBench) -> None:
    command = bench.command()
    bench.clock.pass_s(29)
    bench.send(command)


def _expired_in_the_queue(bench: CommandBench) -> None:
    command = bench.command()
    bench.deliver(bench.wire(command), command.id)
    bench.clock.pass_s(31)
    bench.work()


def _ahead(bench: CommandBench) -> None:
    now = int(bench.clock.utc_s) + 121
    bench.send(bench.command(issued_at=UtcSeconds(now), expires_at=UtcSeconds(now + 30)))


def _untrusted_clock(bench: CommandBench) -> None:
    bench.clock.trust = ClockTrust.UNKNOWN
    bench.send(bench.command())


def _untrusted_then_trusted(bench: CommandBench) -> None:
    command = bench.command()
    bench.clock.trust = ClockTrust.UNKNOWN
    bench.send(command)
    bench.clock.trust = ClockTrust.SYNCHRONISED
    bench.send(command)


def _trust_lost_in_the_queue(bench: CommandBench) -> None:
    command = bench.command()
    bench.deliver(bench.wire(command), command.id)
    bench.clock.trust = ClockTrust.UNKNOWN
    bench.work()


def _other_gateway(bench: CommandBench) -> None:
    bench.send(bench.command(gateway=GatewayId("gate-2")))


def _other_site(bench: CommandBench) -> None:
    bench.send(bench.command(site=SiteId("elsewhere")))


def _other_topic(bench: CommandBench) -> None:
    command = bench.command()
    bench.deliver(bench.wire(command), "c99")
    bench.work()


def _by(key: str) -> Callable[[CommandBench], None]:
    def tell(bench: CommandBench) -> None:
        command = bench.command()
        bench.deliver(bench.wire(command, key), command.id)
        bench.work()

    return tell


def _as_another_kind(bench: CommandBench) -> None:
    command = bench.command()
    bench.deliver(bench.wire(command, kind=Kind.CONFIG), command.id)
    bench.work()


def _by_a_revoked_key(bench: CommandBench) -> None:
    command = bench.command()
    keys = tuple(key for key in bench.site.keyring.keys if Purpose.COMMAND not in key.purposes)
    revoked = key_of("command-1", Purpose.COMMAND, revoked=True)
    bench.site.keyring = replace(bench.site.keyring, keys=(*keys, revoked))
    bench.send(command)


def _ledger_on_a_full_disk(bench: CommandBench) -> None:
    bench.notes.broken = True
    bench.send(bench.command())


def _full_disk_then_room(bench: CommandBench) -> None:
    command = bench.command()
    bench.notes.broken = True
    bench.send(command)
    bench.notes.broken = False
    bench.send(command)


def _journal_does_not_take_it(bench: CommandBench) -> None:
    bench.hands.is_recording = False
    bench.send(bench.command())


def _lost_ledger(bench: CommandBench) -> None:
    command = bench.command()
    bench.send(command)
    bench.notes.kept.clear()
    bench.clock.pass_s(2)
    bench.boot()
    bench.send(command)


def _another_portal(bench: CommandBench) -> None:
    bench.send(bench.command(OpenOnce(portal=PortalId("south"))))


def _clock_set_back_after_expiry(bench: CommandBench) -> None:
    command = bench.command()
    bench.send(command)
    for _ in range(MAX_ENTRIES):
        bench.clock.pass_s(1)
        bench.send(bench.command(Identify()))
    bench.clock.utc_s = START_S
    bench.send(command)


STORIES = {
    "once": Story(_once, 1, "succeeded"),
    "in its last second": Story(_in_its_last_second, 1, "succeeded"),
    "delivered twice": Story(_twice, 1, "succeeded"),
    "replayed after a restart": Story(_after_restart, 1, "succeeded"),
    "replayed after a crash in the middle": Story(
        _after_restart_in_the_middle, 0, "failed", "ended before it said"
    ),
    "replayed after its id was forgotten, the clock set back": Story(
        _clock_set_back_after_expiry, 1, "rejected", "forgotten"
    ),
    "replayed after the ledger was lost": Story(_lost_ledger, 1, "rejected", "forgotten"),
    "retained": Story(_retained, 0, "rejected", "retained"),
    "retained, then sent as it should be": Story(_retained_then_not, 0, "rejected", "retained"),
    "expired": Story(_expired, 0, "timed_out", "expired"),
    "expired while it waited for its turn": Story(_expired_in_the_queue, 0, "timed_out", "expired"),
    "issued ahead of our clock": Story(_ahead, 0, "rejected", "issued_ahead"),
    "clock untrusted": Story(_untrusted_clock, 0, "rejected", "clock_untrusted"),
    "clock untrusted, then trusted again": Story(
        _untrusted_then_trusted, 0, "rejected", "clock_untrusted"
    ),
    "clock's trust lost while it waited": Story(
        _trust_lost_in_the_queue, 0, "rejected", "clock_untrusted"
    ),
    "for a portal that is not here": Story(_another_portal, 0, "rejected", "not_here"),
    "the ledger's disk is full": Story(_ledger_on_a_full_disk, 0, "rejected", "not_recorded"),
    "the ledger's disk is full, then has room, and it comes again": Story(
        _full_disk_then_room, 0, "rejected", "not_recorded"
    ),
    "the journal does not take it": Story(_journal_does_not_take_it, 0, "rejected", "not_recorded"),
    "for another gateway": Story(_other_gateway, 0, None),
    "for another site": Story(_other_site, 0, None),
    "on another command's topic": Story(_other_topic, 0, None),
    "signed with the control key": Story(_by("control-1"), 0, None),
    "signed with the policy key": Story(_by("policy-1"), 0, None),
    "signed with the root key": Story(_by("root-1"), 0, None),
    "signed by nobody we know": Story(_by("mallory"), 0, None),
    "signed with the gateway's own record key": Story(_by("gate-1"), 0, None),
    "signed as a configuration": Story(_as_another_kind, 0, None),
    "signed with a revoked command key": Story(_by_a_revoked_key, 0, None),
}


@pytest.mark.parametrize("sentence", STORIES)
def test_a_command_opens_at_most_once_and_only_when_all_holds(sentence: str) -> None:
    bench, story = CommandBench(), STORIES[sentence]
    bench.tell()
    story.tell(bench)
    assert bench.hands.moves() == [OPENED] * story.opens
    outcomes = bench.outcomes("c1")
    assert (outcomes[-1].state if outcomes else None) == story.last_word
    if outcomes:
        assert story.why in outcomes[-1].detail


def test_two_commands_in_one_second_open_twice() -> None:
    bench = CommandBench()
    bench.send(bench.command())
    bench.send(bench.command())
    assert bench.hands.moves() == [OPENED, OPENED]
    assert bench.states("c1") == bench.states("c2") == ["in_progress", "succeeded"]


def test_the_command_is_in_the_ledger_and_in_the_journal_before_the_lock_moves() -> None:
    bench = CommandBench()
    command = bench.command()
    bench.deliver(bench.wire(command), command.id)
    assert bench.notes.kept["commands"]["entries"][0]["id"] == command.id
    assert bench.hands.did == []
    bench.work()
    assert bench.hands.did == ["record command_taken", OPENED]


def test_without_a_trusted_clock_what_moves_nothing_is_still_done() -> None:
    bench = CommandBench()
    bench.clock.trust = ClockTrust.UNKNOWN
    command = bench.command(Identify())
    bench.send(command)
    assert bench.states(command.id)[-1] == "succeeded"


def test_a_repeat_is_answered_with_the_outcome_that_it_had() -> None:
    bench = CommandBench()
    command = bench.command()
    bench.send(command)
    first = bench.outcomes(command.id)[-1]
    bench.clock.pass_s(5)
    bench.send(command)
    assert bench.outcomes(command.id)[-1] == first


def test_a_broker_that_repeats_for_hours_fills_no_journal() -> None:
    bench = CommandBench()
    command = bench.command()
    bench.send(command)
    for _ in range(500):
        bench.send(command)
    assert [notice.code for notice in bench.desk.take_notices()] == ["command_repeated"]
    assert bench.hands.did == ["record command_taken", OPENED]


def test_more_commands_than_the_ledger_holds_stay_single_use() -> None:
    bench = CommandBench()
    commands = []
    for _ in range(3 * MAX_ENTRIES):
        bench.clock.pass_s(1)
        commands.append(bench.command())
        bench.send(commands[-1])
    assert len(bench.hands.moves()) == len(commands)
    bench.boot()
    for command in commands:
        bench.send(command)
    bench.clock.utc_s = START_S
    for command in commands:
        bench.send(command)
    assert len(bench.hands.moves()) == len(commands)


GOOD = CommandBench()
WIRE = GOOD.wire(GOOD.command(id="c1"))


@given(st.integers(0, len(WIRE) - 1), st.integers(1, 255))
def test_a_changed_byte_never_opens(place: int, mask: int) -> None:
    bench = CommandBench()
    changed = bytearray(WIRE)
    changed[place] ^= mask
    bench.deliver(bytes(changed), "c1")
    bench.work()
    assert bench.hands.did == []


@given(st.binary(max_size=400) | st.binary(max_size=200).map(lambda tail: WIRE[:60] + tail))
def test_no_bytes_open_but_a_command(payload: bytes) -> None:
    bench = CommandBench()
    assert bench.deliver(payload, "c1")
    assert bench.desk.rejected
    bench.work()
    assert bench.hands.did == []


@given(st.lists(st.sampled_from(["deliver", "retained", "boot", "second", "work"]), max_size=30))
def test_whatever_the_broker_and_the_power_do_it_opens_at_most_once(acts: list[str]) -> None:
    bench = CommandBench()
    command = bench.command()
    for act in acts:
        match act:
            case "deliver" | "retained":
                bench.deliver(bench.wire(command), command.id, retained=act == "retained")
            case "boot":
                bench.boot()
            case "second":
                bench.clock.pass_s(7)
            case _:
                bench.work()
    bench.work()
    assert len(bench.hands.moves()) <= 1
