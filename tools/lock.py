"""Resolve the dependencies of the three projects and of the installer; write both lock files.

`requirements.lock` pins every package of the workspace with its hashes for every platform;
`tools/installer.lock` pins uv itself, `tools/provision.lock` Ansible; `tools/test-only.lock` pins
what only tests look at, `tools/drawing.lock` what draws the wiring, `tools/site.lock` what makes
pages of the documentation. None names a package index: which one is used is the machine's own
setting.
uv's own `uv.lock` does name it and therefore stays uncommitted.
"""

import os
import subprocess
import sys
from pathlib import Path

from tools.bootstrapping.environment import Workspace
from tools.bootstrapping.mirrors import parse_pip_settings, uv_environment

ROOT = Path(__file__).resolve().parent.parent
UV = Workspace(root=ROOT).tools / "uv" / "bin" / "uv"
NOTE = "# The installer of Python packages, pinned. Made by `make lock`; pip checks the hashes.\n"
EXPORT = ("export", "--all-packages", "--no-emit-workspace", "--no-annotate", "--no-header")
GROUP = ("export", "--only-group", "provision", "--no-annotate", "--no-header")
ANSIBLE_NOTE = "# Ansible, in an environment of its own. Made by `make lock`; hashes are checked.\n"
TEST_NOTE = "# Looked at by tests and run with stand-ins for the rest. Made by `make lock`.\n"
DRAWING_NOTE = "# What draws the wiring, in an environment of its own. Made by `make lock`.\n"
SITE_NOTE = "# What makes pages of docs/, in an environment of its own. Made by `make lock`.\n"
COMPILE = ("pip", "compile", "--generate-hashes", "--no-annotate", "--no-header", "--quiet")


def main(arguments: list[str]) -> int:
    """Write the locks; `--upgrade` among the arguments takes the newest versions allowed."""
    listing = subprocess.run(
        [UV.with_name("python"), "-m", "pip", "config", "list"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    env = uv_environment(parse_pip_settings(listing), os.environ)

    def uv(*argv: str, given: str = "") -> str:
        return subprocess.run(
            [UV, *argv],
            cwd=ROOT,
            env=env,
            input=given,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        ).stdout

    uv("lock", *arguments)
    (ROOT / "requirements.lock").write_text(uv(*EXPORT, "--frozen", "--quiet"), encoding="utf-8")
    ansible = ROOT / "tools" / "provision.lock"
    ansible.write_text(ANSIBLE_NOTE + uv(*GROUP, "--frozen", "--quiet"), encoding="utf-8")
    for name, note, package in (
        ("installer.lock", NOTE, "uv"),
        ("test-only.lock", TEST_NOTE, "picamera2"),
    ):
        path = ROOT / "tools" / name
        pinned = package if "--upgrade" in arguments else _pin(path, package)
        path.write_text(note + uv(*COMPILE, "--no-deps", "-", given=pinned), encoding="utf-8")
    for name, note, package in (
        ("drawing.lock", DRAWING_NOTE, "wireviz"),
        ("site.lock", SITE_NOTE, "mkdocs-material"),
    ):
        path = ROOT / "tools" / name
        pinned = package if "--upgrade" in arguments else _pin(path, package)
        named = uv(*COMPILE, "--universal", "--python-version", "3.11", "-", given=pinned)
        path.write_text(note + named, encoding="utf-8")
    print(
        "Written: requirements.lock, and tools/{installer,provision,test-only,drawing,site}.lock."
    )
    return 0


def _pin(lock: Path, package: str) -> str:
    lines = lock.read_text(encoding="utf-8").splitlines()
    return next(line.removesuffix(" \\") for line in lines if line.startswith(f"{package}=="))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
