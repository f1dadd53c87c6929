"""The light beside a camera burns while the gateway runs, and no longer."""

from datetime import UTC, datetime
from pathlib import Path

from tests.system.conftest import new_authority
from tests.system.lone_gateway import NAME, LoneSite, make_gate, running
from tests.system.test_locks_stay_locked import NOWHERE, lives_of


def test_the_light_burns_while_the_gateway_runs(tmp_path: Path) -> None:
    authority = new_authority(tmp_path / "ca")
    gate = make_gate(
        tmp_path / "g",
        LoneSite(),
        identity=authority.issue_gateway(NAME, now=datetime.now(UTC)),
        ca_file=authority.ca_file,
        broker_port=NOWHERE,
    )
    gate.replace('kind = "scene"\n', 'kind = "scene"\nillumination_pin = "illumination"\n')
    with running(gate):
        assert gate.ask("pins")["pins"]["GPIO12"][-1][1] == 1.0
        gate.end()
    assert lives_of(gate, "GPIO12") == [[0.0, 1.0, 0.0]]
