"""What a fresh card is told at its first start, as cloud-init reads it (pure).

Nobody signs in by a password: an account with SSH keys alone is made; the playbooks do the rest.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_address, ip_interface
from typing import Any

from doorward_controller.errors import InvalidError

_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_ACCOUNT = re.compile(r"[a-z_][a-z0-9_-]{0,31}")
_KEY = re.compile(
    r"(ssh-ed25519|ecdsa-sha2-nistp\d+|sk-\S+@openssh\.com|ssh-rsa) [A-Za-z0-9+/=]+( .*)?"
)
ENROL_UNIT = "doorward-edge-enrol.service"


class EnrolMode(StrEnum):
    """How a gateway on this card comes to its certificate."""

    LATER = "later"
    """By the playbooks, or by somebody at it."""
    CAMERA = "camera"
    """It waits for a claim's QR code to be held up to its camera."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seed:
    """What a card is told.

    Attributes:
        hostname: its name on the network.
        account: who may sign in, by key, and become root.
        ssh_keys: lines of public keys.
        enrol: how it is enrolled.
        address: with prefix length, as 10.0.4.21/24; empty for what the network gives.
        gateway: the next router, with an address.
        name_servers: with an address.
        time_zone: of what people read there; the gateway itself counts in UTC.
    """

    hostname: str
    account: str
    ssh_keys: tuple[str, ...]
    enrol: EnrolMode = EnrolMode.LATER
    address: str = ""
    gateway: str = ""
    name_servers: tuple[str, ...] = ()
    time_zone: str = "Etc/UTC"

    def __post_init__(self) -> None:
        """Raises InvalidError for what a card could not be told, or would be unreachable with."""
        if not _NAME.fullmatch(self.hostname):
            raise _wrong("hostname", self.hostname, "small letters, digits and hyphens, 63 at most")
        if not _ACCOUNT.fullmatch(self.account) or self.account == "root":
            raise _wrong("account", self.account, "an account's name other than root")
        if not self.ssh_keys:
            raise _wrong("ssh key", "", "given: nobody could sign in without one")
        for key in self.ssh_keys:
            if not _KEY.fullmatch(key):
                raise _wrong("ssh key", key[:40], "the line of a public key")
        self._check_network()

    def _check_network(self) -> None:
        try:
            for each in (*self.name_servers, *([self.gateway] if self.gateway else [])):
                ip_address(each)
            if self.address:
                ip_interface(self.address)
        except ValueError as err:
            raise _wrong("network", str(err), "addresses") from err
        if self.address and "/" not in self.address:
            raise _wrong("network", self.address, "an address with its prefix, as 10.0.4.21/24")
        if bool(self.gateway) > bool(self.address):
            raise _wrong("router", self.gateway, "given together with an address")


def files(seed: Seed, instance: str) -> Mapping[str, str]:
    """Returns the files of the seed by name; `instance` is another one for another first start."""
    return {
        "user-data": "#cloud-config\n" + _text(_user_data(seed)),
        "meta-data": _text({"instance-id": instance, "local-hostname": seed.hostname}),
        "network-config": _text(_network(seed)),
    }


def _user_data(seed: Seed) -> dict[str, Any]:
    told: dict[str, Any] = {
        "hostname": seed.hostname,
        "manage_etc_hosts": True,
        "timezone": seed.time_zone,
        "ssh_pwauth": False,
        "disable_root": True,
        "users": [
            {
                "name": seed.account,
                "gecos": "Doorward installer",
                "lock_passwd": True,
                "shell": "/bin/bash",
                "groups": ["sudo"],
                "sudo": "ALL=(ALL) NOPASSWD:ALL",
                "ssh_authorized_keys": list(seed.ssh_keys),
            }
        ],
        "runcmd": [["systemctl", "enable", "--now", "ssh.service"]],
    }
    if seed.enrol is EnrolMode.CAMERA:
        told["runcmd"].append(["systemctl", "enable", "--now", ENROL_UNIT])
    return told


def _network(seed: Seed) -> dict[str, Any]:
    card: dict[str, Any] = {"match": {"name": "e*"}, "optional": True}
    if seed.address:
        card |= {"dhcp4": False, "addresses": [seed.address]}
        if seed.gateway:
            card["routes"] = [{"to": "default", "via": seed.gateway}]
        if seed.name_servers:
            card["nameservers"] = {"addresses": list(seed.name_servers)}
    else:
        card["dhcp4"] = True
    return {"version": 2, "ethernets": {"wired": card}}


def _text(value: Mapping[str, Any]) -> str:
    """JSON is YAML, and nothing in it is taken for something else."""
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"


def _wrong(what: str, value: str, must: str) -> InvalidError:
    return InvalidError(f"{what} is {value!r}, must be {must}", code="bad_seed")


def public_keys(texts: Sequence[str]) -> tuple[str, ...]:
    """Returns the keys of files of public keys, without blank lines and notes."""
    lines = (line.strip() for text in texts for line in text.splitlines())
    return tuple(line for line in lines if line and not line.startswith("#"))
