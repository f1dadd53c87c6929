"""The one adapter to restic: deduplicated, encrypted copies, whatever the place is.

Exit status 0 done, 3 a file could not be read, everything else failed (restic, "Scripting").
"""

import json
import os
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from doorward_controller.errors import BackupError

Tell = Callable[[int, int | None], None]
"""Is told how many bytes of how many are done."""

_PROGRAM = "restic"
_LINES_OF_TROUBLE = 3
_NO_REPOSITORY = ("unable to open config file", "does not exist", "is there a repository")


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """One copy at a place.

    Attributes:
        id: as restic names it.
        time: when it was made, as ISO 8601.
        folder: what its paths begin with.
    """

    id: str
    time: str
    folder: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """What one backup brought to a place.

    Attributes:
        size_bytes: all that it holds.
        added_bytes: what was not there before.
    """

    snapshot: str
    size_bytes: int
    added_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Restic:
    """One repository. Every method raises BackupError with restic's own last words."""

    repository: str
    password: str = field(repr=False)
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    cache_dir: Path | None = None

    def backup(self, folder: Path, *, tag: str, host: str, tell: Tell) -> Stored:
        """Copies a folder, making the repository where there is none.

        A file that cannot be read fails the whole.
        """
        try:
            return self._backup(folder, tag, host, tell)
        except BackupError as err:
            if not any(words in err.message.lower() for words in _NO_REPOSITORY):
                raise
        self.make()
        return self._backup(folder, tag, host, tell)

    def make(self) -> None:
        """Makes the repository."""
        self._run("init")

    def _backup(self, folder: Path, tag: str, host: str, tell: Tell) -> Stored:
        summary: dict[str, Any] = {}
        for said in self._lines("backup", "--tag", tag, "--host", host, str(folder)):
            if said.get("message_type") == "status":
                tell(int(said.get("bytes_done", 0)), said.get("total_bytes"))
            elif said.get("message_type") == "summary":
                summary = said
        if not summary:
            raise BackupError(f"{self.repository}: restic ended without a summary")
        return Stored(
            snapshot=str(summary["snapshot_id"]),
            size_bytes=int(summary["total_bytes_processed"]),
            added_bytes=int(summary["data_added"]),
        )

    def snapshots(self, *, tag: str) -> tuple[Snapshot, ...]:
        """Returns what there is, the newest first."""
        found = json.loads(self._run("snapshots", "--json", "--tag", tag) or "[]") or []
        made = [
            Snapshot(id=each["id"], time=each["time"], folder=each["paths"][0]) for each in found
        ]
        return tuple(sorted(made, key=lambda each: each.time, reverse=True))

    def restore(self, snapshot: Snapshot, into: Path) -> Path:
        """Copies everything back into an empty folder; returns where it is there."""
        self._run("restore", snapshot.id, "--target", str(into))
        return into / snapshot.folder.lstrip("/")

    def read(self, snapshot: Snapshot, name: str) -> bytes:
        """Returns one file of a snapshot."""
        return self._run("dump", snapshot.id, f"{snapshot.folder}/{name}").encode()

    def check(self, share: float) -> None:
        """Reads so much of the stored data, and all that ties it together."""
        self._run("check", f"--read-data-subset={max(1, round(share * 100))}%")

    def forget(self, *, tag: str, keep_days: int) -> None:
        """Removes what is older, and the data that nothing needs any more.

        What a dead process left locked is unlocked first; who still works keeps its lock.
        """
        kept = ("--keep-within", f"{keep_days}d", "--keep-last", "3")
        arguments = ("forget", "--tag", tag, "--group-by", "host,tags", *kept, "--prune")
        try:
            self._run(*arguments)
        except BackupError as err:
            if "lock" not in err.message:
                raise
            self._run("unlock")
            self._run(*arguments)

    def _run(self, *arguments: str) -> str:
        with self._started(arguments) as running:
            output, _ = running.process.communicate()
        return output

    def _lines(self, *arguments: str) -> Iterator[dict[str, Any]]:
        with self._started((*arguments, "--json")) as running:
            for line in running.process.stdout or ():
                try:
                    yield json.loads(line)
                except json.JSONDecodeError:
                    continue

    @contextmanager
    def _started(self, arguments: Sequence[str]) -> Iterator["_Running"]:
        read_end, write_end = os.pipe()
        try:
            os.write(write_end, self.password.encode())
        finally:
            os.close(write_end)
        cache = ("--cache-dir", str(self.cache_dir)) if self.cache_dir else ("--no-cache",)
        command = (_PROGRAM, "--repo", self.repository, *cache, *arguments)
        known = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        try:
            process = subprocess.Popen(  # noqa: S603  # our own arguments, and no shell
                command,
                env={
                    **known,
                    "RESTIC_PASSWORD_FILE": f"/dev/fd/{read_end}",
                    "RESTIC_PROGRESS_FPS": "2",
                    **self.environment,
                },
                pass_fds=(read_end,),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        except FileNotFoundError as err:
            raise BackupError(
                "restic is not installed: sudo apt-get install restic", code="restic_missing"
            ) from err
        finally:
            os.close(read_end)
        running = _Running(process)
        try:
            yield running
        except BaseException:
            process.terminate()
            raise
        finally:
            running.finish()
        if process.returncode:
            raise BackupError(f"{self.repository}: {running.trouble}", code="place_failed")


class _Running:
    """A restic at work, its complaints read beside its answers."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self._complaints: list[str] = []
        # `communicate` would read both, but not while the answers are used one by one.
        errors, process.stderr = process.stderr, None
        self._reader = threading.Thread(
            target=self._read, args=(errors,), name="restic-errors", daemon=True
        )
        self._reader.start()

    def _read(self, errors: IO[str] | None) -> None:
        if errors is not None:
            with errors:
                self._complaints.extend(errors)

    def finish(self) -> None:
        """Waits for the end."""
        if self.process.stdout and not self.process.stdout.closed:
            self.process.stdout.close()
        self.process.wait()
        self._reader.join()

    @property
    def trouble(self) -> str:
        """What it said last."""
        lines = [line.strip() for line in self._complaints if line.strip()]
        said = " ".join(lines[-_LINES_OF_TROUBLE:])
        return said or f"restic ended with status {self.process.returncode}"
