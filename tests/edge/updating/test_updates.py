"""Updates from order to end: the new release, or the old one again, and words for people."""

import errno
import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from doorward.software import SoftwareReport, UpdateOutcome, UpdateState
from doorward.times import ClockTrust
from doorward_edge.updating.exchange import WISH_FILE
from doorward_edge.updating.folders import CONFIRMED, CURRENT
from doorward_edge.updating.record import (
    TRANSITIONS,
    IllegalStepError,
    Record,
    UpdateWord,
)
from doorward_edge.updating.timing import PATIENCE_S, Hours, wait_of
from doorward_edge.updating.updater import STATUS_FILE
from tests.fakes.release_repository import Publisher, serving
from tests.fakes.update_bench import Machine

BIG = b"well " + bytes(200_000)


@pytest.fixture
def machine(quick: Path, publisher: Publisher) -> Machine:
    publisher.release("0.2.0", content=b"well")
    return Machine(root=quick / "machine", repository=publisher.root).prepare()


def links(machine: Machine) -> tuple[str, str]:
    programs = machine.programs
    return programs.version_at(CURRENT), programs.version_at(CONFIRMED)


def test_a_release_that_proves_well_is_confirmed_and_the_old_one_is_kept(machine: Machine) -> None:
    machine.order("0.2.0")
    record = machine.updater().run()
    assert (record.state, record.outcome) == (UpdateState.IDLE, UpdateOutcome.CONFIRMED)
    assert (record.confirmed, record.previous) == ("0.2.0", "0.1.0")
    assert links(machine) == ("0.2.0", "0.2.0")
    assert machine.runs == "0.2.0"
    assert sorted(p.name for p in machine.programs.releases.iterdir()) == ["0.1.0", "0.2.0"]
    assert list((machine.state_dir / "downloads").iterdir()) == []


def test_nothing_is_done_where_nothing_is_wanted(machine: Machine) -> None:
    assert machine.updater().run() == Record(confirmed="0.1.0")
    assert not (machine.state_dir / "metadata").exists()


def test_an_order_is_carried_out_once(machine: Machine) -> None:
    machine.order("0.2.0")
    machine.updater().run()
    machine.updater().take_back("by hand")
    assert machine.updater().run().confirmed == "0.1.0"


@pytest.mark.parametrize(
    ("manner", "why"),
    [
        ("dead", "does not begin: Job for doorward-edge.service failed"),
        ("mute", "nothing was heard of it for 90 s"),
        ("camera", "not well in 600 s: camera: as it is"),
        ("controller", "not well in 600 s: controller: as it is"),
        ("journal", "not well in 600 s: journal: as it is"),
        ("restless", "not well in 600 s: it began anew again and again"),
    ],
)
def test_a_release_that_does_not_prove_well_is_taken_back_by_the_old_one(
    manner: str, why: str, quick: Path, publisher: Publisher
) -> None:
    publisher.release("0.2.0", content=manner.encode())
    machine = Machine(root=quick / "machine", repository=publisher.root).prepare()
    machine.order("0.2.0")
    record = machine.updater().run()
    assert (record.outcome, record.outcome_version) == (UpdateOutcome.RETURNED, "0.2.0")
    assert record.detail == why
    assert links(machine) == ("0.1.0", "0.1.0")
    assert machine.runs == "0.1.0"
    assert not machine.programs.has("0.2.0")


def test_what_was_not_well_before_is_not_held_against_the_new_one(
    quick: Path, publisher: Publisher
) -> None:
    publisher.release("0.2.0", content=b"camera")
    machine = Machine(root=quick / "machine", repository=publisher.root).prepare()
    machine.make_release(machine.programs.release("0.1.0"), "0.1.0", "camera")
    machine.order("0.2.0")
    assert machine.updater().run().outcome is UpdateOutcome.CONFIRMED


