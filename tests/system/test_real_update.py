"""A gateway is updated for real: built from this checkout, installed by pip, run, taken back.

The releases are of one commit under different numbers: what is seen is that one release goes on in
the data of another, and that packaging, installing and switching work.
"""

import signal
import subprocess
import sysconfig
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from doorward.software import Part, Release, UpdateOutcome, UpdateState, Version
from doorward_controller.broker.authority import Authority
from doorward_controller.releases import staging
from doorward_edge.adapters.clock_system import SystemClock
from doorward_edge.config import ClockSource
from doorward_edge.updating.catalogue import Catalogue, Found
from doorward_edge.updating.exchange import WISH_FILE, Wish, boot_id
from doorward_edge.updating.fetching import RepositoryFetcher
from doorward_edge.updating.folders import CONFIRMED, CURRENT, Programs
from doorward_edge.updating.installing import install, relocate, run_program, unpack
from doorward_edge.updating.system import machine_platform
from doorward_edge.updating.updater import Around, Updater
from tests.fakes.release_repository import EPOCH_S, Publisher
from tests.system.lone_gateway import NAME, Gate, LoneSite, make_gate
from tools.releasing.bundle import read_wheels, write_bundle
from tools.releasing.wheels import build_own

OLD, NEW, WORSE = "0.1.0", "0.2.0", "0.2.1"
pytestmark = pytest.mark.endurance


@dataclass(kw_only=True)
class Unit:
    """What systemd is on a gateway: runs what `current` leads to."""

    gate: Gate
    programs: Programs
    process: "subprocess.Popen[str] | None" = None

    def restart(self) -> None:
        self.stop()
        program = self.programs.root / CURRENT / "bin" / "doorward-edge"
        with (self.gate.folder / "log").open("a") as said:
            self.process = subprocess.Popen(
                [str(program), "simulate", "--config", str(self.gate.config)],
                stdout=subprocess.PIPE,
                stderr=said,
                text=True,
            )
        assert self.process.stdout is not None
        if '"ready"' not in self.process.stdout.readline():
            raise ChildProcessError(self.gate.log()[-300:])

    def stop(self) -> None:
        if self.process is not None:
            if self.process.poll() is None:
                self.process.send_signal(signal.SIGTERM)
            self.process.communicate(timeout=60)
            self.process = None


class Installer:
    """pip as on a gateway; what comes from other projects is this environment's own."""

    def unpack(self, file: Path, into: Path, found: Found) -> None:
        unpack(file, into, found.release)

    def install(self, folder: Path, final: Path) -> None:
        def run(argv: Sequence[str], timeout_s: float) -> None:
            run_program(argv, timeout_s)
            if "venv" in argv:
                (site,) = (folder / "lib").glob("python3*/site-packages")
                (site / "others.pth").write_text(f"{sysconfig.get_path('purelib')}\n")

        install(folder, run)
        relocate(folder, final)


def build(publisher: Publisher, version: str) -> None:
    """Builds, signs and publishes a release of this checkout's newest commit."""
    scratch = publisher.root / "built" / version
    wheels = scratch / "wheels"
    wheels.mkdir(parents=True)
    build_own(("doorward", "doorward-edge"), version, wheels, scratch, EPOCH_S)
    release = Release(
        part=Part.GATEWAY,
        version=Version.parse(version),
        platform=machine_platform(),
        floor=Version(0, 0, 0),
    )
    path = scratch / Path(release.path).name
    write_bundle(release, read_wheels(wheels), EPOCH_S, path)
    staging.stage_targets(publisher.folder, publisher.now, add=[path])
    publisher.sign_targets()
    assert publisher.publish() == ()


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    now = datetime.now(UTC)
    authority = Authority.create(tmp_path / "authority", now=now, valid_for=timedelta(days=1))
    identity = authority.issue_gateway(NAME, now=now)
    site = LoneSite()
    made = make_gate(
        tmp_path / "gate", site, identity=identity, ca_file=authority.ca_file, broker_port=9
    )
    status = tmp_path / "state" / "status.json"
    made.config.write_text(made.config.read_text() + f'\n[update]\nstatus_file = "{status}"\n')
    return made


@pytest.fixture
def unit(gate: Gate, tmp_path: Path) -> Iterator[Unit]:
    programs = Programs(root=tmp_path / "programs")
    programs.releases.mkdir(parents=True)
    made = Unit(gate=gate, programs=programs)
    yield made
    made.stop()


