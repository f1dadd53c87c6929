"""A release is built from what is committed and locked, and twice the same."""

import json
import tarfile
from importlib.metadata import requires
from pathlib import Path

import pytest

from doorward.software import Part, Release, Version
from tools.make_release import OWN
from tools.releasing.bundle import Wheel, read_wheels, write_bundle
from tools.releasing.closure import ROOT, BuildError, Platform, closure, parse_lock
from tools.releasing.wheels import build_own

PI = Platform.parse("cp311-aarch64")
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
RELEASE = Release(
    part=Part.GATEWAY,
    version=Version(0, 2, 0),
    platform="cp311-aarch64",
    floor=Version(0, 0, 0),
    notes={"en": "What is new"},
)


def test_a_gateway_carries_what_it_needs_and_nothing_of_the_controller() -> None:
    names = {each.name for each in closure("doorward-edge", parse_lock(LOCK, PI), PI)}
    assert {"tuf", "securesystemslib", "urllib3", "zxing-cpp", "numpy", "pyseccomp"} <= names
    assert not names & {"sqlalchemy", "fastapi", "pytest", "ruff", "doorward", "doorward-edge"}


def test_an_extra_of_a_requirement_is_carried_too() -> None:
    names = {each.name for each in closure("doorward-controller", parse_lock(LOCK, PI), PI)}
    assert "psycopg-binary" in names


def test_what_our_own_parts_need_is_read_where_they_say_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def old(name: str) -> list[str]:
        return [each for each in requires(name) or () if not each.startswith("tuf")]

    monkeypatch.setattr("tools.releasing.closure.requires", old)
    names = {each.name for each in closure("doorward-edge", parse_lock(LOCK, PI), PI)}
    assert "tuf" in names


def test_each_interpreter_gets_its_own_version_of_a_package() -> None:
    newer = Platform.parse("cp313-aarch64")
    versions = {str(p): parse_lock(LOCK, p)["numpy"].version for p in (PI, newer)}
    assert versions["cp311-aarch64"] != versions["cp313-aarch64"]


def test_what_is_needed_and_not_locked_stops_the_build() -> None:
    locked = {name: each for name, each in parse_lock(LOCK, PI).items() if name != "tuf"}
    with pytest.raises(BuildError, match=r"tuf: needed and not in requirements\.lock"):
        closure("doorward-edge", locked, PI)


@pytest.mark.parametrize("name", ["cp311-armv7l", "cp311", "pp311-aarch64", ""])
def test_a_platform_that_nobody_builds_for_is_named(name: str) -> None:
    with pytest.raises(BuildError, match="must be as cp311-aarch64"):
        Platform.parse(name)


def test_the_same_wheels_give_the_same_bytes_in_any_order(tmp_path: Path) -> None:
    wheels = [
        Wheel(name=name, version="1", file=f"{name}-1-py3-none-any.whl", content=name.encode())
        for name in ("b", "a", "c")
    ]
    write_bundle(RELEASE, wheels, 1_700_000_000, tmp_path / "one.tar")
    write_bundle(RELEASE, reversed(wheels), 1_700_000_000, tmp_path / "two.tar")
    assert (tmp_path / "one.tar").read_bytes() == (tmp_path / "two.tar").read_bytes()


def test_a_release_says_what_is_in_it_and_belongs_to_nobody(tmp_path: Path) -> None:
    wheel = Wheel(name="a", version="1", file="a-1-py3-none-any.whl", content=b"x")
    write_bundle(RELEASE, [wheel], 1_700_000_000, tmp_path / "one.tar")
    with tarfile.open(tmp_path / "one.tar") as archive:
        entries = {entry.name: entry for entry in archive}
        said = {name: archive.extractfile(name) for name in entries}
        manifest = json.load(said["MANIFEST.json"] or pytest.fail("is no file"))
        bill = json.load(said["sbom.cdx.json"] or pytest.fail("is no file"))
        pinned = (said["requirements.txt"] or pytest.fail("is no file")).read().decode()
    assert Release.from_plain(manifest) == RELEASE
    assert manifest["wheels"] == [{"bytes": 1, "file": wheel.file, "sha256": wheel.sha256}]
    assert [each["purl"] for each in bill["components"]] == ["pkg:pypi/a@1"]
    assert pinned == f"a==1 --hash=sha256:{wheel.sha256}\n"
    owners = {(e.uid, e.gid, e.uname, e.mtime, e.mode) for e in entries.values()}
    assert owners == {(0, 0, "", 1_700_000_000, 0o644)}


def test_our_own_wheels_are_the_same_twice_and_hold_one_another_to_their_version(
    tmp_path: Path,
) -> None:
    built = []
    for name in ("one", "two"):
        into = tmp_path / name / "wheels"
        into.mkdir(parents=True)
        build_own(OWN[Part.GATEWAY], "7.8.9", into, tmp_path / name, 1_700_000_000)
        built.append(read_wheels(into))
    assert built[0] == built[1]
    assert {(wheel.name, wheel.version) for wheel in built[0]} == {
        ("doorward", "7.8.9"),
        ("doorward-edge", "7.8.9"),
    }
