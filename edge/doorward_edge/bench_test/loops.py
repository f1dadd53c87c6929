"""What the levels around one loop mean. Pure: levels in, a fault with its name out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from doorward_edge.bench_test.lines import Loop
from doorward_edge.boards import Level, TerminalKind
from doorward_edge.perception import Words


class Fault(StrEnum):
    """What may be wrong with a loop."""

    CUT = "cut"
    STUCK = "stuck"
    SWAPPED = "swapped"
    INVERTED = "inverted"
    BRIDGED = "bridged"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A fault, in words."""

    fault: Fault
    said: Words


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """The levels of all looped inputs by pin: at rest, while one output was switched, and after."""

    before: Mapping[int, Level]
    during: Mapping[int, Level]
    after: Mapping[int, Level]

    def moved(self) -> frozenset[int]:
        """Pins that read something else while the output was switched."""
        return frozenset(pin for pin, level in self.before.items() if self.during[pin] is not level)


def judge(loop: Loop, others: Sequence[Loop], seen: Observed) -> Found | None:
    """Returns what is wrong with a loop, None when nothing is.

    Args:
        loop: whose output was switched.
        others: the loops beside it, for wires that are swapped or touch.
        seen: what the inputs read.
    """
    own, moved = loop.input.pin.pin, seen.moved()
    also = [other for other in others if other.input.pin.pin in moved]
    if own not in moved:
        return _swapped(loop, also[0]) if also else _silent(loop, seen)
    if seen.during[own] is not loop.reads(loop.output.rest.other):
        return _inverted(loop)
    if seen.after[own] is not seen.before[own]:
        return _stays(loop)
    if also:
        return _bridged(loop, also[0])
    return None


def _silent(loop: Loop, seen: Observed) -> Found:
    out, into = loop.output.shown, loop.input.shown
    if seen.before[loop.input.pin.pin] is loop.reads(loop.output.rest.other):
        return Found(
            fault=Fault.STUCK,
            said=Words(
                f"{into} reads all the time what {out} gives only when it is switched: its contact "
                "is stuck (welded relay), or the wire is shorted",
                f"{into} 始终处于 {out} 动作时的状态：触点粘连（继电器焊死）或线路短路",
            ),
        )
    return Found(
        fault=Fault.CUT,
        said=Words(
            f"{out} was switched and {into} did not move: the wire is cut, a jumper is missing, or "
            "the output is dead",
            f"{out} 已动作，但 {into} 无变化：断线、缺跳线帽或输出损坏",
        ),
    )


def _swapped(loop: Loop, other: Loop) -> Found:
    return Found(
        fault=Fault.SWAPPED,
        said=Words(
            f"{loop.output.shown} moves {other.input.shown}, and not {loop.input.shown}: the wires "
            f"of {loop.name} and {other.name} are swapped",
            f"{loop.output.shown} 动作时变化的是 {other.input.shown}，而不是 {loop.input.shown}："
            f"{loop.name} 与 {other.name} 的接线接反",
        ),
    )


def _inverted(loop: Loop) -> Found:
    if loop.output.kind is TerminalKind.PIN:
        en, zh = "another level than the configuration says drives it", "动作电平与配置相反"
    else:
        en = (
            f"it is wired to the other throw than .{loop.contact}, or another level than the "
            "profile says drives the coil"
        )
        zh = f"接到了 .{loop.contact} 之外的另一触点，或线圈动作电平与板型不符"
    return Found(
        fault=Fault.INVERTED,
        said=Words(f"{loop.name} works the wrong way round: {en}", f"{loop.name} 逻辑相反：{zh}"),
    )


def _stays(loop: Loop) -> Found:
    out, into = loop.output.shown, loop.input.shown
    return Found(
        fault=Fault.STUCK,
        said=Words(
            f"{out} was put back and {into} stayed as it was: its contact is stuck (welded "
            "relay), or the relay falls off too slowly",
            f"{out} 已复位，但 {into} 未恢复：触点粘连（继电器焊死）或释放过慢",
        ),
    )


def _bridged(loop: Loop, other: Loop) -> Found:
    return Found(
        fault=Fault.BRIDGED,
        said=Words(
            f"{loop.output.shown} also moves {other.input.shown}: two wires touch",
            f"{loop.output.shown} 同时使 {other.input.shown} 变化：两线相碰",
        ),
    )
