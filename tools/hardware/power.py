"""What a build draws, whether its supplies bear it, and what the cable to the lock loses. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from tools.hardware.parts import LockPart, SupplyPart

HEADROOM = 0.3
"""A supply gives at least so much more than is drawn: it ages, and its housing is warm."""

COPPER_20C_OHM_MM2_M = 0.01724
COPPER_PER_K = 0.00393
WARM_C = 50
"""In a duct in the sun, or in a housing."""

LOWEST_LOCK_SHARE = 0.9
"""A lock must get this share of its voltage."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """Something that draws current.

    Attributes:
        usual_ma: nearly always.
        most_ma: at the worst moment, all at once.
    """

    name: str
    volts: float
    usual_ma: float
    most_ma: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Rail:
    """One voltage with its supply and what hangs on it."""

    name: str
    supply: SupplyPart
    loads: tuple[Load, ...]

    @property
    def usual_ma(self) -> float:
        """What is drawn nearly always."""
        return sum(load.usual_ma for load in self.loads)

    @property
    def most_ma(self) -> float:
        """What is drawn at the worst moment."""
        return sum(load.most_ma for load in self.loads)

    @property
    def needed_ma(self) -> float:
        """What the supply must be rated for."""
        return self.most_ma * (1 + HEADROOM)

    @property
    def headroom(self) -> float:
        """How much more than the worst moment the supply gives, as a share of it."""
        return self.supply.rated_ma / self.most_ma - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A cable of two conductors."""

    length_m: float
    gauge_mm2: float

    def ohms(self, temperature_c: float = WARM_C) -> float:
        """Returns the resistance there and back."""
        per_m = COPPER_20C_OHM_MM2_M * (1 + COPPER_PER_K * (temperature_c - 20)) / self.gauge_mm2
        return 2 * self.length_m * per_m

    def drop_v(self, current_ma: float) -> float:
        """Returns what is lost on it."""
        return self.ohms() * current_ma / 1000


def as_load_of(rail: Rail, name: str) -> Load:
    """Returns what a converter draws from the supply before it."""
    into = rail.supply.from_volts
    if into is None:
        raise ValueError(f"{rail.supply.title} is no converter")
    share = rail.supply.volts / into / rail.supply.efficiency
    return Load(name=name, volts=into, usual_ma=rail.usual_ma * share, most_ma=rail.most_ma * share)


def longest_m(lock: LockPart, gauge_mm2: float, supply_v: float) -> float:
    """Returns how long a cable may be for the lock to get enough; infinite for a dry input."""
    if not lock.inrush_ma:
        return float("inf")
    may_lose_v = supply_v - LOWEST_LOCK_SHARE * lock.volts
    return may_lose_v / Run(length_m=1, gauge_mm2=gauge_mm2).drop_v(lock.inrush_ma)


def battery_h(rail: Rail) -> float:
    """Returns how long the battery lasts at the usual current; 0 without one."""
    wh = (rail.supply.battery_wh or 0) * rail.supply.battery_usable
    return wh / (rail.usual_ma / 1000 * rail.supply.volts)


def complaints(
    rails: Iterable[Rail], lock: LockPart, run: Run, contact_ma: int, lock_rail: str
) -> tuple[str, ...]:
    """Returns what is too small, in words; nothing when all is well."""
    said = []
    for rail in rails:
        if rail.supply.rated_ma < rail.needed_ma:
            said.append(
                f"{rail.name}: {rail.supply.title} gives {rail.supply.rated_ma} mA, "
                f"{rail.needed_ma:.0f} mA are needed ({rail.most_ma:.0f} mA and {HEADROOM:.0%})"
            )
        if rail.name == lock_rail and lock.inrush_ma:
            said += _at_the_lock(rail, lock, run)
    if lock.inrush_ma > contact_ma:
        said.append(
            f"lock: {lock.title} draws {lock.inrush_ma} mA, its contact bears {contact_ma} mA"
        )
    return tuple(said)


def _at_the_lock(rail: Rail, lock: LockPart, run: Run) -> list[str]:
    left_v = rail.supply.volts - run.drop_v(lock.inrush_ma)
    least_v = LOWEST_LOCK_SHARE * lock.volts
    if left_v >= least_v:
        return []
    most_m = longest_m(lock, run.gauge_mm2, rail.supply.volts)
    left = f"{run.length_m:g} m of {run.gauge_mm2:g} mm² leave {left_v:.2f} V at the lock"
    return [f"cable: {left}, {least_v:.2f} V are needed: at most {most_m:.0f} m, or thicker"]
