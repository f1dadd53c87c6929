"""What Doorward needs from Debian, how its absence is seen, and how it is installed."""

import shutil
import subprocess
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from tools.bootstrapping.failures import SetupError
from tools.bootstrapping.progress import Progress


class Purpose(StrEnum):
    """What the machine is made ready for; each includes the one before."""

    LINT = "lint"
    DEMO = "demo"
    TEST = "test"
    PROVISION = "provision"

    def includes(self, other: "Purpose") -> bool:
        """Whether a machine ready for this is also ready for `other`."""
        order = list(Purpose)
        return order.index(self) >= order.index(other)


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """Something that a Debian package brings and that may be there already by another way.

    Attributes:
        what: the thing, for people.
        package: the Debian package that brings it.
        seen_at: patterns below `/`; one match is enough.
        purpose: the least purpose that needs it.
    """

    what: str
    package: str
    seen_at: tuple[str, ...]
    purpose: Purpose

    def is_met(self, root: Path) -> bool:
        """Look for the thing below `root` (`/` outside tests)."""
        return any(next(root.glob(pattern), None) for pattern in self.seen_at)


def _library(name: str) -> tuple[str, ...]:
    return tuple(
        f"{folder}/{name}*" for folder in ("usr/lib/*-linux-*", "usr/lib", "usr/local/lib")
    )


def _program(name: str) -> tuple[str, ...]:
    return tuple(
        f"{folder}/{name}" for folder in ("usr/bin", "usr/sbin", "usr/local/bin", "usr/local/sbin")
    )


NEEDS = (
    Need(
        what="the Mosquitto broker",
        package="mosquitto",
        seen_at=_program("mosquitto"),
        purpose=Purpose.DEMO,
    ),
    Need(
        what="the zbar code reader",
        package="libzbar0",
        seen_at=_library("libzbar.so.0"),
        purpose=Purpose.DEMO,
    ),
    Need(
        what="the seccomp library (sandbox of the decoder)",
        package="libseccomp2",
        seen_at=_library("libseccomp.so.2"),
        purpose=Purpose.DEMO,
    ),
    Need(
        what="the PostgreSQL programs",
        package="postgresql",
        seen_at=("usr/lib/postgresql/*/bin/initdb", *_program("initdb")),
        purpose=Purpose.TEST,
    ),
    Need(
        what="restic (copies of everything)",
        package="restic",
        seen_at=_program("restic"),
        purpose=Purpose.TEST,
    ),
    Need(
        what="Chromium without windows",
        package="chromium-headless-shell",
        seen_at=_program("chromium-headless-shell"),
        purpose=Purpose.TEST,
    ),
    Need(
        what="a font with Chinese characters",
        package="fonts-wqy-zenhei",
        seen_at=(
            "usr/share/fonts/truetype/wqy/wqy-zenhei.ttc",
            "usr/share/fonts/*/noto/NotoSansCJK*",
            "usr/share/fonts/*/wqy/*.ttc",
        ),
        purpose=Purpose.TEST,
    ),
    Need(
        what="systemd's programs (its service need not run)",
        package="systemd",
        seen_at=_program("systemd-analyze"),
        purpose=Purpose.TEST,
    ),
    Need(
        what="the maker of Debian trees",
        package="mmdebstrap",
        seen_at=_program("mmdebstrap"),
        purpose=Purpose.PROVISION,
    ),
    Need(
        what="the container that boots them",
        package="systemd-container",
        seen_at=_program("systemd-nspawn"),
        purpose=Purpose.PROVISION,
    ),
    Need(
        what="the network of such containers",
        package="slirp4netns",
        seen_at=_program("slirp4netns"),
        purpose=Purpose.PROVISION,
    ),
    Need(
        what="rules for that network",
        package="nftables",
        seen_at=_program("nft"),
        purpose=Purpose.PROVISION,
    ),
    Need(
        what="network namespaces",
        package="iproute2",
        seen_at=(*_program("ip"), "sbin/ip", "bin/ip"),
        purpose=Purpose.PROVISION,
    ),
    Need(
        what="the SSH client",
        package="openssh-client",
        seen_at=_program("ssh-keygen"),
        purpose=Purpose.PROVISION,
    ),
)
VENV_NEED = Need(
    what="Python's venv module", package="python3-venv", seen_at=(), purpose=Purpose.LINT
)


def missing_needs(purpose: Purpose, *, root: Path = Path("/")) -> list[Need]:
    """Return what is needed for `purpose` and not on this machine."""
    wanted = [need for need in NEEDS if purpose.includes(need.purpose)]
    return [need for need in wanted if not need.is_met(root)]


def root_prefix(
    user_id: int,
    which: Callable[[str], str | None] = shutil.which,
    status_of: Callable[[list[str]], int] = lambda argv: (
        subprocess.run(argv, check=False, capture_output=True).returncode
    ),
) -> list[str] | None:
    """Return what to write before a command so that root runs it without asking for a password.

    Returns:
        Nothing to write for root itself, `sudo -n` where sudo asks nothing, None where this
        user may not.
    """
    if user_id == 0:
        return []
    if which("sudo") and status_of(["sudo", "-n", "true"]) == 0:
        return ["sudo", "-n"]
    return None


def install(
    needs: Iterable[Need],
    progress: Progress,
    project: Path,
    *,
    has_apt: bool,
    prefix: list[str] | None,
) -> None:
    """Install the packages of `needs` through apt, with what `root_prefix` has returned.

    Raises:
        SetupError: if this machine has no apt, if this user may not install, or if apt fails.
    """
    needs = list(needs)
    names = [need.package for need in needs]
    wanted = ", ".join(f"{need.what} ({need.package})" for need in needs)
    if not has_apt:
        msg = f"This machine lacks {wanted}, and it has no apt-get."
        advice = "Install these by its own package manager and run the same command again."
        raise SetupError(msg, advice=advice)
    if prefix is None:
        msg = f"This machine lacks {wanted}, and installing needs an administrator."
        command = f"sudo tools/install-packages {' '.join(names)}"
        advice = f"Run this, and then the same command again:\n\n    {command}\n"
        raise SetupError(msg, advice=advice)
    script = str(project / "tools" / "install-packages")
    title = f"installing {' '.join(names)} with apt"
    progress.run(title, [*prefix, "sh", script, *names], cwd=project)
    if "mosquitto" in names:
        progress.say("  Mosquitto's own system service is left off: Doorward starts its own.")