def test_a_gateway_that_does_not_run_can_be_updated(machine: Machine) -> None:
    machine.make_release(machine.programs.release("0.1.0"), "0.1.0", "mute")
    machine.order("0.2.0")
    assert machine.updater().run().outcome is UpdateOutcome.CONFIRMED


def test_a_return_goes_to_the_release_before_and_no_further(machine: Machine) -> None:
    machine.order("0.2.0")
    machine.updater().run()
    machine.order("", order="back")
    record = machine.updater().run()
    assert (record.outcome, record.confirmed, record.previous) == (
        UpdateOutcome.RETURNED,
        "0.1.0",
        "",
    )
    assert links(machine) == ("0.1.0", "0.1.0")
    machine.order("", order="further")
    record = machine.updater().run()
    assert record.outcome is UpdateOutcome.REFUSED
    assert record.detail == "no release before this one is kept"


@pytest.mark.parametrize(
    ("version", "why"),
    [
        ("0.1.0", "0.1.0 runs already"),
        ("0.0.9", "0.0.9 is older than 0.1.0, which runs; to go back, return"),
        ("0.3.0", "0.3.0 does not come next after 0.1.0; install those between first"),
        ("1.0.0", "1.0.0 does not come next after 0.1.0; install those between first"),
    ],
)
def test_an_order_that_makes_no_sense_is_refused_in_words(
    machine: Machine, version: str, why: str
) -> None:
    machine.order(version)
    record = machine.updater().run()
    assert (record.outcome, record.detail) == (UpdateOutcome.REFUSED, why)
    assert (record.confirmed, machine.runs) == ("0.1.0", "0.1.0")


def test_below_the_signers_floor_nobody_returns(quick: Path, publisher: Publisher) -> None:
    publisher.release("0.2.0", content=b"well", floor="0.2.0")
    machine = Machine(root=quick / "machine", repository=publisher.root).prepare()
    machine.order("0.2.0")
    machine.updater().run()
    machine.order("", order="back")
    record = machine.updater().run()
    assert record.outcome is UpdateOutcome.REFUSED
    assert record.detail == "0.1.0 is older than 0.2.0, which the signers do not allow"
    assert machine.runs == "0.2.0"


def test_nothing_is_asked_with_a_clock_that_cannot_be_trusted(machine: Machine) -> None:
    machine.order("0.2.0")
    machine.trust = ClockTrust.UNKNOWN
    record = machine.updater().run()
    assert record.detail == "waits for a clock that can be trusted"
    assert not (machine.state_dir / "metadata").exists()
    machine.trust = ClockTrust.HELD_OVER
    assert machine.updater().run().outcome is UpdateOutcome.CONFIRMED


def test_while_people_pass_nothing_is_switched(machine: Machine) -> None:
    machine.order("0.2.0")
    machine.quiet_s = 3
    record = machine.updater().run()
    assert (record.state, machine.runs) == (UpdateState.INSTALLED, "0.1.0")
    assert record.detail == "waits until nobody has passed for 60 s"
    machine.quiet_s = 60
    assert machine.updater().run().outcome is UpdateOutcome.CONFIRMED


def test_the_switch_is_made_within_its_hours(machine: Machine) -> None:
    machine.order("0.2.0")
    machine.hours = Hours(first=22, last=4)
    record = machine.updater().run()
    assert (record.state, record.detail) == (UpdateState.INSTALLED, "waits for 22:00, until 04:00")
    machine.hour = 23
    assert machine.updater().run().outcome is UpdateOutcome.CONFIRMED


def test_an_order_whose_time_is_over_is_given_up(machine: Machine) -> None:
    machine.order("0.2.0", until_utc_s=int(machine.world["utc_s"]) - 1)
    record = machine.updater().run()
    assert record.outcome is UpdateOutcome.FAILED
    assert record.detail == "it could not be done in the time that it was wanted for"


