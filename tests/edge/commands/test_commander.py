"""What each command does, and what is told of it."""

from doorward.commands import (
    Forgive,
    HoldOpen,
    Identify,
    Order,
    ResendRecords,
    Restart,
    Secure,
    SelfTest,
    SendLog,
    SetPosture,
    TakePicture,
)
from doorward.ids import Epoch
from doorward.outcomes import AttachmentKind, Finding, Outcome
from doorward.policy import Posture, PostureOrder
from doorward.sealing import open_attachment
from doorward.times import ClockTrust, UtcSeconds
from doorward_edge.commands.desk import TOLD_AFTER_MS
from tests.fakes.command_bench import CommandBench
from tests.fakes.site_simulator import GATEWAY, PORTAL, START_S


def done(bench: CommandBench, order: Order) -> Outcome:
    command = bench.command(order)
    assert not bench.send(command)
    return bench.outcomes(command.id)[-1]


def test_holding_open_ends_by_the_monotonic_clock() -> None:
    bench = CommandBench()
    bench.clock.pass_s(1.5)
    outcome = done(bench, HoldOpen(portal=PORTAL, until=UtcSeconds(START_S + 61)))
    assert bench.hands.did[-1] == f"hold north {1500 + 59_500}"
    assert outcome.detail == "held open for 59 s"


def test_securing_and_identifying_are_passed_on() -> None:
    bench = CommandBench()
    done(bench, Secure(portal=PORTAL))
    done(bench, Identify(portal="north"))
    done(bench, Identify())
    told = [each for each in bench.hands.did if not each.startswith("record")]
    assert told == ["secure north", "identify north", "identify None"]


def test_forgiving_is_on_record_with_who_asked() -> None:
    bench = CommandBench()
    outcome = done(bench, Forgive(credential="00000000000000a1", zone="lab"))
    assert (outcome.state, outcome.detail) == ("succeeded", "credential 0a at lab")
    assert bench.hands.did == ["record command_taken", "forgive 00000000000000a1 lab"]
    (notice,) = bench.desk.take_notices()
    assert (notice.code, notice.detail) == ("presence_forgiven", "credential 0a at lab by op-1")


def test_nobody_is_forgiven_without_a_clock_or_a_record() -> None:
    bench = CommandBench()
    bench.clock.trust = ClockTrust.UNKNOWN
    assert done(bench, Forgive(zone="lab")).state == "rejected"
    bench.clock.trust = ClockTrust.SYNCHRONISED
    bench.hands.is_recording = False
    assert done(bench, Forgive(zone="lab")).state == "rejected"
    assert not any(each.startswith("forgive") for each in bench.hands.did)


def test_a_posture_is_on_the_disk_when_the_portal_hears_of_it() -> None:
    bench = CommandBench()
    done(bench, SetPosture(portal=PORTAL, posture=Posture.LOCKDOWN, rank=3))
    assert bench.hands.did[-1] == "posture north"
    bench.boot()
    order = PostureOrder(posture=Posture.LOCKDOWN, rank=3, until=None)
    assert bench.postures.order_of(PORTAL) == order


def test_a_posture_that_has_to_wait_for_the_end_of_a_fire_alarm_says_so() -> None:
    bench = CommandBench()
    bench.hands.has_fire = True
    outcome = done(bench, SetPosture(portal=PORTAL, posture=Posture.LOCKDOWN))
    assert outcome.state == "succeeded"
    assert outcome.detail == "lockdown; it counts when the fire alarm is over"


def test_a_posture_that_the_disk_does_not_take_is_not_said_to_hold() -> None:
    bench = CommandBench()
    command = bench.command(SetPosture(portal=PORTAL, posture=Posture.FREE))
    bench.deliver(bench.wire(command), command.id)
    bench.notes.broken = True
    bench.work()
    assert bench.states(command.id)[-1] == "failed"
    assert bench.postures.order_of(PORTAL) is None
    assert "posture north" not in bench.hands.did


def test_a_self_test_tells_each_finding_and_fails_by_one() -> None:
    bench = CommandBench()
    assert done(bench, SelfTest()).state == "succeeded"
    bad = Finding(what="decoder", is_good=False, detail="no answer")
    bench.hands.findings = (*bench.hands.findings, bad)
    outcome = done(bench, SelfTest())
    assert (outcome.state, outcome.detail) == ("failed", "not well: decoder")
    assert outcome.findings[-1] == bad
    assert bench.hands.moves() == []


