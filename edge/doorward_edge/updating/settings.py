"""`update.toml`: where releases come from, and when a switch may be.

It is a file of its own, and a key that is not known is passed over: an updater must work with the
file that was written for the release after it.
"""

import tomllib
from pathlib import Path
from typing import Annotated

import msgspec

from doorward.errors import DoorwardError
from doorward_edge.config import ClockSource
from doorward_edge.updating.timing import Hours

Hour = Annotated[int, msgspec.Meta(ge=0, le=23)]


class SettingsError(DoorwardError):
    """`update.toml` cannot be used; the message names the file and the key."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What an installer sets.

    Attributes:
        repository_url: where the releases are served, or `file:///…` for a folder.
        ca_file: whom to believe that the server is it; empty: whom the system believes.
        root_file: the root of trust.
        programs: the folder of the releases and of the two links.
        state_dir: the updater's own folder.
        exchange_dir: the folder that the gateway writes.
        unit: what is started anew.
        quiet_s: so long nobody may have passed before a switch.
        hours: first and last hour within which a switch may be; empty: any.
        clock: who says whether the clock is right, as in `edge.toml`.
    """

    repository_url: str
    ca_file: str = ""
    root_file: str = "/etc/doorward/tuf/root.json"
    programs: str = "/opt/doorward/gateway"
    state_dir: str = "/var/lib/doorward-update"
    exchange_dir: str = "/var/lib/doorward/update"
    unit: str = "doorward-edge.service"
    quiet_s: Annotated[int, msgspec.Meta(ge=0, le=3600)] = 60
    hours: tuple[Hour, ...] = ()
    clock: ClockSource = ClockSource.KERNEL

    @property
    def window(self) -> Hours | None:
        """Within which hours a switch may be, None for any."""
        match self.hours:
            case (first, last):
                return Hours(first=first, last=last)
        return None


def load_settings(path: Path) -> Settings:
    """Returns the settings in a file; relative paths count from its folder.

    Raises:
        SettingsError: the file cannot be read or is not TOML, or a key is missing or out of bounds.
    """
    try:
        settings = msgspec.convert(tomllib.loads(path.read_text("utf-8")), Settings)
    except OSError as err:
        raise SettingsError(f"{path}: cannot be read: {err.strerror}") from err
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as err:
        raise SettingsError(f"{path}: is not TOML: {err}") from err
    except msgspec.ValidationError as err:
        raise SettingsError(f"{path}: {err}") from err
    if not settings.repository_url.startswith(("https://", "http://", "file:///")):
        raise SettingsError(
            f"{path}: repository_url is {settings.repository_url[:60]!r}, must be https:// or"
            " file:///"
        )
    if len(settings.hours) not in {0, 2}:
        raise SettingsError(f"{path}: hours is {list(settings.hours)}, must be as [2, 5] or empty")
    names = ("root_file", "programs", "state_dir", "exchange_dir")
    rooted = {name: str(path.parent / getattr(settings, name)) for name in names}
    if settings.ca_file:
        rooted["ca_file"] = str(path.parent / settings.ca_file)
    return msgspec.structs.replace(settings, **rooted)
