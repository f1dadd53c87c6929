"""What a bench test found: steps, each with a verdict in both languages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from doorward_edge.perception import Words


class Verdict(StrEnum):
    """What became of a step."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"
    """Nobody was there, or it was not asked for: it is not known whether it works."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing that was tried.

    Attributes:
        name: stable, for programs: `loop ch3=GPIO27`, `lamp north green`.
        said: what was found, in English and Chinese.
        figures: what was measured.
    """

    name: str
    verdict: Verdict
    said: Words
    figures: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The whole of it.

    Attributes:
        numbers: serial numbers of board and card, host, address, as far as they can be read.
        at_utc: when it began, as a person writes it.
        is_clock_sure: whether that may be believed.
        who: who did it, as they gave it.
    """

    site: str
    gateway: str
    board: str
    software: str
    numbers: Mapping[str, str]
    at_utc: str
    is_clock_sure: bool
    who: str
    steps: Sequence[Step]

    @property
    def verdict(self) -> Verdict:
        """Failed when one step did; skipped when none failed and one was skipped."""
        verdicts = {step.verdict for step in self.steps}
        for worst in (Verdict.FAILED, Verdict.SKIPPED):
            if worst in verdicts:
                return worst
        return Verdict.PASSED

    def to_wire(self) -> dict[str, object]:
        """Returns it as JSON holds it."""
        return {
            "site": self.site,
            "gateway": self.gateway,
            "board": self.board,
            "software": self.software,
            "numbers": dict(self.numbers),
            "at_utc": self.at_utc,
            "is_clock_sure": self.is_clock_sure,
            "who": self.who,
            "verdict": self.verdict.value,
            "steps": [
                {
                    "name": step.name,
                    "verdict": step.verdict.value,
                    "en": step.said.en,
                    "zh": step.said.zh,
                    "figures": dict(step.figures),
                }
                for step in self.steps
            ],
        }


def passed(name: str, en: str, zh: str, **figures: float) -> Step:
    """Returns a step that went well."""
    return Step(name=name, verdict=Verdict.PASSED, said=Words(en, zh), figures=figures)


def failed(name: str, en: str, zh: str, **figures: float) -> Step:
    """Returns a step that found a fault."""
    return Step(name=name, verdict=Verdict.FAILED, said=Words(en, zh), figures=figures)


def skipped(name: str, en: str, zh: str) -> Step:
    """Returns a step that was not done."""
    return Step(name=name, verdict=Verdict.SKIPPED, said=Words(en, zh))
