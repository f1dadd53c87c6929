"""One run of the updater: whatever is due, from where the last run was cut off.

It is a program of its own, run as root from the release that proved well last. What it does in
which state is in `record`; a step is told before and after, so that a test can cut it off there.
"""

import logging
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from doorward.errors import MalformedError
from doorward.software import UpdateOutcome, UpdateState, Version
from doorward.times import Clock
from doorward_edge.updating.catalogue import CatalogueError, Found, UnreachableError
from doorward_edge.updating.exchange import (
    EVIDENCE_FILE,
    WISH_FILE,
    Evidence,
    Wish,
    read_bounded,
    write_whole,
)
from doorward_edge.updating.folders import CONFIRMED, CURRENT, Programs
from doorward_edge.updating.gate import (
    MOST_BOOTS,
    NEVER_WELL,
    Judgement,
    Trial,
    Verdict,
    is_fresh,
    judge,
    needs_of,
)
from doorward_edge.updating.installing import ROOM_FACTOR, SPARE_BYTES, WHEELS, InstallError
from doorward_edge.updating.record import REPLACEABLE, Record, UpdateWord
from doorward_edge.updating.timing import Hours, wait_of

log = logging.getLogger(__name__)

STATUS_FILE = "status.json"
LOOK_S = 2.0
RUN_S = 600
"""After so long a run begins nothing new; once what runs was touched, it goes on to the end."""


class Releases(Protocol):
    """What is signed, as `catalogue.Catalogue`."""

    def refresh(self) -> None:
        """Asks what is newest. Raises CatalogueError."""
        ...

    def find(self, version: Version) -> Found:
        """Returns a release. Raises CatalogueError."""
        ...

    def fetch(self, found: Found) -> Path:
        """Brings its file here. Raises CatalogueError or OSError."""
        ...

    def forget_downloads(self) -> None:
        """Throws away what was brought here. Raises OSError."""
        ...

    def room_needed(self, found: Found) -> int:
        """Returns how many bytes are still to be brought here."""
        ...


class Service(Protocol):
    """The gateway's unit."""

    def restart(self) -> None:
        """Starts it anew with what `current` leads to. Raises OSError when it does not begin."""
        ...


