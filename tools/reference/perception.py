"""What people perceive at a portal: lamps, tones, words, and which reasons lead to which."""

from collections.abc import Iterable

from doorward.decision import Deny, Grounds
from doorward.reasons import Reason
from doorward_edge.perception import PATTERNS, WORDS, Lamp, Pattern, signal_of, sound_of
from doorward_edge.ports import Signal
from tools.reference.markdown import MADE, table

_GRANTS = {Reason.GRANTED, Reason.FREE_PASSAGE}
_HEAD = ("signal", "lamps", "tones", "words", "中文")


def text() -> str:
    """Returns the page."""
    return (
        f"# What people perceive at a portal\n\n{MADE}\nOne vocabulary for lamps, buzzer and "
        "screen. Never by colour alone: each signal has words and a picture of its own, and those "
        "that answer a code differ in their tones. Nothing flashes more than three times a second."
        " While the gateway decides without the controller, a blue dot is added to every signal."
        "\n\nWords and tones can be set (`[perception.granted]` and so on in `edge.toml`); what a "
        "lamp means cannot. A grant under duress looks and sounds like any other.\n\n"
        + table(_HEAD, _signals())
        + "\n## Which reason is shown how\n\nThe screen adds [the reason's words and what helps]"
        "(reasons.md) below the large ones; for a grant it adds nothing.\n\n"
        + table(("signal", "reasons"), _reasons())
    )


def _signals() -> Iterable[tuple[str, ...]]:
    for signal in Signal:
        pattern, words = PATTERNS[signal], WORDS[signal]
        yield f"`{signal}`", _lamps(pattern), _tones(pattern), words.en, words.zh


def _lamps(pattern: Pattern) -> str:
    lit = [step.lamps for step in pattern.steps]
    shown = sorted({lamp for lamps in lit for lamp in lamps}, key=list(Lamp).index)
    if not shown:
        return "none"
    manner = "steady" if all(lit) else "blinking"
    return f"{manner} {' and '.join(shown)}" + (", stays" if pattern.stays else "")


def _tones(pattern: Pattern) -> str:
    heard = sound_of(pattern)
    return ", ".join(f"{hz} Hz {for_ms} ms" for hz, for_ms in heard) if heard else "silent"


def _reasons() -> Iterable[tuple[str, ...]]:
    refused = [reason for reason in Reason if reason not in _GRANTS]
    shown = {reason: signal_of(Deny(reason=reason, grounds=Grounds(rule=""))) for reason in refused}
    for signal in Signal:
        reasons = [f"`{reason}`" for reason in refused if shown[reason] is signal]
        if signal is Signal.GRANTED:
            reasons = ["every grant"]
        if reasons:
            yield f"`{signal}`", ", ".join(sorted(reasons))
