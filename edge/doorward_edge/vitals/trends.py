"""Trends of numbers that only make sense over hours: written a day, growth of memory."""

from collections import deque
from itertools import pairwise

DAY_MS = 86_400_000


class Trend:
    """Readings of one number over a window, at most so many; used by one thread."""

    def __init__(self, window_ms: int, most: int = 288) -> None:
        """Begins empty.

        Args:
            window_ms: older readings are forgotten.
            most: how many are kept; more are thinned out by time.
        """
        self._window_ms = window_ms
        self._every_ms = window_ms // most
        self._readings: deque[tuple[int, int]] = deque()

    def note(self, at_ms: int, value: int) -> None:
        """Takes in a reading. Monotonic time; one too soon after the last kept is passed over."""
        if self._readings and at_ms - self._readings[-1][0] < self._every_ms:
            return
        self._readings.append((at_ms, value))
        while at_ms - self._readings[0][0] > self._window_ms:
            self._readings.popleft()

    @property
    def span_ms(self) -> int:
        """How long the readings reach back."""
        return self._readings[-1][0] - self._readings[0][0] if self._readings else 0

    def rise_a_day(self, least_ms: int) -> int | None:
        """Returns how much a counter rose, as if for a day; None before `least_ms` of readings.

        A counter that began anew, because the board did, is not counted as falling.
        """
        if self.span_ms < max(1, least_ms):
            return None
        rise = sum(max(0, b - a) for (_, a), (_, b) in pairwise(self._readings))
        return rise * DAY_MS // self.span_ms

    def slope_a_day(self, least_ms: int) -> int | None:
        """Returns the slope of the straight line through the readings, for a day."""
        if self.span_ms < max(1, least_ms):
            return None
        count = len(self._readings)
        mean_t = sum(at for at, _ in self._readings) / count
        mean_v = sum(value for _, value in self._readings) / count
        spread = sum((at - mean_t) ** 2 for at, _ in self._readings)
        together = sum((at - mean_t) * (value - mean_v) for at, value in self._readings)
        return round(together / spread * DAY_MS)


def percentile(values: list[int], permille: int) -> int | None:
    """Returns the value below which that share of all lies; None without values."""
    if not values:
        return None
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, len(ranked) * permille // 1000)]