class Installer(Protocol):
    """What makes a folder that runs of a release's file."""

    def unpack(self, file: Path, into: Path, found: Found) -> None:
        """Unpacks it. Raises InstallError or OSError."""
        ...

    def install(self, folder: Path, final: Path) -> None:
        """Makes it run, in the folder that it will have. Raises InstallError or OSError."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """What the updater works with.

    Attributes:
        state_dir: its own folder.
        exchange_dir: the folder that the gateway writes.
        boot_id: of this start of the system.
        local_hour: the hour at the gate.
        pause: waits so many seconds.
        told: is told each step by its name.
    """

    programs: Programs
    releases: Releases
    service: Service
    installer: Installer
    clock: Clock
    state_dir: Path
    exchange_dir: Path
    boot_id: str
    local_hour: Callable[[], int]
    pause: Callable[[float], None]
    quiet_s: int = 60
    hours: Hours | None = None
    told: Callable[[str], None] = lambda _: None


class Updater:
    """Takes an update as far as it can go now."""

    def __init__(self, around: Around) -> None:
        """Reads where the last run was cut off."""
        self._a = around
        self.record = self._read_record()
        self._found: Found | None = None

    def run(self) -> Record:
        """Does what is due, and returns where it stands then. Raises OSError."""
        if not (self._a.state_dir / STATUS_FILE).exists():
            self._write(self.record)
        until_s = self._mono_s() + RUN_S
        while self._mono_s() < until_s or self.record.state not in REPLACEABLE:
            self._take_wish()
            if not self._go_on():
                break
        return self.record

    def take_back(self, why: str) -> Record:
        """Returns to the release before, on somebody's word. Raises OSError or InstallError."""
        record = self.record
        if record.state in {UpdateState.SWITCHING, UpdateState.ON_TRIAL}:
            self._keep(record.after(UpdateWord.TAKE_BACK, detail=why))
        elif record.state is UpdateState.IDLE:
            self._begin_return(record.order, why)
        else:
            raise InstallError(
                f"an update is {record.state}; nothing runs that could be taken back"
            )
        return self.run()

    def confirm(self) -> Record:
        """Confirms what is on trial, on somebody's word. Raises OSError or InstallError."""
        if self.record.state is not UpdateState.ON_TRIAL:
            raise InstallError(f"nothing is on trial; the update is {self.record.state}")
        self._keep(self.record.after(UpdateWord.PROVE))
        return self.run()

    # --- What is wanted -------------------------------------------------------------------------

    def _take_wish(self) -> None:
        try:
            wire = read_bounded(self._a.exchange_dir / WISH_FILE)
            wish = Wish.from_wire(wire) if wire is not None else None
        except MalformedError as err:
            log.warning("update.order_unreadable error=%s", err)
            return
        if wish is None or wish.order == self.record.order or self.record.state not in REPLACEABLE:
            return
        if not wish.version:
            self._begin_return(wish.order, "as ordered")
            return
        if (problem := self._why_not(wish)) is not None:
            self._keep(self.record.refused(wish.order, wish.version, problem))
            return
        self._found = None
        self._keep(
            self.record.after(
                UpdateWord.ORDER,
                order=wish.order,
                target=wish.version,
                until_utc_s=wish.until_utc_s,
                since_utc_s=self._a.clock.now().utc_s,
                file_sha256="",
                detail="",
            )
        )

    def _why_not(self, wish: Wish) -> str | None:
        version, confirmed = Version.parse(wish.version), self.record.confirmed
        if version < Version.parse(self.record.floor):
            return f"{version} is older than {self.record.floor}, which the signers do not allow"
        if wish.version == confirmed:
            return f"{version} runs already"
        if confirmed and version < Version.parse(confirmed):
            return f"{version} is older than {confirmed}, which runs; to go back, return"
        if confirmed and not version.works_with(Version.parse(confirmed)):
            return f"{version} does not come next after {confirmed}; install those between first"
        return None

    def _begin_return(self, order: str, why: str) -> None:
        record = self.record
        previous = record.previous
        if not previous or not self._a.programs.has(previous):
            self._keep(record.refused(order, previous, "no release before this one is kept"))
        elif Version.parse(previous) < Version.parse(record.floor):
            detail = f"{previous} is older than {record.floor}, which the signers do not allow"
            self._keep(record.refused(order, previous, detail))
        else:
            idle = replace(record, state=UpdateState.IDLE, order=order, detail=why)
            self._keep(
                replace(
                    idle.after(UpdateWord.TAKE_BACK),
                    target=record.confirmed,
                    confirmed=previous,
                    previous="",
                )
            )

    # --- One step -------------------------------------------------------------------------------

    def _go_on(self) -> bool:
        """Does what is due in the state; returns whether to go on at once."""
        state = self.record.state
        if state is UpdateState.IDLE:
            return False
        try:
            return self._steps[state](self)
        except UnreachableError as err:
            self._wait_with(str(err))
        except (CatalogueError, InstallError) as err:
            self._give_up(str(err))
            return True
        except OSError as err:
            if state not in REPLACEABLE:
                raise  # what runs was touched: the next run does it again
            self._give_up(f"the disk does not take it: {err.strerror or err}")
            return True
        return False

    def _fetch(self) -> bool:
        if self._a.clock.now().trusted_utc_s is None:
            self._wait_with("waits for a clock that can be trusted")
            return False
        if self._is_too_late():
            return True
        found = self._find()
        self._check_room(found)
        self._a.told("fetching")
        self._a.releases.fetch(found)
        self._a.told("fetched")
        floor = max(found.release.floor, Version.parse(self.record.floor))
        self._keep(
            self.record.after(
                UpdateWord.FETCH, file_sha256=found.sha256, floor=str(floor), detail=""
            )
        )
        return True

    def _unpack(self) -> bool:
        found = self._find()
        file = self._a.releases.fetch(found)
        self._a.told("unpacking")
        self._a.installer.unpack(file, self._a.programs.begin(self.record.target), found)
        self._a.told("unpacked")
        self._keep(self.record.after(UpdateWord.UNPACK))
        return True

    def _install(self) -> bool:
        programs, version = self._a.programs, self.record.target
        if not programs.has(version):
            folder = programs.unfinished(version)
            if not (folder / WHEELS).is_dir():
                raise InstallError("what was unpacked is gone; order the update again")
            self._a.told("installing")
            self._a.installer.install(folder, programs.release(version))
            self._a.told("installed")
            programs.finish(version)
        self._a.told("finished")
        self._a.releases.forget_downloads()
        self._keep(self.record.after(UpdateWord.INSTALL, since_utc_s=self._a.clock.now().utc_s))
        return True

    def _switch_when_quiet(self) -> bool:
        if self._is_too_late():
            return True
        evidence = self._fresh_evidence()
        wait = wait_of(
            hours=self._a.hours,
            local_hour=self._a.local_hour(),
            quiet_s=None if evidence is None else evidence.quiet_s,
            wanted_quiet_s=self._a.quiet_s,
            waited_s=self._a.clock.now().utc_s - self.record.since_utc_s,
        )
        if wait is not None:
            self._wait_with(wait.why)
            self._a.pause(LOOK_S)
            return wait.is_short
        needs = needs_of(evidence, self._a.boot_id, self._mono_s())
        self._keep(
            self.record.after(
                UpdateWord.SWITCH,
                needs=needs,
                trial_boot=self._a.boot_id,
                trial_since_s=self._mono_s(),
                trial_boots=1,
                detail="",
            )
        )
        return True

    def _switch(self) -> bool:
        self._count_start()
        if self.record.trial_boots >= MOST_BOOTS:
            self._keep(self.record.after(UpdateWord.TAKE_BACK, detail=NEVER_WELL))
            return True
        self._a.told("switching")
        self._a.programs.lead(CURRENT, self.record.target)
        self._a.told("switched")
        try:
            self._a.service.restart()
        except OSError as err:
            self._keep(self.record.after(UpdateWord.TAKE_BACK, detail=f"does not begin: {err}"))
            return True
        self._a.told("started")
        self._keep(self.record.after(UpdateWord.START, trial_since_s=self._mono_s()))
        return True

    def _watch(self) -> bool:
        self._count_start()
        trial = Trial(
            version=self.record.target,
            needs=self.record.needs,
            since_s=self.record.trial_since_s,
            boots=self.record.trial_boots,
        )
        said = Judgement(verdict=Verdict.WAIT)
        self._a.told("watching")
        while said.verdict is Verdict.WAIT:
            trial, said = judge(trial, self._evidence(), self._a.boot_id, self._mono_s())
            if said.verdict is Verdict.WAIT:
                self._a.pause(LOOK_S)
        log.info("update.%s version=%s why=%s", said.verdict, self.record.target, said.why)
        word = UpdateWord.PROVE if said.verdict is Verdict.CONFIRM else UpdateWord.TAKE_BACK
        self._a.told("judged")
        self._keep(self.record.after(word, detail=said.why))
        return True

    def _confirm(self) -> bool:
        record = self.record
        self._a.programs.lead(CURRENT, record.target)
        self._a.told("confirming")
        self._a.programs.lead(CONFIRMED, record.target)
        self._a.told("confirmed")
        before = record.confirmed if record.confirmed != record.target else record.previous
        self._a.programs.keep_only(frozenset({record.target, before}))
        self._a.told("tidied")
        ended = record.ended(UpdateWord.CONFIRM, UpdateOutcome.CONFIRMED)
        self._keep(replace(ended, confirmed=record.target, previous=before))
        return True

    def _return(self) -> bool:
        record = self.record
        self._a.told("returning")
        self._a.programs.lead(CURRENT, record.confirmed)
        self._a.programs.lead(CONFIRMED, record.confirmed)
        self._a.told("led_back")
        try:
            self._a.service.restart()
        except OSError as err:
            # It ran before; whoever starts units goes on trying.
            log.error("update.old_does_not_begin error=%s", err)  # noqa: TRY400  # one line
        self._a.told("returned")
        self._a.programs.keep_only(frozenset({record.confirmed, record.previous}))
        self._keep(
            self.record.ended(UpdateWord.RETURN, UpdateOutcome.RETURNED, detail=record.detail)
        )
        return True

    _steps = {  # noqa: RUF012  # never changed
        UpdateState.FETCHING: _fetch,
        UpdateState.FETCHED: _unpack,
        UpdateState.UNPACKED: _install,
        UpdateState.INSTALLED: _switch_when_quiet,
        UpdateState.SWITCHING: _switch,
        UpdateState.ON_TRIAL: _watch,
        UpdateState.CONFIRMING: _confirm,
        UpdateState.RETURNING: _return,
    }

    # --- Parts of the steps ---------------------------------------------------------------------

    def _count_start(self) -> None:
        """A release with which the system does not stay up must not be started for ever."""
        if self.record.trial_boot != self._a.boot_id:
            self._keep(
                replace(
                    self.record,
                    trial_boot=self._a.boot_id,
                    trial_since_s=self._mono_s(),
                    trial_boots=self.record.trial_boots + 1,
                )
            )

    def _is_too_late(self) -> bool:
        """Gives up what was wanted until a time that is past."""
        is_late = 0 < self.record.until_utc_s <= self._a.clock.now().utc_s
        if is_late:
            self._give_up("it could not be done in the time that it was wanted for")
        return is_late

    def _find(self) -> Found:
        if self._found is None:
            self._found = self._a.releases.find(Version.parse(self.record.target))
        return self._found

    def _check_room(self, found: Found) -> None:
        """What is short is said before anything is brought here: a full card helps nobody."""
        length = int(found.target.length)
        needed = (ROOM_FACTOR - 1) * length + self._a.releases.room_needed(found) + SPARE_BYTES
        free = min(
            shutil.disk_usage(folder).free for folder in (self._a.state_dir, self._a.programs.root)
        )
        if free < needed:
            raise InstallError(
                f"the disk is too full: {needed // 2**20} MiB are needed, {free // 2**20} MiB free"
            )

    def _evidence(self) -> Evidence | None:
        try:
            wire = read_bounded(self._a.exchange_dir / EVIDENCE_FILE)
            return None if wire is None else Evidence.from_wire(wire)
        except MalformedError as err:
            log.warning("update.evidence_unreadable error=%s", err)
            return None

    def _fresh_evidence(self) -> Evidence | None:
        evidence = self._evidence()
        if evidence is None or not is_fresh(evidence, self._a.boot_id, self._mono_s()):
            return None
        return evidence

    def _give_up(self, why: str) -> None:
        """Makes room first: on a full disk the record could not be written otherwise."""
        log.warning("update.given_up version=%s why=%s", self.record.target, why)
        shutil.rmtree(self._a.programs.unfinished(self.record.target), ignore_errors=True)
        self._a.releases.forget_downloads()
        self._keep(self.record.ended(UpdateWord.GIVE_UP, UpdateOutcome.FAILED, why))

    def _wait_with(self, why: str) -> None:
        if self.record.detail != why:
            self._keep(self.record.saying(why))

    def _keep(self, record: Record) -> None:
        """Writes, then counts. Raises OSError."""
        if record == self.record:
            return
        self._write(record)
        log.info("update.state state=%s target=%s", record.state, record.target)
        self.record = record
        self._a.told(f"kept_{record.state}")

    def _write(self, record: Record) -> None:
        write_whole(self._a.state_dir / STATUS_FILE, record.to_wire())

    def _read_record(self) -> Record:
        """What was written last; where that is lost, what the links say, and back to safety."""
        confirmed = self._a.programs.version_at(CONFIRMED)
        try:
            wire = read_bounded(self._a.state_dir / STATUS_FILE)
            if wire is not None:
                return Record.from_wire(wire)
            lost = ""
        except MalformedError as err:
            lost = f"its record was lost: {err}"
            log.warning("update.record_lost error=%s", err)
        current = self._a.programs.version_at(CURRENT)
        beginning = Record(confirmed=confirmed or current, detail=lost)
        if confirmed and current != confirmed:
            return replace(beginning, state=UpdateState.RETURNING, target=current)
        return beginning

    def _mono_s(self) -> int:
        return self._a.clock.now().mono_ms // 1000