def test_a_restart_succeeds_when_the_gateway_is_back() -> None:
    bench = CommandBench()
    command = bench.command(Restart())
    bench.send(command)
    assert (bench.hands.did[-1], bench.states(command.id)) == ("restart", ["in_progress"])
    bench.boot()
    bench.tell()
    assert bench.states(command.id) == ["in_progress", "succeeded"]


def test_a_log_is_sealed_to_the_controller_and_to_its_command() -> None:
    bench = CommandBench()
    outcome = done(bench, SendLog(lines=5))
    assert outcome.attachment is not None
    assert (outcome.attachment.kind, outcome.attachment.is_personal) == (AttachmentKind.LOG, False)
    plain = open_attachment(outcome.attachment.sealed, bench.controller, GATEWAY, outcome.id)
    assert plain == b"one line\n"


def test_a_picture_is_taken_only_where_the_site_allows_it() -> None:
    bench = CommandBench()
    outcome = done(bench, TakePicture(portal=PORTAL))
    assert (outcome.state, bench.hands.did) == ("rejected", [])
    assert outcome.detail.startswith("not_allowed")


def test_a_picture_is_marked_as_personal_and_travels_sealed() -> None:
    bench = CommandBench(allows_pictures=True)
    outcome = done(bench, TakePicture(portal=PORTAL))
    assert outcome.attachment is not None
    assert outcome.attachment.is_personal
    assert b"a face" not in b"".join(message.payload for message in bench.published)
    plain = open_attachment(outcome.attachment.sealed, bench.controller, GATEWAY, outcome.id)
    assert plain == b"\xff\xd8 a face"


def test_records_are_asked_for_again_by_number() -> None:
    bench = CommandBench()
    outcome = done(bench, ResendRecords(epoch=Epoch(9), first_seq=40))
    assert bench.hands.did[-1] == "resend 9 40"
    assert outcome.detail == "7 records are sent again"


def test_hardware_that_fails_is_told_and_recorded() -> None:
    bench = CommandBench()
    bench.hands.fails = "the relay does not answer"
    outcome = done(bench, Secure(portal=PORTAL))
    assert (outcome.state, outcome.detail) == ("failed", "the relay does not answer")
    (notice,) = bench.desk.take_notices()
    assert notice.code == "command_failed"
    assert "by op-1" in notice.detail


def test_an_outcome_is_kept_until_a_connection_held() -> None:
    bench = CommandBench()
    command = bench.command()
    bench.is_connected = False
    bench.send(command)
    assert bench.outcomes(command.id) == []
    bench.boot()
    bench.is_connected = True
    bench.tell()
    assert bench.states(command.id) == ["succeeded"]
    bench.is_connected = False
    bench.tell()
    bench.is_connected = True
    bench.tell()
    assert bench.states(command.id) == ["succeeded"] * 2, "the connection broke right after"
    bench.clock.pass_s(TOLD_AFTER_MS / 1000)
    bench.tell()
    bench.boot()
    bench.tell()
    assert bench.states(command.id) == ["succeeded"] * 2


def test_an_outcome_that_the_disk_does_not_take_is_told_all_the_same() -> None:
    bench = CommandBench()
    command = bench.command()
    bench.deliver(bench.wire(command), command.id)
    bench.notes.broken = True
    bench.work()
    assert bench.states(command.id) == ["in_progress", "succeeded"]


def test_the_worker_carries_out_in_its_own_thread_and_ends() -> None:
    bench = CommandBench()
    bench.commander.tend(bench.clock.now())
    command = bench.command()
    bench.deliver(bench.wire(command), command.id)
    for _ in range(1000):
        bench.tell()
        if len(bench.states(command.id)) == 2:
            break
        bench.commander._is_over.wait(0.01)
    assert bench.states(command.id) == ["in_progress", "succeeded"]
    bench.commander.close()
    late = bench.command()
    bench.deliver(bench.wire(late), late.id)
    assert len(bench.hands.moves()) == 1
