"""Plays seeded histories of whole sites: `python -m tests.simulation --seed 7`."""

import argparse
import json
import sys
from collections import Counter

from tests.simulation.faults import FAULTS, meaning
from tests.simulation.history import Played, play


def main(arguments: list[str]) -> int:
    """Returns 0 when every history kept every promise."""
    asked = _parse(arguments)
    if asked.faults:
        for name in FAULTS:
            print(f"{name}\n    {meaning(name)}")
        return 0
    played = [play(seed, asked.fault) for seed in range(asked.seed, asked.seed + asked.histories)]
    broken = [each for each in played if each.problem]
    if asked.json:
        print(json.dumps([_told(each, trace=len(played) == 1) for each in played], indent=1))
    else:
        for each in broken or (played if len(played) == 1 else []):
            print(report(each, asked.fault))
        print(_summary(played, len(broken)))
    return 1 if broken else 0


def report(played: Played, fault: str = "") -> str:
    """Returns a history to read, and the command that plays it again."""
    verdict = f"BROKEN: {played.problem}" if played.problem else "every promise was kept"
    return "\n".join((*played.trace, f"seed {played.seed}: {verdict}", command(played.seed, fault)))


def command(seed: int, fault: str = "") -> str:
    """Returns what to type to see a history again."""
    planted = f" --fault {fault}" if fault else ""
    return f'again: make sim ARGS="--seed {seed}{planted}"'


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="the first history's seed")
    parser.add_argument("--histories", type=int, default=1, metavar="M", help="how many to play")
    parser.add_argument("--fault", default="", choices=("", *FAULTS), metavar="NAME")
    parser.add_argument("--faults", action="store_true", help="list the faults that can be planted")
    parser.add_argument("--json", action="store_true", help="for other programs")
    return parser.parse_args(arguments)


def _told(played: Played, *, trace: bool) -> dict[str, object]:
    told: dict[str, object] = {
        "seed": played.seed,
        "problem": played.problem,
        "counts": played.counts,
    }
    return told | {"trace": played.trace} if trace else told


def _summary(played: list[Played], broken: int) -> str:
    total: Counter[str] = Counter()
    for each in played:
        total.update(each.counts)
    denied = sum(times for name, times in total.items() if name.startswith("deny:"))
    return (
        f"{len(played)} histories, {broken} broken: {total['receipts']} records, "
        f"{total['grants']} let in, {denied} refused, {total['releases']} movements of locks"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
