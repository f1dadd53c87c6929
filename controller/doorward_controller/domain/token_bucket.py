"""How often somebody may ask: a bucket of tokens that fills at a steady rate up to a bound."""

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """How fast a bucket fills, and how much it holds."""

    per_s: float
    burst: int

    @property
    def window_s(self) -> int:
        """How long an empty bucket takes to be full."""
        return max(1, math.ceil(self.burst / self.per_s))


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """What is left, and when that was so."""

    tokens: float
    at_mono_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What came of asking once.

    Attributes:
        left: how many more may follow at once.
        full_in_s: when the bucket is full again.
        retry_in_s: when the next one may come; 0 when this one may.
    """

    bucket: Bucket
    is_allowed: bool
    left: int
    full_in_s: int
    retry_in_s: int


def take(bucket: Bucket | None, rate: Rate, now_mono_ms: int) -> Taken:
    """Takes one token; None is a bucket that nobody has taken from. A refusal takes nothing."""
    tokens = float(rate.burst)
    if bucket is not None:
        passed_s = max(0, now_mono_ms - bucket.at_mono_ms) / 1000
        tokens = min(tokens, bucket.tokens + passed_s * rate.per_s)
    is_allowed = tokens >= 1
    left = tokens - 1 if is_allowed else tokens
    return Taken(
        bucket=Bucket(tokens=left, at_mono_ms=now_mono_ms),
        is_allowed=is_allowed,
        left=math.floor(left),
        full_in_s=math.ceil((rate.burst - left) / rate.per_s),
        retry_in_s=0 if is_allowed else max(1, math.ceil((1 - tokens) / rate.per_s)),
    )
