"""Every MQTT topic is built and parsed here and nowhere else (docs/protocol.md §8)."""

from dataclasses import dataclass
from enum import StrEnum

from doorward.errors import BadIdError, MalformedError
from doorward.ids import GatewayId, SiteId, parse_gateway_id, parse_name, parse_site_id

ROOT = "dw/1"
CONTROLLER_STATE = f"{ROOT}/host/state"
CONTROLLER_ONLINE, CONTROLLER_OFFLINE = b'{"online":true}', b'{"online":false}'
"""What is retained there."""


class Up(StrEnum):
    """What a gateway says."""

    STATE = "up/state"
    BIRTH = "up/birth"
    RECORDS = "up/records"
    HEALTH = "up/health"
    REPORTED = "up/reported"
    OUTCOME = "up/cmd"


class Down(StrEnum):
    """What the controller says to one gateway."""

    ACK = "down/ack"
    DESIRED = "down/desired"
    COMMAND = "down/cmd"


class Policy(StrEnum):
    """What the controller says to a whole site; retained."""

    BUNDLE = "policy/bundle"
    STATUS = "policy/status"
    DELTA = "policy/delta"
    STAFF = "policy/staff"


PRESENCE = "presence"


@dataclass(frozen=True, slots=True, kw_only=True)
class UpTopic:
    """A topic on which a gateway spoke.

    Attributes:
        message_id: the command's id for `Up.OUTCOME`, else an empty string.
    """

    site: SiteId
    gateway: GatewayId
    kind: Up
    message_id: str = ""


def up(site: SiteId, gateway: GatewayId, kind: Up, message_id: str = "") -> str:
    """Returns the topic on which `gateway` says `kind`.

    Raises:
        BadIdError: a bad message id, none for an outcome, or one for anything else.
    """
    return _with_id(f"{ROOT}/{site}/{gateway}/{kind}", message_id, is_wanted=kind is Up.OUTCOME)


def down(site: SiteId, gateway: GatewayId, kind: Down, message_id: str = "") -> str:
    """Returns the topic on which the controller says `kind` to `gateway`.

    Raises:
        BadIdError: a bad message id, none for a command, or one for anything else.
    """
    return _with_id(f"{ROOT}/{site}/{gateway}/{kind}", message_id, is_wanted=kind is Down.COMMAND)


def policy(site: SiteId, kind: Policy) -> str:
    """Returns the topic of a site's policy document."""
    return f"{ROOT}/{site}/{kind}"


def presence(site: SiteId) -> str:
    """Returns the topic on which gateways of a site tell each other who is inside."""
    return f"{ROOT}/{site}/{PRESENCE}"


def ups_of_every_gateway(kind: Up) -> str:
    """Returns the subscription of a controller to one kind of message."""
    tail = "/+" if kind is Up.OUTCOME else ""
    return f"{ROOT}/+/+/{kind}{tail}"


def commands_of(site: SiteId, gateway: GatewayId) -> str:
    """Returns the subscription of a gateway to its commands."""
    return f"{ROOT}/{site}/{gateway}/{Down.COMMAND}/+"


def parse_up(topic: str) -> UpTopic:
    """Returns who said what.

    Raises:
        MalformedError: the topic is not one on which a gateway speaks.
    """
    parts = topic.split("/")
    try:
        if parts[:2] != ROOT.split("/") or len(parts) not in {6, 7}:
            raise MalformedError(f"topic {topic[:80]!r} is not a gateway's")
        kind = Up("/".join(parts[4:6]))
        message_id = parse_name(parts[6], "message id") if len(parts) == 7 else ""
        site, gateway = parse_site_id(parts[2]), parse_gateway_id(parts[3])
    except (BadIdError, ValueError) as err:
        raise MalformedError(f"topic {topic[:80]!r} is not a gateway's: {err}") from err
    if (kind is Up.OUTCOME) != bool(message_id):
        raise MalformedError(f"topic {topic[:80]!r}: a message id belongs to {Up.OUTCOME} alone")
    return UpTopic(site=site, gateway=gateway, kind=kind, message_id=message_id)


def _with_id(topic: str, message_id: str, *, is_wanted: bool) -> str:
    if is_wanted:
        return f"{topic}/{parse_name(message_id, 'message id')}"
    if message_id:
        raise BadIdError(f"topic {topic} takes no message id, got {message_id[:40]!r}")
    return topic
