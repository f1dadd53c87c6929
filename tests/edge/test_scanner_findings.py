"""What the check says of scanners."""

import os
import pty
from pathlib import Path

import pytest

from doorward_edge.config import parse_config
from doorward_edge.findings import Finding
from doorward_edge.scanner_findings import examine_scanners
from tests.edge.test_config import PLACE
from tests.edge.test_scanner import with_scanner


def finding(kind: str, device: str) -> Finding:
    config = parse_config(with_scanner(f'kind = "{kind}"\ndevice = "{device}"'), PLACE)
    (found,) = examine_scanners(config)
    assert found.name == "scanner desk"
    return found


@pytest.mark.parametrize(
    ("kind", "where"), [("keyboard", "/dev/input/by-id/"), ("serial", "/dev/serial/by-id/")]
)
def test_a_scanner_that_is_not_there_says_where_to_look(
    kind: str, where: str, tmp_path: Path
) -> None:
    found = finding(kind, f"{tmp_path}/none")
    assert not found.is_well
    assert found.said == f"{tmp_path}/none: No such file or directory"
    assert where in found.mend


def test_what_is_no_device_is_none(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", "ascii")
    found = finding("serial", f"{tmp_path}/file")
    assert (found.is_well, found.said) == (False, f"{tmp_path}/file is no device")


def test_a_scanner_that_is_there_is_well() -> None:
    host, other = pty.openpty()
    name = os.ttyname(other)
    assert finding("serial", name) == Finding(
        name="scanner desk", is_well=True, said=f"serial, {name}"
    )
    os.close(host)
    os.close(other)


@pytest.mark.parametrize(("kind", "group"), [("keyboard", "input"), ("serial", "dialout")])
def test_one_that_may_not_be_read_names_the_group(
    kind: str, group: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    found = finding(kind, "/dev/null")
    assert (found.is_well, found.said) == (False, "/dev/null may not be read by this user")
    assert f"-aG {group} " in found.mend
