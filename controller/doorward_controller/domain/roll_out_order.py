"""What a roll-out asks of each member, who its members are, and how they fall into waves. Pure."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from doorward.commands import CommandName
from doorward.ids import GatewayId
from doorward.twin import Setting, Settings, is_settable

ROLLABLE = (
    CommandName.IDENTIFY,
    CommandName.SELF_TEST,
    CommandName.RESTART,
    CommandName.SEND_LOG,
    CommandName.UPDATE_SOFTWARE,
)
"""Commands that mean the same at every gateway. Doors are opened one by one, by who sees them."""

MAX_WAVES = 20
_WAVE = re.compile(r"([0-9]{1,6})(%?)")
_PORTAL = "portal.*."


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandOrder:
    """A command to each member."""

    name: CommandName
    arguments: Mapping[str, str | int | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigurationOrder:
    """A change of each member's settings.

    Attributes:
        changes: laid over what is desired of a member already; None takes a setting back to the
            installer's file; `portal.*.` stands for each of its portals.
        restart: whether each member is restarted, so that the settings count.
    """

    changes: Mapping[str, Setting | None]
    restart: bool = True


Order = CommandOrder | ConfigurationOrder


def order_text(order: Order) -> str:
    """Returns an order as JSON."""
    return json.dumps(asdict(order), sort_keys=True, ensure_ascii=False)


def parse_order(text: str) -> Order:
    """Returns the order in a JSON text that `order_text` made."""
    values: dict[str, Any] = json.loads(text)
    if "changes" in values:
        return ConfigurationOrder(**values)
    return CommandOrder(name=CommandName(values["name"]), arguments=values["arguments"])


def changed_settings(
    present: Mapping[str, Setting], changes: Mapping[str, Setting | None], portals: Iterable[str]
) -> Settings:
    """Returns a member's settings with the changes laid over them."""
    served, settings = tuple(portals), dict(present)
    for name, value in changes.items():
        for each in _names(name, served):
            if value is None:
                settings.pop(each, None)
            else:
                settings[each] = value
    return settings


def unsettable(changes: Mapping[str, Setting | None]) -> tuple[str, ...]:
    """Returns the names that no gateway lets be set from afar, ascending."""
    return tuple(sorted(name for name in changes if not is_settable(name)))


def _names(name: str, portals: Sequence[str]) -> tuple[str, ...]:
    if not name.startswith(_PORTAL):
        return (name,)
    return tuple(f"portal.{portal}.{name.removeprefix(_PORTAL)}" for portal in portals)


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A gateway that could take part; zones are those of its portals."""

    gateway: GatewayId
    portals: tuple[str, ...]
    zones: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Who takes part: all that fit everything that is said here; nothing said means all.

    Attributes:
        pattern: `*` and `?` as in file names, for the gateway's name or one of its portals'.
        gateways: chosen by name; empty for any.
    """

    zone: str = ""
    pattern: str = ""
    gateways: frozenset[str] = frozenset()

    def takes(self, candidate: Candidate) -> bool:
        """Whether a gateway takes part."""
        names = (candidate.gateway, *candidate.portals)
        return (
            (not self.zone or self.zone in candidate.zones)
            and (not self.pattern or any(fnmatchcase(name, self.pattern) for name in names))
            and (not self.gateways or candidate.gateway in self.gateways)
        )


def wave_sizes(waves: Sequence[str], total: int) -> tuple[int, ...]:
    """Returns the sizes of the waves of `total` members; what is left over is the last wave.

    Args:
        waves: each a number of members ("5") or a share of all of them, rounded up ("10%").
        total: how many members there are.

    Raises:
        ValueError: a size is none; the sentence names it.
    """
    if len(waves) > MAX_WAVES:
        raise ValueError(f"there are {len(waves)} waves, at most {MAX_WAVES}")
    sizes, left = list[int](), total
    for wave in waves:
        size = min(_size(wave.strip(), total), left)
        sizes += [size] if size else []
        left -= size
    return (*sizes, left) if left else tuple(sizes)


def _size(wave: str, total: int) -> int:
    found = _WAVE.fullmatch(wave)
    amount = int(found[1]) if found else 0
    if found is None or amount == 0 or (found[2] and amount > 100):
        raise ValueError(f"wave {wave[:20]!r} must be a number from 1 on, or 1% to 100%")
    return -(-total * amount // 100) if found[2] else amount


def in_waves(
    gateways: Sequence[GatewayId], sizes: Sequence[int]
) -> tuple[tuple[GatewayId, int], ...]:
    """Returns each gateway with the number of its wave, in the order given."""
    numbers = [number for number, size in enumerate(sizes, 1) for _ in range(size)]
    return tuple(zip(gateways, numbers, strict=True))