def test_a_newer_order_replaces_one_that_waits(machine: Machine, publisher: Publisher) -> None:
    publisher.release("0.1.1", content=b"well")
    machine.order("0.2.0")
    machine.hours = Hours(first=22, last=4)
    assert machine.updater().run().state is UpdateState.INSTALLED
    machine.order("0.1.1", order="two")
    machine.hours = None
    record = machine.updater().run()
    assert (record.confirmed, record.previous) == ("0.1.1", "0.1.0")
    assert sorted(p.name for p in machine.programs.releases.iterdir()) == ["0.1.0", "0.1.1"]


# --- Bad input, and a world that does not do as it should -----------------------------------


def test_a_repository_that_is_away_is_waited_for(machine: Machine, publisher: Publisher) -> None:
    machine.order("0.2.0")
    machine.url = "http://127.0.0.1:9"
    record = machine.updater().run()
    assert record.state is UpdateState.FETCHING
    assert record.detail.startswith("the releases cannot be reached")
    machine.url = ""
    assert machine.updater().run().outcome is UpdateOutcome.CONFIRMED


def test_a_download_that_is_cut_short_goes_on_at_the_next_run(
    quick: Path, publisher: Publisher
) -> None:
    publisher.release("0.2.0", content=BIG)
    machine = Machine(root=quick / "machine", repository=publisher.root).prepare()
    machine.order("0.2.0")
    with serving(publisher.root) as mirror:
        machine.url, mirror.cut_after = mirror.url, 100_000
        record = machine.updater().run()
        assert record.state is UpdateState.FETCHING
        assert "cut off after 100000" in record.detail
        assert machine.updater().run().outcome is UpdateOutcome.CONFIRMED
        assert mirror.ranges == ["bytes=100000-"]


def test_a_bad_signature_ends_the_order_in_words_and_the_gate_goes_on(
    machine: Machine, publisher: Publisher
) -> None:
    machine.order("0.2.0")
    (file,) = (publisher.root / "targets").rglob("*.tar")
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    record = machine.updater().run()
    assert record.outcome is UpdateOutcome.FAILED
    assert "is not the file that was signed; it was thrown away" in record.detail
    assert (links(machine), machine.runs) == (("0.1.0", "0.1.0"), "0.1.0")


def test_a_release_that_is_not_there_is_said(machine: Machine) -> None:
    machine.order("0.1.7")
    record = machine.updater().run()
    assert record.outcome is UpdateOutcome.FAILED
    assert record.detail.startswith("there is no release 0.1.7 for cp311-x86_64")


def test_a_disk_without_room_is_said_before_anything_is_brought_here(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = type("Usage", (), {"free": 10 * 2**20})()
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    machine.order("0.2.0")
    record = machine.updater().run()
    assert record.detail == "the disk is too full: 64 MiB are needed, 10 MiB free"
    assert not list((machine.state_dir).glob("downloads/*"))


def test_a_disk_that_fills_up_on_the_way_leaves_the_old_release_and_room(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_file: Path, into: Path, _found: object) -> None:
        (into / "half").write_bytes(b"x")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(machine, "unpack", full)
    machine.order("0.2.0")
    record = machine.updater().run()
    assert record.outcome is UpdateOutcome.FAILED
    assert record.detail == "the disk does not take it: No space left on device"
    assert machine.runs == "0.1.0"
    assert sorted(p.name for p in machine.programs.releases.iterdir()) == ["0.1.0"]
    assert list((machine.state_dir / "downloads").iterdir()) == []


def test_a_release_that_cannot_be_installed_changes_nothing(
    quick: Path, publisher: Publisher
) -> None:
    publisher.release("0.2.0", content=b"uninstallable")
    machine = Machine(root=quick / "machine", repository=publisher.root).prepare()
    machine.order("0.2.0")
    record = machine.updater().run()
    assert (record.outcome, record.detail) == (UpdateOutcome.FAILED, "pip: no such wheel")
    assert links(machine) == ("0.1.0", "0.1.0")


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b'{"order": "../x", "version": "0.2.0", "until_utc_s": 0}', b"x" * 40_000],
)
def test_an_order_that_is_none_is_passed_over(machine: Machine, content: bytes) -> None:
    (machine.exchange_dir / WISH_FILE).write_bytes(content)
    assert machine.updater().run().outcome is UpdateOutcome.NONE


