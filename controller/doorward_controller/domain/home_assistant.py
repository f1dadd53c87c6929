"""Gateways as devices of Home Assistant: what is announced, and what is told of each (pure).

By MQTT discovery of devices: one retained configuration for each gateway under
`{discovery_prefix}/device/{id}/config`, its values under `doorward-ha/1/{site}/{gateway}/`. There
are sensors and nothing else: no lock, no button, nothing that listens. Places and numbers are told,
never a person or a badge.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from doorward.health import Unit
from doorward.health_metrics import METRICS
from doorward_controller.domain.alert_texts import Tongue, Words
from doorward_controller.domain.fleet_state import Condition

ROOT = "doorward-ha/1"
EXPIRE_S = 300
"""What has not been said for so long counts as unavailable there: the controller may be away."""

ONLINE, OFFLINE = b"online", b"offline"
_HERE = frozenset({Condition.ON_TIME, Condition.LATE})
_ORIGIN = "Doorward"

_NAMES: Mapping[str, Words] = {
    "state": ("State", "状态"),
    "last_seen": ("Last seen", "最近在线"),
    "alarms": ("Open alerts", "未解除告警"),
    "door": ("Door forced or held open", "门被强开或未关"),
    "temperature": ("Temperature", "温度"),
    "journal_days": ("Journal: days left", "日志：剩余天数"),
    "waiting": ("Records waiting", "待上传记录"),
}
_MODEL: Words = ("Gateway", "网关")


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A number of the health report as a sensor.

    Attributes:
        metric: its name in the report.
        device_class: what Home Assistant takes it for; empty for none.
        unit: empty for none.
    """

    key: str
    metric: str
    device_class: str = ""
    unit: str = ""
    digits: int = 0


MEASURED = (
    Measured(
        key="temperature", metric="temperature_mc", device_class="temperature", unit="°C", digits=1
    ),
    Measured(key="journal_days", metric="journal_free_days", device_class="duration", unit="d"),
    Measured(key="waiting", metric="journal.pending"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where things are said, and in which language."""

    site: str
    discovery_prefix: str
    tongue: Tongue

    def of(self, gateway: str, what: str) -> str:
        """Returns the topic of a gateway's values."""
        return f"{ROOT}/{self.site}/{gateway}/{what}"

    def config(self, gateway: str) -> str:
        """Returns the topic on which a gateway is announced."""
        return f"{self.discovery_prefix}/device/{self.id(gateway)}/config"

    def id(self, gateway: str) -> str:
        """Returns what a gateway is called among all devices there."""
        return f"doorward-{self.site}-{gateway}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What is known of one gateway.

    Attributes:
        numbers: of its last health report.
        alarms: alerts about it that everybody may know of and that are not over.
        is_door_wrong: whether one of them is of a door that was forced or is held open.
    """

    gateway: str
    condition: Condition
    last_seen_ms: int | None = None
    software: str = ""
    numbers: Mapping[str, int] = field(default_factory=dict)
    alarms: int = 0
    is_door_wrong: bool = False


def messages(place: Place, seen: Seen) -> dict[str, bytes]:
    """Returns every retained message of a gateway by topic."""
    is_here = seen.condition in _HERE
    return {
        place.config(seen.gateway): _dump(_device(place, seen)),
        place.of(seen.gateway, "state"): _dump(_values(seen)),
        place.of(seen.gateway, "available"): ONLINE if is_here else OFFLINE,
    }


def _device(place: Place, seen: Seen) -> dict[str, Any]:
    return {
        "device": {
            "identifiers": [place.id(seen.gateway)],
            "name": seen.gateway,
            "manufacturer": _ORIGIN,
            "model": place.tongue.of(_MODEL),
            **({"sw_version": seen.software} if seen.software else {}),
        },
        "origin": {"name": _ORIGIN},
        "state_topic": place.of(seen.gateway, "state"),
        "qos": 1,
        "components": _components(place, seen),
    }


def _components(place: Place, seen: Seen) -> dict[str, Any]:
    gateway = seen.gateway
    states = {"device_class": "enum", "options": [each.value for each in Condition]}
    found = {
        "state": _sensor(place, gateway, "state", **states),
        "last_seen": _sensor(place, gateway, "last_seen", device_class="timestamp"),
        "alarms": _sensor(place, gateway, "alarms", state_class="measurement"),
        "door": _sensor(place, gateway, "door", device_class="problem")
        | {"platform": "binary_sensor"},
    }
    for each in MEASURED:
        if each.metric in seen.numbers:
            more = {"device_class": each.device_class, "unit_of_measurement": each.unit}
            told = {name: value for name, value in more.items() if value}
            found[each.key] = _sensor(
                place,
                gateway,
                each.key,
                state_class="measurement",
                availability_topic=place.of(gateway, "available"),
                **told,
            )
    return found


def _sensor(place: Place, gateway: str, key: str, **more: object) -> dict[str, Any]:
    return {
        "platform": "sensor",
        "unique_id": f"{place.id(gateway)}-{key}",
        "name": place.tongue.of(_NAMES[key]),
        "value_template": f"{{{{ value_json.{key} }}}}",
        "expire_after": EXPIRE_S,
        **more,
    }


def _values(seen: Seen) -> dict[str, Any]:
    at_ms = seen.last_seen_ms
    last = None if at_ms is None else datetime.fromtimestamp(at_ms // 1000, UTC).isoformat()
    return {
        "state": seen.condition.value,
        "last_seen": last,
        "alarms": seen.alarms,
        "door": "ON" if seen.is_door_wrong else "OFF",
        **{
            each.key: round(seen.numbers[each.metric] / _divisor(each.metric), each.digits)
            for each in MEASURED
            if each.metric in seen.numbers
        },
    }


def _divisor(metric: str) -> int:
    known = METRICS.get(metric)
    return known.unit.divisor if known is not None and known.unit is not Unit.FLAG else 1


def _dump(value: dict[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, sort_keys=True).encode()
