"""Whether a release on trial proved well: what was well before must be well again (pure).

1. The new release says how it is every few seconds; who says nothing for `SILENT_S` does not run.
2. Everything that was well before the switch - cameras that give pictures, pins that can be read,
   a journal that writes, a policy that is loaded, a controller that is reached - is well again, at
   every look for `HOLD_S` on end, in one and the same process: then it is confirmed.
3. `TRIAL_S` after its beginning, or with the `MOST_BOOTS`th start of the system, it is taken back.

What was not well before is not held against the new release: an update may be what mends it. Of a
gateway that did not run before, a journal that writes is asked.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from doorward_edge.updating.exchange import Evidence

SILENT_S = 90
HOLD_S = 60
TRIAL_S = 600
MOST_BOOTS = 3
NEVER_WELL = f"the system began {MOST_BOOTS} times with it, and it never proved well"
STALE_S = 15
"""Evidence is written every five seconds; a slow card holds it up for a few."""

ESSENTIAL = ("journal",)


class Verdict(StrEnum):
    """What is to become of the release on trial."""

    WAIT = "wait"
    CONFIRM = "confirm"
    TAKE_BACK = "take_back"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """A verdict with its reason, for people."""

    verdict: Verdict
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One trial, as far as it has come.

    Attributes:
        version: what must be running.
        needs: what must be well.
        since_s: when it began, by the monotonic clock of this start of the system.
        boots: how many starts of the system it saw.
        heard_s: when evidence of it was fresh last.
        well_since_s: since when everything was well, None while it is not.
        process: which process that was, by the time at which it began.
    """

    version: str
    needs: tuple[str, ...]
    since_s: int
    boots: int = 1
    heard_s: int | None = None
    well_since_s: int | None = None
    process: int = 0


def needs_of(before: Evidence | None, boot_id: str, now_s: int) -> tuple[str, ...]:
    """Returns what must be well after a switch, by what was well before it."""
    if before is None or not is_fresh(before, boot_id, now_s):
        return ESSENTIAL
    return tuple(sorted({finding.what for finding in before.findings if finding.is_good}))


def judge(
    trial: Trial, evidence: Evidence | None, boot_id: str, now_s: int
) -> tuple[Trial, Judgement]:
    """Returns the trial after one more look, and what is to become of the release."""
    if trial.boots >= MOST_BOOTS:
        return trial, Judgement(verdict=Verdict.TAKE_BACK, why=NEVER_WELL)
    is_it = evidence is not None and evidence.version == trial.version
    if evidence is None or not is_it or not is_fresh(evidence, boot_id, now_s):
        return _unheard(trial, now_s)
    missing = _not_well(trial.needs, evidence)
    is_same = trial.process == evidence.process and trial.well_since_s is not None
    well_since_s = None if missing else (trial.well_since_s if is_same else now_s)
    seen = Trial(
        version=trial.version,
        needs=trial.needs,
        since_s=trial.since_s,
        boots=trial.boots,
        heard_s=now_s,
        well_since_s=well_since_s,
        process=evidence.process,
    )
    if well_since_s is not None and now_s - well_since_s >= HOLD_S:
        return seen, Judgement(verdict=Verdict.CONFIRM, why=f"well for {HOLD_S} s")
    if now_s - trial.since_s >= TRIAL_S:
        why = f"not well in {TRIAL_S} s: {'; '.join(missing) or 'it began anew again and again'}"
        return seen, Judgement(verdict=Verdict.TAKE_BACK, why=why)
    return seen, Judgement(verdict=Verdict.WAIT, why="; ".join(missing) or "well so far")


def _unheard(trial: Trial, now_s: int) -> tuple[Trial, Judgement]:
    last_s = trial.since_s if trial.heard_s is None else trial.heard_s
    if now_s - last_s >= SILENT_S:
        why = f"nothing was heard of it for {SILENT_S} s"
        return trial, Judgement(verdict=Verdict.TAKE_BACK, why=why)
    return trial, Judgement(verdict=Verdict.WAIT, why="it has not said yet how it is")


def _not_well(needs: Sequence[str], evidence: Evidence) -> tuple[str, ...]:
    found = {finding.what: finding for finding in evidence.findings}
    return tuple(
        f"{what}: {found[what].detail if what in found else 'not told'}"
        for what in needs
        if what not in found or not found[what].is_good
    )


def is_fresh(evidence: Evidence, boot_id: str, now_s: int) -> bool:
    """Whether evidence is of now."""
    return evidence.boot_id == boot_id and 0 <= now_s - evidence.at_mono_s <= STALE_S