def updater_of(unit: Unit, publisher: Publisher, tmp_path: Path) -> Updater:
    clock = SystemClock(ClockSource.ASSUME)
    state_dir = tmp_path / "state"
    root = tmp_path / "root.json"
    root.write_bytes(publisher.first_root)
    fetcher = RepositoryFetcher("", lambda: clock.now().mono_ms / 1000)
    return Updater(
        Around(
            programs=unit.programs,
            releases=Catalogue(
                url=f"file://{publisher.root}",
                root=root,
                state_dir=state_dir,
                fetcher=fetcher,
                platform=machine_platform(),
            ),
            service=unit,
            installer=Installer(),
            clock=clock,
            state_dir=state_dir,
            exchange_dir=unit.gate.data_dir / "update",
            boot_id=boot_id(),
            local_hour=lambda: 12,
            pause=_pause,
            quiet_s=0,
        )
    )


def _pause(seconds: float) -> None:
    threading.Event().wait(seconds)


def order(gate: Gate, version: str, order_id: str) -> None:
    folder = gate.data_dir / "update"
    folder.mkdir(exist_ok=True)
    (folder / WISH_FILE).write_bytes(Wish(order=order_id, version=version).to_wire())


def version_of(unit: Unit) -> str:
    program = unit.programs.root / CURRENT / "bin" / "python"
    code = "from importlib.metadata import version; print(version('doorward-edge'))"
    done = subprocess.run([program, "-c", code], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def head_of(gate: Gate) -> int:
    return int(gate.state()["journal"]["head"])


def first_install(unit: Unit, publisher: Publisher, tmp_path: Path) -> None:
    """As provisioning does it: one release, both links."""
    file = next(publisher.root.glob(f"built/{OLD}/*.tar"))
    release = staging.read_release(file)
    folder = unit.programs.begin(OLD)
    unpack(file, folder, release)
    Installer().install(folder, unit.programs.release(OLD))
    unit.programs.finish(OLD)
    for link in (CURRENT, CONFIRMED):
        unit.programs.lead(link, OLD)
    (tmp_path / "state").mkdir()


@pytest.mark.timeout(900)
def test_old_and_new_take_turns_over_one_data_folder(
    unit: Unit, gate: Gate, tmp_path: Path
) -> None:
    publisher = Publisher(root=tmp_path / "repository").begin()
    build(publisher, OLD)
    build(publisher, NEW)
    first_install(unit, publisher, tmp_path)
    assert updater_of(unit, publisher, tmp_path).run().state is UpdateState.IDLE
    badge = LoneSite().badge()
    unit.restart()
    assert (version_of(unit), gate.show(badge)) == (OLD, "granted")
    before = head_of(gate)

    order(gate, NEW, "one")
    record = updater_of(unit, publisher, tmp_path).run()
    assert (record.outcome, record.confirmed, record.previous) == (
        UpdateOutcome.CONFIRMED,
        NEW,
        OLD,
    ), record.detail
    assert version_of(unit) == NEW
    assert gate.show(badge) == "granted"
    between = head_of(gate)
    assert between > before, "the newer one goes on in the older one's journal"

    order(gate, "", "back")
    record = updater_of(unit, publisher, tmp_path).run()
    assert (record.outcome, record.confirmed) == (UpdateOutcome.RETURNED, OLD)
    assert (version_of(unit), gate.show(badge)) == (OLD, "granted")
    assert head_of(gate) > between, "and the older one in the newer one's"


@pytest.mark.timeout(900)
def test_a_release_that_does_not_begin_is_taken_back_for_real(
    unit: Unit, gate: Gate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publisher = Publisher(root=tmp_path / "repository").begin()
    build(publisher, OLD)
    build(publisher, WORSE)
    first_install(unit, publisher, tmp_path)
    unit.restart()
    broken = Installer.install

    def without_its_config(self: Installer, folder: Path, final: Path) -> None:
        broken(self, folder, final)
        (module,) = folder.glob("lib/python3*/site-packages/doorward_edge/wiring.py")
        module.write_text("raise RuntimeError('a mistake of the release')\n")

    monkeypatch.setattr(Installer, "install", without_its_config)
    order(gate, WORSE, "one")
    record = updater_of(unit, publisher, tmp_path).run()
    assert record.outcome is UpdateOutcome.RETURNED
    assert record.detail.startswith("does not begin:")
    assert version_of(unit) == OLD
    assert gate.show(LoneSite().badge()) == "granted"
