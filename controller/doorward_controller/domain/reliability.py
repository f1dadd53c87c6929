"""What service history says of a device: figures that name their method and their lack of data.

Every function returns None, or an `Estimate` without bounds, where the data say nothing: a mean of
one failure is no mean. Sources: [NIST] NIST/SEMATECH e-Handbook of Statistical Methods, 8.4.5.1
(constant repair rate); [IEC] IEC 60050-192:2015, the vocabulary of dependability.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from doorward_controller.domain.downtime import Span, total_s

MIN_FAILURES = 3
"""Of two failures the 90 % interval spans a factor of eighteen, of three one of nine."""

MIN_REPAIRS = 3
MIN_PLAN_ORDERS = 5
REPEAT_WITHIN_S = 30 * 86_400
CONFIDENCE_PERMILLE = 900


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """Where a true value lies with the confidence asked for; no upper bound without a failure."""

    low: float
    high: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A figure and what it rests on; `value` is None where that is too little.

    Attributes:
        count: how many failures, repairs or orders it rests on.
        needed: how many it takes.
    """

    value: float | None
    count: int
    needed: int
    interval: Interval | None = None

    @property
    def is_enough(self) -> bool:
        """Whether there is a figure."""
        return self.value is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A fault that stopped a device or could have: when it was told, when it was mended."""

    device: str
    mode: str
    began_utc_s: int
    mended_utc_s: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanOutcome:
    """An order that a plan opened; `done` is None while it waits."""

    deadline_utc_s: int
    done_utc_s: int | None


def chi_square_quantile(probability: float, freedom: int) -> float:
    """Returns where a chi-square variable of even `freedom` stays below with `probability`.

    Exact to rounding: for 2k degrees of freedom the distribution function is
    1 - sum of e^(-x/2) (x/2)^i / i! for i < k, a Poisson sum, here inverted by bisection.

    Raises:
        ValueError: the degrees of freedom are odd or none, or the probability is none.
    """
    if freedom < 2 or freedom % 2 or not 0 < probability < 1:
        raise ValueError(f"no quantile for probability {probability}, {freedom} degrees of freedom")
    low, high = 0.0, 2.0 * freedom
    while _chi_square_below(high, freedom) < probability:
        high *= 2
    while (middle := (low + high) / 2) not in {low, high}:
        if _chi_square_below(middle, freedom) < probability:
            low = middle
        else:
            high = middle
    return high


def _chi_square_below(x: float, freedom: int) -> float:
    if x <= 0:
        return 0.0
    half, log_half = x / 2, math.log(x / 2)
    terms = (math.exp(i * log_half - half - math.lgamma(i + 1)) for i in range(freedom // 2))
    return 1.0 - math.fsum(terms)


def mtbf_interval(operating_s: float, failures: int, confidence: float) -> Interval:
    """Returns the two-sided interval of the mean time between failures, in seconds.

    [NIST]: 2T / chi2(1 - a/2; 2r + 2) to 2T / chi2(a/2; 2r), exact for a fixed time of observation
    and a constant failure rate. Without a failure only the one-sided bound T / -ln(a) exists.
    """
    alpha = 1 - confidence
    if failures == 0:
        return Interval(low=operating_s / -math.log(alpha), high=None)
    return Interval(
        low=2 * operating_s / chi_square_quantile(1 - alpha / 2, 2 * failures + 2),
        high=2 * operating_s / chi_square_quantile(alpha / 2, 2 * failures),
    )


def mtbf(operating_s: float, failures: int, *, needed: int = MIN_FAILURES) -> Estimate:
    """Returns the mean operating time between failures, in seconds ([IEC] 192-05-13, [NIST]).

    Below `needed` failures there is no mean; the interval stands all the same, because a long time
    without failures says something.
    """
    interval = (
        mtbf_interval(operating_s, failures, CONFIDENCE_PERMILLE / 1000)
        if operating_s > 0
        else None
    )
    value = operating_s / failures if failures >= needed and operating_s > 0 else None
    return Estimate(value=value, count=failures, needed=needed, interval=interval)


def mttr(spans: Sequence[Span], *, needed: int = MIN_REPAIRS) -> Estimate:
    """Returns the mean time to restoration, in seconds ([IEC] 192-07-23).

    Over unplanned downtime alone, and over what has ended: maintenance by plan is no failure, and
    an outage that lasts has no length yet.
    """
    lengths = [
        span.ended_utc_s - span.began_utc_s
        for span in spans
        if not span.planned and span.ended_utc_s is not None
    ]
    value = math.fsum(lengths) / len(lengths) if len(lengths) >= needed else None
    return Estimate(value=value, count=len(lengths), needed=needed)


def availability(
    spans: Sequence[Span], from_utc_s: int, to_utc_s: int, *, planned: bool | None = None
) -> float | None:
    """Returns the share of a window in which a device was up ([IEC] 192-08-05, steady state).

    With `planned` False, planned maintenance counts as time up; with None it counts as down.
    """
    observed = to_utc_s - from_utc_s
    if observed <= 0:
        return None
    return 1 - total_s(spans, from_utc_s, to_utc_s, planned=planned) / observed


def on_time_share(
    outcomes: Sequence[PlanOutcome], now_utc_s: int, *, needed: int = MIN_PLAN_ORDERS
) -> Estimate:
    """Returns which share of the plans' orders was done by its day.

    An order that waits counts once its day is past: as late. One that may still be in time does
    not count. (Schedule compliance, as SMRP metric 5.4.4 has it for orders instead of hours.)
    """
    judged = [
        one.done_utc_s is not None and one.done_utc_s <= one.deadline_utc_s
        for one in outcomes
        if one.done_utc_s is not None or one.deadline_utc_s < now_utc_s
    ]
    value = sum(judged) / len(judged) if len(judged) >= needed else None
    return Estimate(value=value, count=len(judged), needed=needed)


def repeat_failures(
    failures: Sequence[Failure], *, within_s: int = REPEAT_WITHIN_S
) -> tuple[Failure, ...]:
    """Returns the failures that struck the same device in the same way soon after being mended.

    "Soon" is within 30 days of the repair, both ends included: the usual window of a call-back.
    """
    found: list[Failure] = []
    mended: dict[tuple[str, str], int] = {}
    for failure in sorted(failures, key=lambda one: one.began_utc_s):
        key = (failure.device, failure.mode)
        last = mended.get(key)
        if last is not None and 0 <= failure.began_utc_s - last <= within_s:
            found.append(failure)
        if failure.mended_utc_s is not None:
            mended[key] = max(failure.mended_utc_s, last or 0)
    return tuple(found)
