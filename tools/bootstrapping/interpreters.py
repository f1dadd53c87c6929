"""Which Python the environment is built on."""

import json
import shutil
import subprocess
from collections.abc import Callable, Iterable
from dataclasses import dataclass

OLDEST = (3, 11)
SYSTEM_PYTHON = "/usr/bin/python3"
# pyenv and friends build Pythons without a module when its library's headers were not there.
_PROBE = """
import json, sys
lacks = []
for name in ("venv", "ensurepip", "ssl", "sqlite3", "ctypes", "lzma"):
    try:
        __import__(name)
    except ImportError:
        lacks.append(name)
print(json.dumps([sys.executable, list(sys.version_info[:3]), lacks]))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Interpreter:
    """A Python on this machine.

    Attributes:
        path: the real program, not a shim.
        version: major, minor, micro.
        lacks: the modules that Doorward needs and that this Python was built or packed without.
    """

    path: str
    version: tuple[int, int, int]
    lacks: tuple[str, ...]

    @property
    def is_new_enough(self) -> bool:
        """Whether Doorward's syntax can be read by it."""
        return self.version[:2] >= OLDEST

    @property
    def lacks_only_venv(self) -> bool:
        """Whether Debian's python3-venv is all that is missing."""
        return bool(self.lacks) and set(self.lacks) <= {"venv", "ensurepip"}


def probe(path: str) -> Interpreter | None:
    """Ask a Python what it is; None if it does not run."""
    try:
        done = subprocess.run([path, "-c", _PROBE], check=True, capture_output=True, timeout=30)
        real_path, version, lacks = json.loads(done.stdout)
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    return Interpreter(path=real_path, version=tuple(version), lacks=tuple(lacks))


def candidates() -> list[str]:
    """Return the Pythons to consider: what `python3` means to this person, then Debian's."""
    on_path = shutil.which("python3")
    return [path for path in dict.fromkeys((on_path, SYSTEM_PYTHON)) if path]


def choose(
    paths: Iterable[str], asked: Callable[[str], Interpreter | None] = probe
) -> Interpreter | None:
    """Return the first Python that can carry Doorward.

    Returns:
        A complete one if there is one; else Debian's own if only python3-venv is missing, which
        apt can bring; else None.
    """
    found = [interpreter for path in paths if (interpreter := asked(path))]
    usable = [interpreter for interpreter in found if interpreter.is_new_enough]
    for interpreter in usable:
        if not interpreter.lacks:
            return interpreter
    for interpreter in usable:
        if interpreter.lacks_only_venv and interpreter.path.startswith("/usr/bin/"):
            return interpreter
    return None