def test_an_order_that_is_a_link_elsewhere_is_not_followed(
    machine: Machine, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text('{"order": "x", "version": "0.2.0", "until_utc_s": 0}')
    (machine.exchange_dir / WISH_FILE).symlink_to(secret)
    assert machine.updater().run().outcome is UpdateOutcome.NONE


def test_a_record_that_was_lost_leads_back_to_what_was_confirmed(machine: Machine) -> None:
    machine.make_release(machine.programs.release("0.2.0"), "0.2.0")
    machine.programs.lead(CURRENT, "0.2.0")
    (machine.state_dir / STATUS_FILE).write_bytes(b"\0\0\0")
    record = machine.updater().run()
    assert links(machine) == ("0.1.0", "0.1.0")
    assert (record.state, record.confirmed) == (UpdateState.IDLE, "0.1.0")


def test_by_hand_a_release_on_trial_is_confirmed_at_once(machine: Machine) -> None:
    machine.order("0.2.0")
    on_trial = replace(
        Record(confirmed="0.1.0"), state=UpdateState.ON_TRIAL, target="0.2.0", order="one"
    )
    machine.make_release(machine.programs.release("0.2.0"), "0.2.0")
    (machine.state_dir / STATUS_FILE).write_bytes(on_trial.to_wire())
    assert machine.updater().confirm().confirmed == "0.2.0"


# --- The rules ---------------------------------------------------------------------------------


def test_what_the_table_does_not_have_raises_and_changes_nothing() -> None:
    for state in UpdateState:
        for word in UpdateWord:
            record = Record(state=state)
            if (state, word) in TRANSITIONS:
                assert record.after(word).state is TRANSITIONS[state, word]
            else:
                with pytest.raises(IllegalStepError):
                    record.after(word)
                assert record == Record(state=state)


def test_every_state_leads_to_idle_again() -> None:
    reached = {UpdateState.IDLE}
    for _ in UpdateState:
        reached |= {state for (state, _), to in TRANSITIONS.items() if to in reached}
    assert reached == set(UpdateState)


def test_what_the_record_says_is_what_the_controller_reads(machine: Machine) -> None:
    machine.order("0.2.0")
    record = machine.updater().run()
    wire = (machine.state_dir / STATUS_FILE).read_bytes()
    assert SoftwareReport.from_plain(json.loads(wire)) == record.report
    assert Record.from_wire(wire) == record


def test_a_record_of_another_version_is_read() -> None:
    wire = b'{"state": "idle", "confirmed": "0.1.0", "something": "newer"}'
    assert Record.from_wire(wire) == Record(confirmed="0.1.0")


@pytest.mark.parametrize(
    ("hours", "hour", "quiet_s", "waited_s", "waits"),
    [
        (None, 12, 60, 0, False),
        (None, 12, 59, 0, True),
        (None, 12, None, 0, False),
        (None, 12, 0, PATIENCE_S, False),
        (Hours(first=2, last=5), 2, 60, 0, False),
        (Hours(first=2, last=5), 5, 60, 0, True),
        (Hours(first=22, last=4), 3, 60, 0, False),
        (Hours(first=22, last=4), 12, 60, PATIENCE_S, True),
    ],
)
def test_when_a_switch_may_be(
    hours: Hours | None, hour: int, quiet_s: int | None, waited_s: int, *, waits: bool
) -> None:
    wait = wait_of(
        hours=hours, local_hour=hour, quiet_s=quiet_s, wanted_quiet_s=60, waited_s=waited_s
    )
    assert (wait is not None) == waits
