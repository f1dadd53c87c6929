"""The command line of the bootstrap: look, install what is missing, say so in plain words."""

import argparse
import fcntl
import os
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tools.bootstrapping import interpreters
from tools.bootstrapping.environment import (
    Workspace,
    add_ansible,
    add_test_packages,
    make_ready,
)
from tools.bootstrapping.failures import SetupError, advice_for
from tools.bootstrapping.interpreters import Interpreter
from tools.bootstrapping.packages import VENV_NEED, Purpose, install, missing_needs, root_prefix
from tools.bootstrapping.progress import Progress


def run(root: Path, arguments: Sequence[str]) -> int:
    """Make the machine ready; return the exit status."""
    options = _parse(arguments)
    workspace = Workspace(root=root)
    progress = Progress(sys.stdout, workspace.tools / "bootstrap.log")
    purpose = Purpose(options.purpose)
    try:
        with _only_one(workspace, progress):
            _prepare(workspace, purpose, progress, system_site=options.system_site_packages)
    except SetupError as err:
        return _complain(err, workspace)
    except OSError as err:
        name = f"{err.filename}: " if err.filename else ""
        words = SetupError(f"{name}{err.strerror}.", advice=advice_for(str(err)))
        return _complain(words, workspace)
    except KeyboardInterrupt:
        print("\nStopped. The same command goes on from here.", file=sys.stderr)
        return 130
    return 0


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tools/bootstrap.py", description=__doc__)
    parser.add_argument(
        "purpose", choices=[purpose.value for purpose in Purpose], help="what to get ready for"
    )
    parser.add_argument(
        "--system-site-packages",
        action="store_true",
        help="let .venv see Debian's Python packages: for a real Pi camera (see docs/adr/0002)",
    )
    return parser.parse_args(arguments)


def _prepare(
    workspace: Workspace, purpose: Purpose, progress: Progress, *, system_site: bool
) -> None:
    began_mono_s = time.monotonic()
    needs = missing_needs(purpose)
    ready = workspace.is_ready(system_site=system_site)
    complete = not purpose.includes(Purpose.TEST) or workspace.has_test_packages()
    deploys = purpose is not Purpose.PROVISION or workspace.has_ansible()
    if ready and complete and deploys and not needs:
        return
    progress.say(f"Doorward: getting this machine ready for `make {_target(purpose)}`.")
    interpreter = None if ready and complete and deploys else _interpreter()
    if interpreter and interpreter.lacks:
        needs.append(VENV_NEED)
    if needs:
        has_apt = shutil.which("apt-get") is not None
        prefix = root_prefix(os.geteuid())
        install(needs, progress, workspace.root, has_apt=has_apt, prefix=prefix)
    if interpreter and not ready:
        make_ready(workspace, interpreter, progress, system_site=system_site)
    if interpreter and not complete:
        add_test_packages(workspace, interpreter, progress)
    if interpreter and not deploys:
        add_ansible(workspace, interpreter, progress)
    progress.say(f"Ready after {time.monotonic() - began_mono_s:.1f} s.")


def _target(purpose: Purpose) -> str:
    return "test-provision" if purpose is Purpose.PROVISION else purpose.value


def _interpreter() -> Interpreter:
    paths = interpreters.candidates()
    chosen = interpreters.choose(paths)
    if chosen is None:
        found = [interpreters.probe(path) for path in paths]
        said = "; ".join(
            f"{one.path} is {'.'.join(map(str, one.version))}"
            + (f" and lacks {', '.join(one.lacks)}" if one.lacks else "")
            for one in found
            if one
        )
        msg = f"No usable Python 3.11 or newer was found ({said or 'none at all'})."
        advice = "On Debian: `sudo apt-get install python3 python3-venv`, then the same again."
        raise SetupError(msg, advice=advice)
    return chosen


@contextmanager
def _only_one(workspace: Workspace, progress: Progress) -> Iterator[None]:
    """Hold the bootstrap's lock: two `make` at once must not build the same folder."""
    workspace.tools.mkdir(exist_ok=True)
    with (workspace.tools / "bootstrap.flock").open("w", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress.say("Waiting for another `make` that is getting this checkout ready ...")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _complain(err: SetupError, workspace: Workspace) -> int:
    lines = ["", f"Not ready: {err.sentence}"]
    if err.output:
        lines += ["", *(f"  | {line}" for line in err.output.splitlines())]
    if err.advice:
        lines += ["", err.advice]
    elif err.output:
        lines += ["", f"The whole output is in {workspace.tools / 'bootstrap.log'}."]
    print("\n".join(lines), file=sys.stderr)
    return 1
