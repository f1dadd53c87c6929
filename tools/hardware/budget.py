"""A build's rails: what hangs on its supply and on its converter."""

from tools.hardware.builds import Build
from tools.hardware.power import Load, Rail, Run, as_load_of, complaints

LAMP_MA = 60
"""A signal lamp for 12 V with a LED."""
CAMERA_LAMP_MA = 300
BUZZER_MA = 30
LIT_AT_ONCE = 2
"""A signal's lamp and the blue dot (`docs/reference/perception.md`)."""
STORAGE_MA = 100
"""The memory card while it writes."""

SUPPLY_RAIL, COMPUTER_RAIL = "12 V", "5.1 V"


def rails_of(build: Build) -> tuple[Rail, Rail]:
    """Returns the rail of the computer and the one before it, which also feeds the lock."""
    computer = Rail(name=COMPUTER_RAIL, supply=build.converter, loads=tuple(_computer_loads(build)))
    return computer, Rail(
        name=SUPPLY_RAIL,
        supply=build.supply,
        loads=(as_load_of(computer, "computer, through the converter"), *_loads(build)),
    )


def run_of(build: Build) -> Run:
    """Returns the cable to the lock."""
    return Run(length_m=build.file.cable_m, gauge_mm2=build.file.cable_mm2)


def complaints_of(build: Build) -> tuple[str, ...]:
    """Returns what of the build is too small, in words."""
    return complaints(
        rails_of(build), build.lock, run_of(build), build.relays.contact_ma, SUPPLY_RAIL
    )


def _computer_loads(build: Build) -> list[Load]:
    computer, volts = build.computer, build.converter.volts
    relays = _relay_count(build)
    at_once = min(relays, 1 + LIT_AT_ONCE) if build.has_board else 1
    loads = [
        Load(name="computer", volts=volts, usual_ma=computer.usual_ma, most_ma=computer.busy_ma),
        Load(
            name="camera",
            volts=volts,
            usual_ma=build.camera.current_ma,
            most_ma=build.camera.current_ma,
        ),
        Load(name="memory card", volts=volts, usual_ma=0, most_ma=STORAGE_MA),
        Load(name="relay coils", volts=volts, usual_ma=0, most_ma=at_once * build.relays.coil_ma),
    ]
    if build.portal.buzzer is not None:
        loads.append(Load(name="buzzer", volts=volts, usual_ma=0, most_ma=BUZZER_MA))
    return loads


def _relay_count(build: Build) -> int:
    lines = [build.portal.lock, *build.portal.lamps.values()]
    return sum(line is not None for line in lines)


def _loads(build: Build) -> list[Load]:
    lock, volts = build.lock, build.supply.volts
    is_held = lock.contact == "nc"
    lit = min(len(build.portal.lamps), LIT_AT_ONCE)
    loads = []
    if lock.hold_ma:
        usual = lock.hold_ma if is_held else 0
        loads.append(Load(name="lock", volts=volts, usual_ma=usual, most_ma=lock.inrush_ma))
    loads.append(Load(name="lamps", volts=volts, usual_ma=LAMP_MA, most_ma=lit * LAMP_MA))
    lamp = Load(name="camera lamp", volts=volts, usual_ma=CAMERA_LAMP_MA, most_ma=CAMERA_LAMP_MA)
    return [*loads, *(lamp for _ in build.config.illumination)]
