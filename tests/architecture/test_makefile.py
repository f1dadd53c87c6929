"""The Makefile says everything that it can do."""

import re
import subprocess

from tests.architecture.source import ROOT

MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
PROMISED = {
    *("demo", "test", "check", "bench", "dev", "format", "lint", "test-system", "vectors"),
    *("lock", "clean", "help"),
}


def _targets() -> set[str]:
    return set(re.findall(r"^([a-z][a-z-]*):", MAKEFILE, flags=re.MULTILINE))


def test_make_help_lists_every_target() -> None:
    done = subprocess.run(["make", "help"], cwd=ROOT, check=True, capture_output=True, text=True)
    plain = re.sub(r"\x1b\[\d*m", "", done.stdout)
    listed = {line.split()[0] for line in plain.splitlines() if line.startswith("  ")}
    assert listed == _targets()


def test_promised_targets_exist_and_are_phony() -> None:
    phony = re.search(r"^\.PHONY: (.*)$", MAKEFILE, flags=re.MULTILINE)
    assert phony
    assert _targets() >= PROMISED
    assert set(phony[1].split()) >= _targets()
