"""What every build draws, its supplies and the cable to its lock."""

from collections.abc import Iterator

from tools.hardware.budget import (
    BUZZER_MA,
    CAMERA_LAMP_MA,
    LAMP_MA,
    STORAGE_MA,
    SUPPLY_RAIL,
    complaints_of,
    rails_of,
    run_of,
)
from tools.hardware.builds import Build, build_names, load_build
from tools.hardware.parts import Shelf
from tools.hardware.power import HEADROOM, LOWEST_LOCK_SHARE, WARM_C, battery_h, longest_m
from tools.reference.markdown import MADE, table

GAUGES_MM2 = (0.22, 0.5, 0.75, 1.0, 1.5)


def text() -> str:
    """Returns the page."""
    builds = [load_build(name) for name in build_names()]
    return (
        f"# Power\n\n{MADE}\nComputed from `hardware/`: what each part takes usually and at the "
        f"worst moment, all at once. A supply gives {HEADROOM:.0%} more than that. Currents "
        "marked as estimates in the parts' files are estimates here, too: measure a build of your "
        "own before you order fifty. "
        f"Beside the parts, a lamp counts {LAMP_MA} mA, a camera's lamp {CAMERA_LAMP_MA} mA, a "
        f"buzzer {BUZZER_MA} mA and the memory card {STORAGE_MA} mA.\n\n"
        + _overview(builds)
        + "\n"
        + _cables()
        + "\n"
        + "\n".join(map(_build, builds))
    )


def _overview(builds: list[Build]) -> str:
    def line() -> Iterator[tuple[str, ...]]:
        for build in builds:
            computer, supply = rails_of(build)
            hours = battery_h(supply)
            yield (
                f"[`{build.name}`](#{build.name})",
                f"{computer.most_ma:.0f} mA of {computer.supply.rated_ma}",
                f"{supply.most_ma:.0f} mA of {supply.supply.rated_ma}",
                f"{min(computer.headroom, supply.headroom):.0%}",
                f"{hours:.1f} h" if hours else f"{supply.supply.hold_up_ms} ms",
                "; ".join(complaints_of(build)) or "well",
            )

    head = ("build", "5.1 V at most", "12 V at most", "least headroom", "without mains", "verdict")
    return (
        "## All builds\n\n"
        + table(head, line())
        + "\nA supply without a battery bridges half a period of the mains and no more: at a dip "
        "the computer starts anew (the lock does what its kind does without power), and nothing "
        "that was recorded is lost.\n"
    )


def _cables() -> str:
    shelf = Shelf()
    locks = {name: shelf.lock(name) for name in shelf.names("locks")}

    def line() -> Iterator[tuple[str, ...]]:
        for name, lock in locks.items():
            if lock.inrush_ma:
                longest = (longest_m(lock, mm2, lock.volts) for mm2 in GAUGES_MM2)
                yield name, *(f"{metres:.0f} m" for metres in longest)

    head = ("lock", *(f"{mm2:g} mm²" for mm2 in GAUGES_MM2))
    return (
        "## How long a cable to a lock may be\n\n"
        f"There and back, copper at {WARM_C} °C; the lock gets {LOWEST_LOCK_SHARE:.0%} of its "
        "voltage from a supply that gives it exactly. A lock that gets less does not let go, or "
        "does not hold.\n\n" + table(head, line())
    )


def _build(build: Build) -> str:
    rows = [
        (rail.name, load.name, f"{load.usual_ma:.0f}", f"{load.most_ma:.0f}")
        for rail in rails_of(build)
        for load in rail.loads
    ]
    sums = [
        (rail.name, "**together**", f"**{rail.usual_ma:.0f}**", f"**{rail.most_ma:.0f}**")
        for rail in rails_of(build)
    ]
    body = table(("rail", "load", "usually, mA", "at most, mA"), [*rows, *sums])
    run = run_of(build)
    drop = run.drop_v(build.lock.inrush_ma)
    cable = (
        f"{run.length_m:g} m of {run.gauge_mm2:g} mm²: {drop:.2f} V are lost, "
        f"{build.supply.volts - drop:.2f} V are left at the lock."
        if build.lock.inrush_ma
        else "The lock feeds itself."
    )
    least_mah = rails_of(build)[1].usual_ma
    return (
        f"## {build.name}\n\n{build.file.title}. {build.supply.title}; {build.converter.title}. "
        f"{cable} For each hour without mains {least_mah / 1000:.1f} Ah at {SUPPLY_RAIL} are "
        f"drawn.\n\n{body}"
    )
