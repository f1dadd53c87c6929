"""People who come and go: gentle, endless, and the same for the same seed."""

import random
from collections.abc import Sequence
from threading import Event, Thread

from doorward_controller.demo.control_socket import ControlError
from doorward_controller.demo.turnstile import Code, Turnstile

PAUSE_S = (0.8, 3.0)
"""Between one person and the next at a portal; three portals give about one scan a second."""

TILT_DEG = 18.0
_AWAY_S = 0.5
_LOOK_S = 0.05
_JOIN_S = 15.0
_MISTAKES = 0.08
"""So many hold up something that is not ours."""

_LOST_WAY = 0.15
"""So many of the others try a door without asking whether it is theirs."""


class Traffic:
    """One thread for each portal."""

    def __init__(self, turnstiles: Sequence[Turnstile], codes: Sequence[Code], seed: int) -> None:
        self._ours = [code for code in codes if code.credential_id is not None]
        self._others = [code for code in codes if code.credential_id is None]
        self._stop = Event()
        self._threads = [
            Thread(
                target=self._walk,
                # Not for a secret: a seed makes a run repeatable.
                args=(turnstile, random.Random(f"{seed}/{turnstile.gateway.name}")),  # noqa: S311
                name=f"people-{turnstile.gateway.name}",
                daemon=True,
            )
            for turnstile in turnstiles
        ]

    def start(self) -> None:
        """Lets people come."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Lets nobody come any more, and waits for those who stand at a portal."""
        self._stop.set()
        for thread in self._threads:
            thread.join(_JOIN_S)

    def _walk(self, turnstile: Turnstile, chance: random.Random) -> None:
        # Before its first policy a gateway refuses everybody, which says nothing to who watches.
        while not turnstile.has_policy() and not self._stop.wait(_LOOK_S):
            pass
        while not self._stop.is_set():
            try:
                turnstile.present(
                    self._next(turnstile, chance), tilt_deg=chance.uniform(-TILT_DEG, TILT_DEG)
                )
            except ControlError:
                # The gateway was killed or is still starting; people wait before it.
                self._stop.wait(_AWAY_S)
                continue
            self._stop.wait(chance.uniform(*PAUSE_S))

    def _next(self, turnstile: Turnstile, chance: random.Random) -> Code:
        if self._others and chance.random() < _MISTAKES:
            return chance.choice(self._others)
        welcome = [code for code in self._ours if turnstile.gateway.name in code.opens]
        if not welcome or chance.random() < _LOST_WAY:
            return chance.choice(self._ours)
        return chance.choice(welcome)
