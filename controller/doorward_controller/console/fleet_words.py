"""How the fleet's and the alerts' states look, and what their parts are called."""

from collections.abc import Mapping
from types import MappingProxyType

from doorward_controller.console import words
from doorward_controller.console.i18n import Language, Reader, mark
from doorward_controller.console.words import Look
from doorward_controller.domain.alert_texts import Tongue
from doorward_controller.domain.fleet_state import Condition, GatewayNow


def _look(tone: str, *, icon: str, word: str) -> Look:
    return Look(tone=tone, icon=icon, word=word)


LOOKS: Mapping[str, Mapping[str, Look]] = MappingProxyType(
    {
        "condition": {
            "on_time": _look("good", icon="plug-connected", word=mark("On time")),
            "late": _look("warn", icon="clock-exclamation", word=mark("Late")),
            "settling": _look("warn", icon="activity", word=mark("Comes and goes")),
            "lost": _look("bad", icon="plug-connected-x", word=mark("Lost")),
            "hidden": _look("warn", icon="wifi-off", word=mark("Site's link is down")),
            "unheard": _look("quiet", icon="wifi-off", word=mark("Cannot be heard now")),
            "never_seen": _look("quiet", icon="hourglass", word=mark("Never heard of")),
            "revoked": _look("bad", icon="ban", word=mark("Revoked")),
        },
        "severity": {
            "normal": _look("good", icon="circle-check", word=mark("In order")),
            "notice": _look("info", icon="info-circle", word=mark("Notice")),
            "warning": _look("warn", icon="alert-triangle", word=mark("Warning")),
            "alarm": _look("bad", icon="alert-octagon", word=mark("Alarm")),
        },
        "alert": {
            "open": _look("bad", icon="alert-triangle", word=mark("Open")),
            "acknowledged": _look("info", icon="check", word=mark("Acknowledged")),
            "resolved": _look("quiet", icon="circle-check", word=mark("Resolved")),
        },
        "delivery": {
            "waiting": _look("info", icon="hourglass", word=mark("On its way")),
            "delivered": _look("good", icon="circle-check", word=mark("Delivered")),
            "failed": _look("bad", icon="alert-triangle", word=mark("Given up")),
        },
        "work": {
            "worked": _look("good", icon="circle-check", word=mark("Worked, but was cut off")),
            "was_off": _look("warn", icon="plug-x", word=mark("Was off or restarted")),
            "nothing_shown": _look("quiet", icon="help-circle", word=mark("Nothing recorded")),
        },
        "switch": {
            "on": _look("good", icon="circle-check", word=mark("In force")),
            "off": _look("quiet", icon="circle-dashed", word=mark("Switched off")),
        },
        "claim": {
            "open": _look("info", icon="qrcode", word=mark("Waits for the gateway")),
            "asked": _look("warn", icon="hourglass", word=mark("Waits for you")),
            "issued": _look("good", icon="circle-check", word=mark("Enrolled")),
            "refused": _look("bad", icon="ban", word=mark("Refused")),
            "withdrawn": _look("quiet", icon="arrow-back-up", word=mark("Withdrawn")),
            "expired": _look("quiet", icon="clock-exclamation", word=mark("Expired")),
        },
        "certificate": {
            "in_use": _look("good", icon="circle-check", word=mark("Good")),
            "due": _look("warn", icon="clock-exclamation", word=mark("Renewal is due")),
            "replaced": _look(
                "quiet", icon="circle-dashed", word=mark("Replaced, good for a while")
            ),
            "revoked": _look("bad", icon="ban", word=mark("Revoked")),
            "ended": _look("bad", icon="clock-exclamation", word=mark("Run out")),
        },
        "wall": {
            "open": _look("good", icon="circle-check", word=mark("In force")),
            "ended": _look("quiet", icon="clock-exclamation", word=mark("Expired")),
            "revoked": _look("bad", icon="ban", word=mark("Revoked")),
        },
    }
)

COMPONENTS: Mapping[str, str] = MappingProxyType(
    {
        "board": mark("Board"),
        "card": mark("Storage card"),
        "camera": mark("Camera"),
        "reader": mark("Reader"),
        "lock": mark("Door lock"),
        "power_supply": mark("Power supply"),
        "battery": mark("Battery"),
        "lamp": mark("Lamp"),
        "sensor": mark("Sensor"),
        "housing": mark("Housing"),
        "other": mark("Something else"),
    }
)

HARDWARE: Mapping[str, str] = MappingProxyType(
    {
        "board": mark("Board"),
        "serial": mark("Serial number of the board"),
        "card": mark("Storage card"),
        "camera": mark("Camera"),
        "address": mark("Network address"),
        "host": mark("Name of the machine"),
    }
)

CHANGES: Mapping[str, str] = MappingProxyType(
    {
        "moved": mark("Moved"),
        "board_swapped": mark("Board exchanged"),
        "card_swapped": mark("Storage card exchanged"),
        "camera_swapped": mark("Camera exchanged"),
        "re_imaged": mark("Written anew"),
        "address_changed": mark("Another network address"),
        "renamed": mark("Renamed"),
        "software_changed": mark("Other software"),
    }
)

HISTORY: Mapping[str, str] = MappingProxyType(
    {
        "opened": mark("Raised"),
        "again": mark("Happened again"),
        "worse": mark("Got worse"),
        "milder": mark("Got milder"),
        "over": mark("The condition is over; somebody still has to look into it"),
        "reopened": mark("Opened again"),
        "escalated": mark("Nobody acknowledged; the next were told"),
        "acknowledged": mark("Acknowledged"),
        "assigned": mark("Assigned"),
        "silenced": mark("Silenced"),
        "unsilenced": mark("Silence ended"),
        "resolved": mark("Resolved"),
        "note": mark("Note"),
        "not_delivered": mark("A delivery was given up"),
    }
)

ABOUT: Mapping[str, str] = MappingProxyType(
    {
        "opened": mark("Raised"),
        "escalated": mark("Escalated"),
        "worse": mark("Got worse"),
        "resolved": mark("Resolved"),
        "test": mark("Test"),
    }
)

RECEIVERS: Mapping[str, str] = MappingProxyType(
    {
        "email": mark("E-mail"),
        "webhook": mark("Webhook"),
        "wecom": mark("WeCom robot"),
        "dingtalk": mark("DingTalk robot"),
    }
)

RULE_KINDS: Mapping[str, str] = MappingProxyType(
    {
        "site": mark("The whole site"),
        "state": mark("Absence"),
        "event": mark("Events"),
        "change": mark("Changes of devices"),
        "metric": mark("Health figures"),
        "rate": mark("Compared with the gateway's own last seven days"),
    }
)

SITE_CAUSES: Mapping[str, str] = MappingProxyType(
    {
        "broker_down": mark("The controller has lost the broker. The gateways go on deciding."),
        "site_link_down": mark("Most gateways went silent together: look at the site's network."),
    }
)


def look(kind: str, state: str | None) -> Look:
    """Returns how a state is shown, of the fleet's kinds and of all others."""
    own = LOOKS.get(kind, {})
    return own[state] if state is not None and state in own else words.look(kind, state)


def condition_of(now: GatewayNow) -> str:
    """Returns the state to show: what explains more than one gateway comes first."""
    if now.is_hidden and now.condition is not Condition.UNHEARD:
        return "hidden"
    return "settling" if now.is_settling else now.condition.value


def tongue_of(reader: Reader) -> Tongue:
    """Returns the reader's language as alerts are worded in it."""
    return Tongue.CHINESE if reader.language is Language.CHINESE else Tongue.ENGLISH
