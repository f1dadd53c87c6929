"""The file of a release: a tar archive of wheels, their hashes, what is in them, and who it fits.

Wheels are compressed already, so the archive is not: its length bounds what unpacking takes.
"""

import hashlib
import io
import json
import re
import tarfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from doorward.software import Release

MANIFEST, REQUIREMENTS, BILL = "MANIFEST.json", "requirements.txt", "sbom.cdx.json"
_WHEEL = re.compile(r"(?P<name>[A-Za-z0-9._]+)-(?P<version>[A-Za-z0-9._!+]+)-[^/]+\.whl")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wheel:
    """One wheel of a release."""

    name: str
    version: str
    file: str
    content: bytes

    @property
    def sha256(self) -> str:
        """Its hash."""
        return hashlib.sha256(self.content).hexdigest()


def read_wheels(folder: Path) -> tuple[Wheel, ...]:
    """Returns the wheels in a folder, ascending by file name."""
    found = []
    for path in sorted(folder.glob("*.whl")):
        named = _WHEEL.fullmatch(path.name)
        assert named is not None, path.name  # noqa: S101  # every wheel is named so
        name = re.sub(r"[-_.]+", "-", named["name"]).lower()
        found.append(
            Wheel(name=name, version=named["version"], file=path.name, content=path.read_bytes())
        )
    return tuple(found)


def write_bundle(release: Release, wheels: Iterable[Wheel], epoch_s: int, path: Path) -> None:
    """Writes a release's file; the same wheels give the same bytes."""
    ordered = sorted(wheels, key=lambda wheel: wheel.file)
    lines = (f"{w.name}=={w.version} --hash=sha256:{w.sha256}\n" for w in ordered)
    manifest = {**release.to_plain(), "format": 1, "wheels": [_line(wheel) for wheel in ordered]}
    entries = {
        MANIFEST: _json(manifest),
        REQUIREMENTS: "".join(lines).encode(),
        BILL: _json(bill_of_materials(release, ordered)),
        **{f"wheels/{wheel.file}": wheel.content for wheel in ordered},
    }
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as archive:
        for name in sorted(entries):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mtime, entry.mode = len(entries[name]), epoch_s, 0o644
            archive.addfile(entry, io.BytesIO(entries[name]))


def bill_of_materials(release: Release, wheels: Iterable[Wheel]) -> Mapping[str, Any]:
    """Returns what a release consists of, in CycloneDX 1.6; without times, so that it is stable."""
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "name": f"doorward-{release.part.value}",
                "version": str(release.version),
            }
        },
        "components": [
            {
                "type": "library",
                "name": wheel.name,
                "version": wheel.version,
                "purl": f"pkg:pypi/{wheel.name}@{wheel.version}",
                "hashes": [{"alg": "SHA-256", "content": wheel.sha256}],
            }
            for wheel in wheels
        ],
    }


def _line(wheel: Wheel) -> Mapping[str, str | int]:
    return {"file": wheel.file, "sha256": wheel.sha256, "bytes": len(wheel.content)}


def _json(value: Mapping[str, Any]) -> bytes:
    text = json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True)
    return f"{text}\n".encode()
