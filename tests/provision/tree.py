"""The Debian from which every machine of these tests begins: made once, kept under `var/`.

It is of this machine's own release, so that Python packages that were fetched here run there. Where
it gets packages from is whatever this machine's own apt uses, with its certificates.
"""

import hashlib
import json
import platform
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
KEPT = ROOT / "var" / "provision"
SHAPE = 2  # raise it when the way a tree is made changes
BASE = (
    *("systemd", "systemd-sysv", "dbus", "udev", "kmod", "procps", "iproute2", "netbase"),
    *("openssh-server", "python3", "python3-apt", "sudo", "ca-certificates"),
)
"""What a freshly written card has: everything else is the playbooks' work."""

_SOURCES = ("etc/apt/sources.list", "etc/apt/sources.list.d/debian.sources")
_TRUST = ("etc/ssl/certs/ca-certificates.crt", "usr/local/share/ca-certificates")


class TreeError(Exception):
    """The tree cannot be made here."""


def codename(root: Path = Path("/")) -> str:
    """Returns the release of this Debian. Raises TreeError elsewhere."""
    text = (root / "etc/os-release").read_text(encoding="utf-8")
    lines = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    name = lines.get("VERSION_CODENAME", "").strip('"')
    if lines.get("ID", "").strip('"') != "debian" or not name:
        raise TreeError("this machine is no Debian: machines for these tests are made from its own")
    return name


def made_tree() -> Path:
    """Returns the tree, which nobody may write to. Raises TreeError when it cannot be made."""
    release = codename()
    sources = [Path("/", name) for name in _SOURCES if Path("/", name).is_file()]
    inputs = json.dumps([SHAPE, release, platform.machine(), BASE])
    name = f"{release}-{hashlib.sha256(inputs.encode()).hexdigest()[:12]}"
    tree = KEPT / "trees" / name
    if tree.exists():
        return tree
    for old in (KEPT / "trees").glob("*"):
        shutil.rmtree(old)
    making = tree.with_name(f"{name}.new")
    making.mkdir(parents=True)
    try:
        _bootstrap(release, making, sources)
        _finish(making)
    except BaseException:
        shutil.rmtree(making, ignore_errors=True)
        raise
    making.rename(tree)
    return tree


def _bootstrap(release: str, tree: Path, sources: list[Path]) -> None:
    argv = [
        *("mmdebstrap", "--variant=minbase", f"--include={','.join(BASE)}", "--format=directory"),
        *("--skip=cleanup/apt/lists", "--aptopt=Acquire::Languages none"),
        *(f"--aptopt={line}" for line in _apt_options()),
        *(release, str(tree), *map(str, sources)),
    ]
    done = subprocess.run(argv, check=False, capture_output=True, text=True)
    if done.returncode:
        said = "\n".join(done.stderr.splitlines()[-15:])
        raise TreeError(f"mmdebstrap ended with status {done.returncode}:\n{said}")


def _apt_options() -> list[str]:
    """This machine's own settings of how apt fetches, as far as they are about fetching."""
    dump = subprocess.run(
        ["apt-config", "dump", "--no-empty", "--format", '%f "%v";%n', "Acquire"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    return [line for line in dump.splitlines() if "Changelogs" not in line]


def _finish(tree: Path) -> None:
    """Makes it a machine that root's key alone reaches, and that trusts whom this one trusts."""
    for name in _TRUST:
        source, target = Path("/", name), tree / name
        if source.is_dir():
            shutil.copytree(source, target, dirs_exist_ok=True)
        elif source.is_file():
            shutil.copyfile(source, target)
    for key in (tree / "etc/ssh").glob("ssh_host_*"):
        key.unlink()
    (tree / "etc/ssh/sshd_config.d/10-test.conf").write_text(
        "PasswordAuthentication no\nPermitRootLogin prohibit-password\nUseDNS no\n", "utf-8"
    )
    (tree / "root/.ssh").mkdir(mode=0o700, exist_ok=True)
    # A container has no console to log in at, and its clock is this machine's.
    for unit in ("console-getty.service", "getty.target"):
        (tree / "etc/systemd/system" / unit).symlink_to("/dev/null")
