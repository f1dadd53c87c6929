"""Who may say and hear what on the broker, as Mosquitto's ACL file (pure text).

A gateway is known by the name in its certificate. It may publish below its own `up/` and to its
site's presence, and receives its own `down/`, its site's policy and presence, and the controller's
state. Who speaks on presence, the broker cannot tell: the signature in each message does.

What Mosquitto 2.0 cannot do, and what stands in for it:

- It grants every SUBSCRIBE and filters at delivery: a gateway that subscribes to another's
  commands is told "granted" and never receives one. Tests therefore look at what arrives.
- It answers a PUBLISH that it drops with a PUBACK to MQTT 3.1.1 clients. Gateways give a PUBACK no
  meaning: only the controller's signed acknowledgement frees a record.
- It has no pattern for "the site of this certificate": one broker serves one site, and the site
  stands literally in the patterns.
- A reload applies new rules to connections that are already open, but does not close them: a
  revoked gateway would stay connected, deaf and mute. `dynamic_security` ends its connection.
"""

from dataclasses import dataclass

from doorward.ids import GatewayId, SiteId
from doorward.topics import CONTROLLER_STATE, PRESENCE, ROOT
from doorward_controller.broker.dynamic_security import ANSWERS, REQUESTS

CONTROLLER = "controller"
"""The name in the controller's certificate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HomeAssistantAccess:
    """What Home Assistant may hear, and the controller say to it; nothing listens to it.

    Attributes:
        user: the name in its certificate.
        discovery_prefix: where it looks for devices.
        values: below which the controller says how they are.
    """

    user: str
    discovery_prefix: str
    values: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessRules:
    """Everything the ACL file depends on.

    Attributes:
        site: the one site of this broker.
        controllers: names of certificates that may read and write everything of ours; one for
            each connection, because the client id is the certificate's name.
        revoked: gateways that may say and hear nothing, whatever their certificate says.
        home_assistant: None where nobody asked for it.
    """

    site: SiteId
    controllers: tuple[str, ...] = (CONTROLLER,)
    revoked: tuple[GatewayId, ...] = ()
    home_assistant: HomeAssistantAccess | None = None

    def to_text(self) -> str:
        """Returns the file's content."""
        home = self.home_assistant
        blocks = [
            _HEAD,
            *(_controller(name) + (_told_by_us(home) if home else "") for name in self.controllers),
            *([_home_assistant(home)] if home else []),
            *(f"user {name}\ntopic deny #\n" for name in self.revoked),
            _gateways(self.site),
        ]
        return "\n".join(blocks)


def controllers_in(text: str) -> tuple[str, ...]:
    """Returns the names of controllers in a rules file.

    A further process that somebody gave rights to must not lose them because a gateway is revoked.
    """
    names = (line.removeprefix("user ") for line in text.splitlines() if line.startswith("user "))
    return tuple(name for name in names if name.startswith(CONTROLLER))


_HEAD = """\
# Written by doorward-controller; changes here are lost. Rules before the first `user` would count
# for anonymous clients, and there are none.
"""


def _controller(name: str) -> str:
    # Mosquitto's own control topics: to end the connection of a gateway that was revoked.
    return (
        f"user {name}\ntopic readwrite {ROOT}/#\ntopic read $SYS/#\n"
        f"topic write {REQUESTS}\ntopic read {ANSWERS}\n"
    )


def _told_by_us(home: HomeAssistantAccess) -> str:
    return f"topic write {home.discovery_prefix}/device/+/config\ntopic write {home.values}/#\n"


def _home_assistant(home: HomeAssistantAccess) -> str:
    # The patterns for gateways would let it read the policy: a denial comes before them. It says
    # nothing but that it is there, and nobody of ours acts on that.
    return (
        f"user {home.user}\ntopic deny {ROOT}/#\n"
        f"topic read {home.discovery_prefix}/#\ntopic read {home.values}/#\n"
        f"topic write {home.discovery_prefix}/status\n"
    )


def _gateways(site: SiteId) -> str:
    here = f"{ROOT}/{site}"
    lines = (
        "# Every other certificate of our authority is a gateway's; %u is the name in it.",
        f"pattern write {here}/%u/up/#",
        f"pattern read {here}/%u/down/#",
        f"pattern read {here}/policy/#",
        f"pattern readwrite {here}/{PRESENCE}",
        f"pattern read {CONTROLLER_STATE}",
    )
    return "\n".join(lines) + "\n"
