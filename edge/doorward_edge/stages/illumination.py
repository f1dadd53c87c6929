"""Whether the lamp beside a camera should be lit, from the pictures themselves (pure).

A lamp lights what its own camera sees: a picture that is light with the lamp does not say that it
would be without. So what the lamp adds is measured when it goes on and taken off from then on; and
where putting it out turns out to have been wrong, as with a camera that sets its own exposure, it
stays lit for longer each time.
"""

from typing import Protocol

DARK_DN = 55.0
BRIGHT_DN = 95.0
DARK_FOR_MS = 1_000
SETTLE_MS = 3_000
"""Cameras take so long to get used to a new light."""
BRIGHT_FOR_MS = 10_000
WRONG_WITHIN_MS = 30_000
LONGEST_BRIGHT_MS = 3_600_000


class Light(Protocol):
    """The lamp beside a camera."""

    def set(self, *, is_lit: bool) -> None:
        """Switches it."""
        ...


class Lantern:
    """Switches a lamp by what its camera sees."""

    def __init__(self, light: Light) -> None:
        """Takes the lamp, which is out."""
        self._light = light
        self._dusk = Dusk()

    def note(self, brightness_dn: float, now_mono_ms: int) -> None:
        """Takes in how bright a picture is."""
        was_lit = self._dusk.is_lit
        is_lit = self._dusk.note(brightness_dn, now_mono_ms)
        if is_lit is not was_lit:
            self._light.set(is_lit=is_lit)


class Dusk:
    """Follows one camera's brightness, and says whether its lamp should be lit."""

    def __init__(self) -> None:
        """Begins with the lamp out."""
        self.is_lit = False
        self._since_ms: int | None = None
        self._switched_ms = -WRONG_WITHIN_MS
        self._before_dn = 0.0
        self._added_dn: float | None = None
        self._bright_for_ms = BRIGHT_FOR_MS

    def note(self, brightness_dn: float, now_mono_ms: int) -> bool:
        """Takes in how bright a picture is; returns whether the lamp should be lit from now on."""
        if self.is_lit:
            self._note_lit(brightness_dn, now_mono_ms)
        elif self._lasts(brightness_dn < DARK_DN, DARK_FOR_MS, now_mono_ms):
            self._light(brightness_dn, now_mono_ms)
        return self.is_lit

    def _light(self, brightness_dn: float, now_ms: int) -> None:
        if now_ms - self._switched_ms < WRONG_WITHIN_MS:
            self._bright_for_ms = min(2 * self._bright_for_ms, LONGEST_BRIGHT_MS)
        self._switch(now_ms, is_lit=True)
        self._before_dn, self._added_dn = brightness_dn, None

    def _note_lit(self, brightness_dn: float, now_ms: int) -> None:
        if now_ms - self._switched_ms < SETTLE_MS:
            return
        if self._added_dn is None:
            self._added_dn = max(0.0, brightness_dn - self._before_dn)
        without_dn = brightness_dn - self._added_dn
        if self._lasts(without_dn >= BRIGHT_DN, self._bright_for_ms, now_ms):
            self._switch(now_ms, is_lit=False)

    def _lasts(self, is_so: bool, for_ms: int, now_ms: int) -> bool:  # noqa: FBT001  # the claim
        """Returns whether something has been so for that long."""
        if not is_so:
            self._since_ms = None
            return False
        if self._since_ms is None:
            self._since_ms = now_ms
        return now_ms - self._since_ms >= for_ms

    def _switch(self, now_ms: int, *, is_lit: bool) -> None:
        self.is_lit, self._switched_ms, self._since_ms = is_lit, now_ms, None
