"""Makes the sizes of the printed head from the parts' data, and pictures: `make enclosure`.

With `--check` only the parameters are compared. OpenSCAD (apt) is needed for pictures and STL
alone; `--stl FOLDER` writes what a printer's program reads.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tools.hardware.parts import HARDWARE, CameraPart, ComputerPart, Shelf

ENCLOSURE = HARDWARE / "enclosure"
HEADS = (
    ("raspberry-pi-4", "camera-module-3"),
    ("raspberry-pi-zero-2w", "camera-module-3"),
    ("raspberry-pi-5", "global-shutter-6mm"),
)
VIEW = ("--imgsize=1000,800", "--viewall", "--autocenter", "--colorscheme=Tomorrow")
FROM_THE_FRONT = "--camera=0,0,0,215,0,20,500"


def parameters(computer: ComputerPart, camera: CameraPart) -> str:
    """Returns the file that sets the sizes and takes in the shape."""
    holes = computer.hole_spacing_mm or (0.0, 0.0)
    return (
        "// made by `make enclosure` from hardware/computers and hardware/cameras\n"
        f"computer = {_vector(computer.board_mm)};\n"
        f"holes = {_vector(holes)};\n"
        f"has_holes = {str(computer.hole_spacing_mm is not None).lower()};\n"
        f"camera = {_vector(camera.board_mm)};\n"
        f"half_width = {camera.half_width:.4f};\n"
        "include <head.scad>\n"
    )


def texts() -> dict[Path, str]:
    """Returns each head's parameters by the file's path."""
    shelf = Shelf()
    return {
        ENCLOSURE / f"head-{computer}-{camera}.scad": parameters(
            shelf.computer(computer), shelf.camera(camera)
        )
        for computer, camera in HEADS
    }


def main() -> int:
    """Writes parameters and pictures, or says which parameters differ."""
    wanted, arguments = texts(), sys.argv[1:]
    differing = [p for p, text in wanted.items() if not p.is_file() or p.read_text() != text]
    if "--check" in arguments:
        for path in differing:
            print(f"{path.name} is not what the parts say; run: make enclosure")
        return 1 if differing else 0
    if shutil.which("openscad") is None:
        print("OpenSCAD is missing: sudo tools/install-packages openscad")
        return 1
    for path, text in wanted.items():
        path.write_text(text, "utf-8")
        if "--stl" in arguments:
            folder = Path(arguments[arguments.index("--stl") + 1])
            folder.mkdir(parents=True, exist_ok=True)
            for part in ("box", "lid", "hood"):
                _openscad(path, folder / f"{path.stem}-{part}.stl", f'-Dpart="{part}"')
        else:
            _openscad(path, path.with_suffix(".png"), *VIEW, FROM_THE_FRONT)
        print(path.name)
    return 0


def _openscad(source: Path, target: Path, *options: str) -> None:
    argv = ["openscad", "-o", str(target), *options, str(source)]
    if target.suffix == ".png" and shutil.which("xvfb-run"):
        argv = ["xvfb-run", "-a", *argv]
    env = {**os.environ, "LIBGL_ALWAYS_SOFTWARE": "1"}
    done = subprocess.run(argv, check=False, capture_output=True, text=True, env=env)
    if done.returncode != 0 or "WARNING" in done.stderr or "ERROR" in done.stderr:
        raise RuntimeError(f"{source.name}: {done.stderr.strip()}")


def _vector(values: tuple[float, ...]) -> str:
    return "[" + ", ".join(f"{value:g}" for value in values) + "]"


if __name__ == "__main__":
    sys.exit(main())
