"""No lock moves at start, kill -9, orderly stop or restart: the history of its pin shows it."""

import json
import signal
from datetime import UTC, datetime
from pathlib import Path

import pytest

from doorward_controller.broker.waiting import wait_until
from tests.system.conftest import new_authority
from tests.system.lone_gateway import NAME, Gate, LoneSite, make_gate, running

NOWHERE = 9
STRIKE = '{ kind = "fail_secure", terminal = 17 }'
LOCKS = {
    "strike, relay driven by a high level": (STRIKE, "GPIO17", 1.0),
    "strike, relay driven by a low level": (
        '{ kind = "fail_secure", terminal = 6, active = "low" }',
        "GPIO6",
        0.0,
    ),
    "magnet on the closed contact": ('{ kind = "fail_safe", terminal = 17 }', "GPIO17", 1.0),
    "magnet on the open contact, resistor fitted": (
        '{ kind = "fail_safe", terminal = 17, contact = "no", resistor = "up" }',
        "GPIO17",
        0.0,
    ),
    "turnstile": ('{ kind = "turnstile", terminal = 27 }', "GPIO27", 1.0),
}


def lives_of(gate: Gate, pin: str) -> list[list[float]]:
    """Returns the levels that a pin had, one list for each process that ran."""
    lives: list[list[float]] = []
    for line in (gate.data_dir / "pins.jsonl").read_text().splitlines():
        entry = json.loads(line)
        if "process" in entry:
            lives.append([])
        elif entry["pin"] == pin:
            lives[-1].append(entry["level"])
    return lives


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_moves_for_grants_alone(tmp_path: Path, lock: str) -> None:
    wiring, pin, released = LOCKS[lock]
    ours = LoneSite()
    authority = new_authority(tmp_path / "ca")
    gate = make_gate(
        tmp_path / "g",
        ours,
        identity=authority.issue_gateway(NAME, now=datetime.now(UTC)),
        ca_file=authority.ca_file,
        broker_port=NOWHERE,
    )
    gate.replace(STRIKE, wiring)
    numbers = iter(range(1, 100))

    def grant() -> None:
        assert gate.show(ours.badge(next(numbers))) == "granted"

    with running(gate):  # a whole pulse, then killed while nothing happens
        grant()
        assert wait_until(lambda: gate.state()["portals"][NAME]["lock"] == "locked", timeout_s=5)
        gate.end(signal.SIGKILL)
    with running(gate):  # killed within a pulse
        grant()
        gate.end(signal.SIGKILL)
    with running(gate):  # never asked for anything
        gate.end(signal.SIGTERM)
    with running(gate):  # asked to end within a pulse
        grant()
        gate.end(signal.SIGTERM)
    locked = 1.0 - released
    within_a_pulse = [locked, released]
    whole, killed, idle, ended = lives_of(gate, pin)
    assert whole == [locked, released, locked]
    assert killed in (within_a_pulse, whole)  # the kill may come late
    assert idle == [locked]
    assert ended == [locked, released, locked]
