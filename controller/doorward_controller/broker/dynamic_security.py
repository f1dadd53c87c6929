"""Throwing a client out of Mosquitto: what its dynamic security plugin is told and answers.

Only for that: whom the broker lets in is the certificate list's business, and who may say what the
rules file's. The plugin knows no clients of its own, so it defers to both. To end a connection it
wants a client of that name: it is made, disabled (which ends every connection of the name), and
taken away again, all in one message.
"""

import json
from pathlib import Path
from typing import Any

from doorward.ids import GatewayId

REQUESTS = "$CONTROL/dynamic-security/v1"
ANSWERS = f"{REQUESTS}/response"

PLUGIN = "mosquitto_dynamic_security.so"
_PLACES = (
    "usr/lib/*-linux-gnu*",
    "usr/lib",
    "usr/lib/mosquitto",
    "usr/local/lib",
    "opt/homebrew/lib",
)

FIRST_STATE = json.dumps(
    {
        "defaultACLAccess": {
            "publishClientSend": False,
            "publishClientReceive": False,
            "subscribe": False,
            "unsubscribe": True,
        },
        "clients": [],
        "groups": [],
        "roles": [],
    },
    indent=1,
)
"""The plugin's file before its first start: it grants nothing, and leaves all to the rules file."""


def find_plugin(root: Path = Path("/")) -> Path | None:
    """Returns where the plugin lies; it is a part of Debian's package."""
    found = (file for place in _PLACES for file in sorted(root.glob(f"{place}/{PLUGIN}")))
    return next(found, None)


def throwing_out(gateway: GatewayId, mark: str) -> bytes:
    """Returns the message that ends every connection of a gateway.

    Args:
        gateway: whose connections.
        mark: what the answer will carry, to know it from the answers to others.
    """
    steps = ("createClient", "disableClient", "deleteClient")
    commands = [{"command": step, "username": gateway, "correlationData": mark} for step in steps]
    return json.dumps({"commands": commands}).encode()


def outcome(wire: bytes, mark: str) -> str | None:
    """Returns why the plugin did not throw the gateway out, "" when it did.

    None is for an answer to somebody else, or to something else.
    """
    for answer in _answers(wire):
        if (answer.get("command"), answer.get("correlationData")) == ("disableClient", mark):
            return str(answer.get("error", ""))
    return None


def _answers(wire: bytes) -> list[dict[str, Any]]:
    try:
        said = json.loads(wire)
    except ValueError:
        return []
    answers = said.get("responses") if isinstance(said, dict) else None
    return [each for each in answers if isinstance(each, dict)] if isinstance(answers, list) else []
