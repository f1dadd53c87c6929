"""The texts that enrolment writes: who the gateway is, and a first configuration to go on from."""

import json
from collections.abc import Sequence
from pathlib import Path

from doorward.ids import GatewayId, SiteId


def identity_text(
    *, site: SiteId, gateway: GatewayId, data_dir: Path, host: str, port: int, url: str
) -> str:
    """Returns `identity.toml`; its files lie beside it."""
    return f"""\
# Written by doorward-edge enrol; do not edit. What edge.toml says in these tables counts before it.

[gateway]
site = {_quoted(site)}
id = {_quoted(gateway)}
data_dir = {_quoted(str(data_dir))}

[broker]
host = {_quoted(host)}
port = {port}
ca_file = "ca.pem"
cert_file = "tls.pem"
key_file = "tls.key"

[trust]
keyring_file = "keyring.dwe"
seal_key_file = "seal.pub"
record_key_file = "record.key"

[controller]
url = {_quoted(url)}
"""


def starter_text(identity: Path, portals: Sequence[tuple[str, str]]) -> str:
    """Returns a first `edge.toml`: it reads codes and decides; what is wired is yet to be said.

    Args:
        identity: the folder of the identity.
        portals: each with the zone that one enters there.
    """
    head = (
        "# A first configuration. Add what is wired (lock, lamps, buzzer, inputs), then run:\n"
        "# doorward-edge check\n\n"
        f"[identity]\nfolder = {_quoted(str(identity))}\n\n"
        '[[camera]]\nname = "front"\nkind = "picamera2"\n'
    )
    parts = [head]
    for number, (portal, zone) in enumerate(portals):
        reads = "panel_only = true" if number else 'cameras = ["front"]'
        parts.append(
            f"\n[[portal]]                 # into {zone}\nid = {_quoted(portal)}\n{reads}\n"
        )
    return "".join(parts)


def _quoted(text: str) -> str:
    """JSON's strings are strings of TOML, too."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
