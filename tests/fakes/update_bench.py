"""A gateway's machine for the updater: real folders and links, time and systemd made up.

What must outlast a power cut - the clock of this start of the system, what runs - is in files.
"""

import json
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from doorward.outcomes import Finding
from doorward.times import ClockTrust, Instant, MonoMs, UtcMs
from doorward_edge.updating.catalogue import Catalogue, Found
from doorward_edge.updating.exchange import EVIDENCE_FILE, WISH_FILE, Evidence, Wish
from doorward_edge.updating.fetching import RepositoryFetcher
from doorward_edge.updating.folders import CONFIRMED, CURRENT, Programs
from doorward_edge.updating.installing import InstallError, unpack
from doorward_edge.updating.record import Record
from doorward_edge.updating.timing import Hours
from doorward_edge.updating.updater import STATUS_FILE, Around, Updater
from tests.fakes.release_repository import PLATFORM

NOON_UTC_S = 1_800_000_000
WELL = ("camera", "controller", "journal", "pins", "policy")


@dataclass(kw_only=True)
class Machine:
    """One gateway's machine; `root` is its disk."""

    root: Path
    repository: Path
    trust: ClockTrust = ClockTrust.SYNCHRONISED
    quiet_s: int = 3600
    hours: Hours | None = None
    hour: int = 12
    kill_at: int = 0
    told: int = 0
    url: str = ""

    def prepare(self, version: str = "0.1.0") -> "Machine":
        for folder in (self.state_dir, self.exchange_dir, self.programs.releases):
            folder.mkdir(parents=True)
        self.make_release(self.programs.release(version), version)
        self.programs.lead(CURRENT, version)
        self.programs.lead(CONFIRMED, version)
        self.keep(boot=1, mono_s=100, utc_s=NOON_UTC_S, runs=version, began=100)
        return self

    # --- What is on the disk --------------------------------------------------------------------

    @property
    def state_dir(self) -> Path:
        return self.root / "state"

    @property
    def exchange_dir(self) -> Path:
        return self.root / "exchange"

    @property
    def programs(self) -> Programs:
        return Programs(root=self.root / "programs")

    @property
    def world(self) -> dict[str, int | str]:
        found: dict[str, int | str] = json.loads((self.root / "world.json").read_text())
        return found

    def keep(self, **changes: int | str) -> None:
        path = self.root / "world.json"
        world = self.world if path.exists() else {}
        path.write_text(json.dumps(world | changes))

    @property
    def record(self) -> Record:
        return Record.from_wire((self.state_dir / STATUS_FILE).read_bytes())

    @property
    def runs(self) -> str:
        """The version of what runs, as its program says itself."""
        return str(self.world["runs"])

    @staticmethod
    def make_release(folder: Path, version: str, manner: str = "well") -> None:
        (folder / "bin").mkdir(parents=True, exist_ok=True)
        (folder / "bin" / "doorward-edge").write_text(f"{version} {manner}")

    def manner(self) -> tuple[str, str]:
        """Returns which version `current` leads to, and how that one behaves."""
        text = (self.programs.root / CURRENT / "bin" / "doorward-edge").read_text()
        version, manner = text.split()
        return version, manner

    def order(self, version: str, order: str = "one", until_utc_s: int = 0) -> None:
        wish = Wish(order=order, version=version, until_utc_s=until_utc_s)
        (self.exchange_dir / WISH_FILE).write_bytes(wish.to_wire())

    def power_cut(self) -> None:
        """The system begins anew, with whatever `current` leads to."""
        world = self.world
        version, manner = self.manner()
        self.keep(
            boot=int(world["boot"]) + 1,
            mono_s=20,
            utc_s=int(world["utc_s"]) + 60,
            runs=version if manner != "dead" else "",
            began=20,
        )
        (self.exchange_dir / EVIDENCE_FILE).unlink(missing_ok=True)

    # --- The ports ------------------------------------------------------------------------------

    def now(self) -> Instant:
        world = self.world
        return Instant(
            utc_ms=UtcMs(int(world["utc_s"]) * 1000),
            mono_ms=MonoMs(int(world["mono_s"]) * 1000),
            trust=self.trust,
        )

    def pause(self, seconds: float) -> None:
        world = self.world
        self.keep(
            mono_s=int(world["mono_s"]) + int(seconds), utc_s=int(world["utc_s"]) + int(seconds)
        )
        self.say_how_it_is()

    def say_how_it_is(self) -> None:
        world, runs = self.world, self.runs
        manner = self.manner()[1] if runs else "dead"
        if manner in {"dead", "mute"}:
            return
        began = int(world["mono_s"]) if manner == "restless" else int(world["began"])
        evidence = Evidence(
            version=runs,
            boot_id=f"boot-{world['boot']}",
            at_mono_s=int(world["mono_s"]),
            process=began * 1000,
            findings=tuple(
                Finding(what=what, is_good=what != manner, detail="as it is") for what in WELL
            ),
            quiet_s=self.quiet_s,
        )
        (self.exchange_dir / EVIDENCE_FILE).write_bytes(evidence.to_wire())

    def restart(self) -> None:
        version, manner = self.manner()
        world = self.world
        (self.exchange_dir / EVIDENCE_FILE).unlink(missing_ok=True)
        self.keep(runs="" if manner == "dead" else version, began=world["mono_s"])
        if manner == "dead":
            raise ChildProcessError("Job for doorward-edge.service failed")

    def unpack(self, file: Path, into: Path, found: Found) -> None:
        unpack(file, into, found.release)

    def install(self, folder: Path, final: Path) -> None:
        """The wheel's content says how the release behaves."""
        manner = next((folder / "wheels").glob("*.whl")).read_text().split()[0]
        if manner == "uninstallable":
            raise InstallError("pip: no such wheel")
        self.make_release(folder, final.name, manner)

    def step(self, name: str) -> None:
        self.told += 1
        if self.told == self.kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def updater(self) -> Updater:
        world = self.world
        self.say_how_it_is()
        root = self.root / "root.json"
        if not root.exists():
            root.write_bytes((self.repository / "metadata" / "1.root.json").read_bytes())
        fetcher = RepositoryFetcher("", lambda: 0.0, 5)
        return Updater(
            Around(
                programs=self.programs,
                releases=Catalogue(
                    url=self.url or f"file://{self.repository}",
                    root=root,
                    state_dir=self.state_dir,
                    fetcher=fetcher,
                    platform=PLATFORM,
                ),
                service=self,
                installer=self,
                clock=self,
                state_dir=self.state_dir,
                exchange_dir=self.exchange_dir,
                boot_id=f"boot-{world['boot']}",
                local_hour=lambda: self.hour,
                pause=self.pause,
                hours=self.hours,
                told=self.step,
            )
        )


def in_a_process(act: Callable[[], object]) -> int:
    """Runs something in a process of its own; returns 0, 1 for an exception, or minus a signal."""
    child = os.fork()
    if child == 0:
        try:
            act()
        except BaseException:
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
