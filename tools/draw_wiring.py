"""Draws the wiring of every build by WireViz: `make wiring`; with `--check` compares its text only.

WireViz and Graphviz are needed for drawing alone, so that they are in no environment of the
product: Graphviz comes from apt, WireViz goes into `.tools/drawing`.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tools.hardware.builds import BUILDS, build_names, load_build
from tools.hardware.harness_checks import faults_of
from tools.hardware.parts import PartError
from tools.hardware.wireviz_text import wireviz_text
from tools.hardware.wiring import harness_of, sheets_of
from tools.own_environment import program

ROOT = Path(__file__).resolve().parent.parent


def texts() -> dict[Path, str]:
    """Returns what WireViz reads, by the file's path."""
    return {
        BUILDS / name / f"wiring-{sheet}.yaml": wireviz_text(harness)
        for name in build_names()
        for sheet, harness in sheets_of(load_build(name)).items()
    }


def main() -> int:
    """Writes texts and drawings, or says which texts differ."""
    try:
        faults = [
            f"{name}: {said}"
            for name in build_names()
            for build in (load_build(name),)
            for said in faults_of(build, harness_of(build))
        ]
        wanted = texts()
    except PartError as err:
        faults, wanted = [str(err)], {}
    if faults:
        print("\n".join(faults))
        return 1
    differing = [path for path, text in wanted.items() if not _is(path, text)]
    if "--check" in sys.argv[1:]:
        for path in differing:
            print(f"{path.relative_to(ROOT)} is not what the build says; run: make wiring")
        return 1 if differing else 0
    return _draw(wanted)


def _is(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text("utf-8") == text


def _draw(wanted: dict[Path, str]) -> int:
    if shutil.which("dot") is None:
        print("Graphviz is missing: sudo tools/install-packages graphviz")
        return 1
    wireviz = program("wireviz", environment="drawing")
    for path, text in wanted.items():
        path.write_text(text, "utf-8")
        with tempfile.TemporaryDirectory() as folder:
            argv = [str(wireviz), "-f", "s", "-o", folder, str(path)]
            subprocess.run(argv, check=True, capture_output=True)
            shutil.copyfile(Path(folder) / f"{path.stem}.svg", path.with_suffix(".svg"))
        print(path.with_suffix(".svg").relative_to(ROOT))
    return 0


if __name__ == "__main__":
    sys.exit(main())
