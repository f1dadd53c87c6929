#!/usr/bin/env python3
"""Make this machine ready for Doorward: `python3 tools/bootstrap.py demo` or `... test`.

This file keeps to syntax that Python 3.6 can read, so that an old interpreter gets a sentence
and not a SyntaxError; everything else is in `tools/bootstrapping/`, written for Python 3.11.
Only the standard library is used: nothing is installed yet when this runs.
"""

import os
import shutil
import sys
from pathlib import Path

OLDEST = (3, 11)
CANDIDATES = ("/usr/bin/python3", "python3.13", "python3.12", "python3.11")


def _newer_interpreter() -> str:
    """Return the first other interpreter that is new enough, or an empty string."""
    check = f"import sys; sys.exit(sys.version_info < {OLDEST!r})"
    for name in CANDIDATES:
        path = shutil.which(name)
        if path and os.spawnv(os.P_WAIT, path, [path, "-c", check]) == 0:
            return path
    return ""


def main() -> int:
    """Hand over to the real work, with another interpreter if this one is too old."""
    root = Path(__file__).resolve().parent.parent
    if tuple(sys.version_info[:2]) >= OLDEST:
        sys.path.insert(0, str(root))
        from tools.bootstrapping.command import run  # noqa: PLC0415 -- not before the check

        return run(root, sys.argv[1:])
    other = _newer_interpreter()
    if other:
        os.execv(other, [other, *sys.argv])
    found = ".".join(str(part) for part in sys.version_info[:3])
    sys.stderr.write(
        f"Doorward needs Python 3.11 or newer; {sys.executable} is {found} and no newer one was"
        " found.\nDebian 12, Debian 13 and Raspberry Pi OS Bookworm bring it as `python3`.\n"
    )
    return 1


if __name__ == "__main__":
    sys.exit(main())
