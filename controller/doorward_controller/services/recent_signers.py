"""What was read last of the keys that sign many times a second."""

import threading
from dataclasses import dataclass, field

from doorward.envelope import Ed25519Signer
from doorward_controller.domain.site_keys import KeyUse

REMEMBERED_MS = 3000
"""For so long another process may go on with a key that was just replaced."""


@dataclass(slots=True)
class RecentSigners:
    """Signers by use, each for a short while."""

    _read: dict[KeyUse, tuple[int, Ed25519Signer]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def find(self, use: KeyUse, now_mono_ms: int) -> Ed25519Signer | None:
        """Returns the signer that was read a moment ago, or None."""
        with self._lock:
            at_ms, signer = self._read.get(use, (0, None))
        return signer if 0 <= now_mono_ms - at_ms < REMEMBERED_MS else None

    def keep(self, use: KeyUse, signer: Ed25519Signer, now_mono_ms: int) -> None:
        """Remembers what was read now."""
        with self._lock:
            self._read[use] = (now_mono_ms, signer)

    def forget(self) -> None:
        """Has everything read anew."""
        with self._lock:
            self._read.clear()
