"""Finds the Mosquitto program and says which version it is."""

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from doorward_controller.broker.dynamic_security import find_plugin
from doorward_controller.broker.errors import (
    BrokerFailedError,
    BrokerMissingError,
    BrokerTooOldError,
)

Version = tuple[int, int, int]

OLDEST: Version = (2, 0, 11)
"""Debian 12's; nothing older was tried, and older ones differ in what a reload signal reads."""

_PLACES = ("/usr/sbin", "/usr/local/sbin", "/opt/homebrew/sbin")
"""A service lives in sbin, which is often not in the PATH of a person who is not root."""

_ANSWER_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerProgram:
    """A Mosquitto that can be started.

    Attributes:
        path: the program.
        version: as it says of itself.
        plugin: its dynamic security plugin, if it lies where packages put it.
    """

    path: Path
    version: Version
    plugin: Path | None = None

    @property
    def version_text(self) -> str:
        """For people: `2.0.11`."""
        return ".".join(map(str, self.version))


def find_broker(name: str = "mosquitto") -> BrokerProgram:
    """Returns the installed broker.

    Raises:
        BrokerMissingError: there is none.
        BrokerTooOldError: it is older than `OLDEST`.
        BrokerFailedError: the program does not say its version.
    """
    found = shutil.which(name) or shutil.which(name, path=":".join(_PLACES))
    if found is None:
        raise BrokerMissingError(
            f"{name} is neither in PATH nor in {', '.join(_PLACES)}; "
            "install it: apt install mosquitto"
        )
    path = Path(found)
    program = BrokerProgram(path=path, version=_version_of(path), plugin=find_plugin())
    if program.version < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        raise BrokerTooOldError(
            f"{path} is version {program.version_text}, must be {oldest} or newer"
        )
    return program


def parse_version(text: str) -> Version | None:
    """Returns the version in the broker's help text, or None when there is none in it."""
    match = re.search(r"mosquitto version (\d+)\.(\d+)\.(\d+)", text)
    return (int(match[1]), int(match[2]), int(match[3])) if match else None


def _version_of(path: Path) -> Version:
    # The help text is the one place that states the version; its exit status is not 0.
    try:
        answer = subprocess.run(  # noqa: S603 (the path was found by us, the argument is constant)
            [str(path), "-h"], capture_output=True, text=True, timeout=_ANSWER_S, check=False
        )
    except (OSError, subprocess.SubprocessError) as err:
        raise BrokerFailedError(f"{path} does not run: {err}") from err
    version = parse_version(answer.stdout + answer.stderr)
    if version is None:
        raise BrokerFailedError(f"{path} does not state its version in its help text")
    return version
