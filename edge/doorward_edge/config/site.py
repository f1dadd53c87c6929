"""Tables about the gateway itself: who it is, whom it trusts, where it writes."""

from enum import StrEnum
from typing import Annotated

import msgspec

from doorward_edge.config.table import Table, TcpPort


class ClockSource(StrEnum):
    """Who says how far the wall clock may be believed."""

    KERNEL = "kernel"
    """The kernel's synchronisation flag, which chrony and systemd-timesyncd set."""
    ASSUME = "assume"
    """Somebody else keeps this machine's clock right; for simulations and virtual machines."""


class GatewaySection(Table, frozen=True, kw_only=True):
    """Who this gateway is and where it keeps what it must not forget."""

    site: str
    id: str
    data_dir: str


class BrokerSection(Table, frozen=True, kw_only=True):
    """How the broker is reached; there is no way to say "without TLS"."""

    host: str
    port: TcpPort = 8883
    ca_file: str
    cert_file: str
    key_file: str
    keepalive_s: Annotated[int, msgspec.Meta(ge=5, le=300)] = 20


class TrustSection(Table, frozen=True, kw_only=True):
    """Files from enrolment: pinned keyring, the controller's sealing key, our own signing key."""

    keyring_file: str
    seal_key_file: str
    record_key_file: str


class IdentitySection(Table, frozen=True, kw_only=True):
    """Where enrolment keeps who this gateway is: `[gateway]`, `[broker]` and `[trust]` come of it.

    What stands in those tables here counts before it. See docs/enrolment.md.

    Attributes:
        folder: keys, certificate and what the controller gave; written by `doorward-edge enrol`.
    """

    folder: str


class JournalSection(Table, frozen=True, kw_only=True):
    """How much of the disk the journal may take."""

    capacity_mib: Annotated[int, msgspec.Meta(ge=64, le=65536)] = 512


class ClockSection(Table, frozen=True, kw_only=True):
    """Whether the wall clock is believed."""

    source: ClockSource = ClockSource.KERNEL


class CommandsSection(Table, frozen=True, kw_only=True):
    """What the controller may have this gateway do beside opening and shutting.

    Attributes:
        pictures: it may ask what a camera sees. That is personal data: ask who is in charge of it.
    """

    pictures: bool = False


class UpdateSection(Table, frozen=True, kw_only=True):
    """Where the updater, which is another program, says how it stands.

    Attributes:
        status_file: without it this gateway is not updated from afar.
    """

    status_file: str = "/var/lib/doorward-update/status.json"


class HealthSection(Table, frozen=True, kw_only=True):
    """How often the gateway says how it is, and what it may do about a camera that does not see.

    It says so at once when something changes.

    Attributes:
        service_restarts_a_day: how often the gateway may start itself anew for a camera; 0: never.
        board_restarts_a_day: how often it may start the board anew for a camera; 0: never.
    """

    interval_s: Annotated[int, msgspec.Meta(ge=10, le=3600)] = 60
    service_restarts_a_day: Annotated[int, msgspec.Meta(ge=0, le=10)] = 3
    board_restarts_a_day: Annotated[int, msgspec.Meta(ge=0, le=3)] = 1
