"""One scenario of the unattended run: what it did, whether it really happened, what it saw."""

from collections.abc import Callable
from dataclasses import dataclass, field

from doorward.errors import DoorwardError
from doorward.times import Clock

Detail = dict[str, int | float | str | bool]


class NotSeenError(DoorwardError):
    """Something that the scenario is about did not happen, or not in time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioResult:
    """How one scenario went.

    Attributes:
        passed: everything that it is about was seen to happen.
        problem: what was not, in words; empty when it passed.
        detail: figures.
    """

    name: str
    passed: bool
    seconds: float
    problem: str = ""
    detail: Detail = field(default_factory=dict)


def play(name: str, act: Callable[[], Detail], clock: Clock) -> ScenarioResult:
    """Runs one scenario; what goes wrong in it is a result, not the end of the run."""
    begun_ms = clock.now().mono_ms
    detail: Detail = {}
    problem = ""
    try:
        detail = act()
    except (DoorwardError, OSError, LookupError) as err:
        problem = f"{type(err).__name__}: {err}"
    seconds = round((clock.now().mono_ms - begun_ms) / 1000, 2)
    return ScenarioResult(
        name=name, passed=not problem, seconds=seconds, problem=problem, detail=detail
    )


def require(condition: object, problem: str) -> None:
    """Raises NotSeenError unless the condition holds."""
    if not condition:
        raise NotSeenError(problem)
