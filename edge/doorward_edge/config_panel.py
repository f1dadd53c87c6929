"""Settings of the gateway's own pages, and of what a portal says in words and tones."""

from enum import StrEnum
from typing import Annotated

import msgspec

Tone = tuple[
    Annotated[int, msgspec.Meta(ge=0, le=4000)], Annotated[int, msgspec.Meta(ge=20, le=2000)]
]
"""A frequency in hertz, 0 for silence, and for how many milliseconds."""


class Subject(StrEnum):
    """What a guard may write of who somebody is, beside the code."""

    NONE = "none"
    REFERENCE = "reference"
    """A badge number or a company's reference: letters, digits and little else."""
    NAME = "name"
    """Any words. Only where the site's rules on personal data allow it."""


class _Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A table of the file; a key that is not known is an error."""


class PanelSection(_Table, frozen=True, kw_only=True):
    """The pages for screen, guards and technicians. Without this table there is no web server.

    Attributes:
        address: on which the pages are served over HTTPS.
        port: of HTTPS.
        hosts: names and addresses under which browsers ask for the pages; others are refused.
        cert_file: certificate of the pages; without it nothing is served to the network.
        key_file: its key.
        kiosk_port: serves the screen, and nothing else, to this machine itself; 0 does not.
        screens_on_network: whether the screen is also served to the network.
        subject: what guards may write of who somebody is.
        title_en, title_zh: what the idle screen calls the place; else the portal's name.
    """

    address: str = "0.0.0.0"  # noqa: S104  # the site's network; TLS, and only names in `hosts`
    port: Annotated[int, msgspec.Meta(ge=1, le=65535)] = 8443
    hosts: tuple[str, ...] = ()
    cert_file: str = ""
    key_file: str = ""
    kiosk_port: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 0
    screens_on_network: bool = False
    subject: Subject = Subject.REFERENCE
    title_en: Annotated[str, msgspec.Meta(max_length=40)] = ""
    title_zh: Annotated[str, msgspec.Meta(max_length=20)] = ""


def panel_problem(panel: PanelSection) -> tuple[str, str] | None:
    """Returns the key that is wrong and what is wrong with it, or None."""
    if bool(panel.cert_file) != bool(panel.key_file):
        missing = "key_file" if panel.cert_file else "cert_file"
        return f"panel.{missing}", "is missing; certificate and key belong together"
    if panel.cert_file and not panel.hosts:
        return "panel.hosts", "is empty; name what browsers type, for example the gateway's address"
    if not panel.cert_file and not panel.kiosk_port:
        return (
            "panel.cert_file",
            "is missing, and so is kiosk_port: one of them serves the pages, or leave [panel] out",
        )
    if panel.kiosk_port and panel.cert_file and panel.kiosk_port == panel.port:
        return "panel.kiosk_port", f"is {panel.port}, which is panel.port already"
    return None


class SignalSection(_Table, frozen=True, kw_only=True):
    """What replaces the words and tones of one signal.

    Attributes:
        en, zh: the large words; both languages are always shown.
        tones: pairs of hertz and milliseconds, in order; empty keeps the usual ones.
    """

    en: Annotated[str, msgspec.Meta(max_length=32)] = ""
    zh: Annotated[str, msgspec.Meta(max_length=12)] = ""
    tones: Annotated[tuple[Tone, ...], msgspec.Meta(max_length=6)] = ()


class PerceptionSection(_Table, frozen=True, kw_only=True):
    """Words and tones that differ from the usual ones. Colours and lamps do not change."""

    idle: SignalSection = SignalSection()
    granted: SignalSection = SignalSection()
    refused: SignalSection = SignalSection()
    unreadable: SignalSection = SignalSection()
    not_enrolled: SignalSection = SignalSection()
    waiting: SignalSection = SignalSection()
    lockdown: SignalSection = SignalSection()
    fire: SignalSection = SignalSection()
    camera_fault: SignalSection = SignalSection()
    identify: SignalSection = SignalSection()
