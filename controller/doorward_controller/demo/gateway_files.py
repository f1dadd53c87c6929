"""Writes what a simulated gateway is given at its enrolment: keys, trust, configuration."""

import os
from dataclasses import dataclass
from pathlib import Path

from doorward.envelope import Ed25519Signer
from doorward.ids import GatewayId, SiteId
from doorward_controller.broker.authority import Identity
from doorward_controller.demo.gateway_process import GatewayFiles

_HARDWARE = """\
lock = { kind = "fail_secure", terminal = "lock-1" }
lamps = { green = "green", red = "red", yellow = "yellow", blue = "blue" }
buzzer = "buzzer"
"""
"""The plain wiring of a Raspberry Pi's header."""

KEEPALIVE_S = 5
"""The shortest: a pulled cable is noticed within 8 s, which a person still watches."""

HELD_S = 0.5
"""A code that is away for so long is a new scan when it comes back: the shortest there is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolment:
    """What the controller hands to a gateway.

    Attributes:
        keyring: the site's signed keyring, as it is on the wire.
        seal_key: the raw X25519 key to which the gateway seals its journal.
        identity: the certificate for the broker.
        ca_file: the broker's authority.
        broker_port: on 127.0.0.1.
    """

    site: SiteId
    keyring: bytes
    seal_key: bytes
    identity: Identity
    ca_file: Path
    broker_port: int


def make_record_key(folder: Path) -> bytes:
    """Makes the gateway's signing key in `folder`, returns the public half (32 bytes).

    The private half is made on the gateway's side and never leaves its folder.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    seed = os.urandom(32)
    path = folder / "record.key"
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(seed)
    return Ed25519Signer.from_seed(seed).public


def write_gateway(folder: Path, gateway: GatewayId, enrolment: Enrolment) -> GatewayFiles:
    """Writes everything below `folder`, where `make_record_key` has been before."""
    (folder / "keyring.dwe").write_bytes(enrolment.keyring)
    (folder / "seal.pub").write_bytes(enrolment.seal_key)
    config_file = folder / "edge.toml"
    config_file.write_text(config_text(gateway, enrolment), "utf-8")
    data_dir = folder / "data"
    data_dir.mkdir(mode=0o700, exist_ok=True)
    return GatewayFiles(config_file=config_file, data_dir=data_dir, log_dir=folder / "log")


def config_text(gateway: GatewayId, enrolment: Enrolment) -> str:
    """Returns `edge.toml` of a simulated gateway."""
    identity = enrolment.identity
    return f"""\
[gateway]
site = "{enrolment.site}"
id = "{gateway}"
data_dir = "data"

[broker]
host = "127.0.0.1"
port = {enrolment.broker_port}
ca_file = "{enrolment.ca_file}"
cert_file = "{identity.certificate_file}"
key_file = "{identity.key_file}"
keepalive_s = {KEEPALIVE_S}

[trust]
keyring_file = "keyring.dwe"
seal_key_file = "seal.pub"
record_key_file = "record.key"

[[camera]]
name = "front"
kind = "scene"

[clock]
source = "assume"

[health]
interval_s = 10

[journal]
capacity_mib = 64

[[portal]]
id = "{gateway}"
held_s = {HELD_S}
cameras = ["front"]
{_HARDWARE}"""
