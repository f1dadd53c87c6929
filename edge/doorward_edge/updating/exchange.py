"""What gateway and updater tell each other by files: what is wanted, and how the gateway is.

Both may be of different releases, and the gateway's user may write what it likes: what is read here
is bounded, and a field that is not known is passed over.
"""

import json
import os
import stat
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from doorward import shapes
from doorward.errors import BadIdError, MalformedError
from doorward.ids import parse_name
from doorward.outcomes import MAX_DETAIL_CHARACTERS, Finding
from doorward.software import Version

WISH_FILE, EVIDENCE_FILE = "wanted.json", "evidence.json"
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
MAX_BYTES = 32 * 1024
MAX_FINDINGS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is wanted of the updater.

    Attributes:
        order: its id; one order is taken once.
        version: what is to be installed; empty: back to the release before this one.
        until_utc_s: nothing is begun after that, 0 for no end.
    """

    order: str
    version: str
    until_utc_s: int = 0

    def to_wire(self) -> bytes:
        """Returns the JSON bytes."""
        return json.dumps(asdict(self), sort_keys=True).encode()

    @classmethod
    def from_wire(cls, wire: bytes) -> Self:
        """Returns the wish. Raises MalformedError."""
        value = _object(wire, "the order")
        version = shapes.text(value.get("version"), "the order: version", 32)
        try:
            order = parse_name(shapes.text(value.get("order"), "the order: id", 32), "its id")
        except BadIdError as err:
            raise MalformedError(f"the order: {err}") from err
        return cls(
            order=order,
            version=str(Version.parse(version)) if version else "",
            until_utc_s=shapes.number(value.get("until_utc_s"), "the order: until_utc_s", 2**40),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """How the gateway is.

    Attributes:
        version: of the software that says this.
        boot_id: the start of the system.
        at_mono_s: when, by its monotonic clock.
        process: when the process that says this began, by the same clock in milliseconds.
        findings: what was looked at.
        quiet_s: for how long nobody has held up a code or passed.
    """

    version: str
    boot_id: str
    at_mono_s: int
    process: int
    findings: tuple[Finding, ...]
    quiet_s: int

    def to_wire(self) -> bytes:
        """Returns the JSON bytes."""
        return json.dumps(asdict(self), ensure_ascii=False, sort_keys=True).encode()

    @classmethod
    def from_wire(cls, wire: bytes) -> Self:
        """Returns the evidence. Raises MalformedError."""
        value = _object(wire, "the evidence")
        rows = value.get("findings")
        if not isinstance(rows, list) or len(rows) > MAX_FINDINGS:
            raise MalformedError(f"the evidence: findings are no list of at most {MAX_FINDINGS}")
        return cls(
            version=shapes.text(value.get("version"), "the evidence: version", 32),
            boot_id=shapes.text(value.get("boot_id"), "the evidence: boot_id", 64),
            at_mono_s=shapes.number(value.get("at_mono_s"), "the evidence: at_mono_s", 2**40),
            process=shapes.number(value.get("process"), "the evidence: process", 2**50),
            findings=tuple(_finding(row) for row in rows),
            quiet_s=shapes.number(value.get("quiet_s"), "the evidence: quiet_s", 2**40),
        )


def boot_id() -> str:
    """Returns which start of the system this is, for both of them. Raises OSError."""
    return BOOT_ID.read_text(encoding="ascii").strip()


def read_bounded(path: Path) -> bytes | None:
    """Returns what a plain file holds, None where there is none. Raises MalformedError."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as err:
        raise MalformedError(f"{path}: cannot be read: {err.strerror}") from err
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise MalformedError(f"{path}: is no plain file")
        content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise MalformedError(f"{path}: is longer than {MAX_BYTES} bytes")
    return content


def write_whole(path: Path, content: bytes, *, flush: bool = True) -> None:
    """Writes a file whole or not at all; with `flush` it is on the disk after. Raises OSError."""
    partial = path.with_name(f".{path.name}.part")
    partial.unlink(missing_ok=True)
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        if flush:
            file.flush()
            os.fsync(descriptor)
    partial.rename(path)
    if flush:
        sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Puts the names in a folder onto the disk. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _object(wire: bytes, what: str) -> Mapping[str, Any]:
    try:
        value = json.loads(wire)
    except (ValueError, RecursionError) as err:
        raise MalformedError(f"{what} is not JSON") from err
    if not isinstance(value, dict):
        raise MalformedError(f"{what} is not an object")
    return value


def _finding(row: object) -> Finding:
    if not isinstance(row, dict) or not isinstance(row.get("is_good"), bool):
        raise MalformedError("the evidence: a finding is not [what, is_good, detail]")
    return Finding(
        what=shapes.text(row.get("what"), "the evidence: what", 64),
        is_good=row["is_good"],
        detail=shapes.text(row.get("detail"), "the evidence: detail", MAX_DETAIL_CHARACTERS),
    )
