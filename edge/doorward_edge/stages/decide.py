"""Presentation + rules + what this gateway saw -> `Grant` or `Deny`."""

from collections import OrderedDict

from doorward.credential import SLOT_S, SLOT_TOLERANCE, Credential
from doorward.decision import Deny, Grant, Presentation, Rules, decide
from doorward.ids import CredentialId, PortalId
from doorward.presence_port import NothingSeen
from doorward.times import Instant

_REMEMBER_MS = (2 * SLOT_TOLERANCE + 2) * SLOT_S * 1000
"""After this no clock within the tolerance could still accept the slot."""


class UsedSlots(NothingSeen):
    """Which passes were accepted in which slot, for as long as they could be accepted again."""

    def __init__(self) -> None:
        """Starts with none."""
        self._used: OrderedDict[tuple[CredentialId, int], int] = OrderedDict()

    def is_slot_used(self, credential_id: CredentialId, slot: int) -> bool:
        """Whether the pass was accepted in this slot."""
        return (credential_id, slot) in self._used

    def remember(self, credential_id: CredentialId, slot: int, mono_ms: int) -> None:
        """Notes an accepted pass, and forgets those that are too old to matter."""
        self._used[credential_id, slot] = mono_ms
        while self._used and next(iter(self._used.values())) < mono_ms - _REMEMBER_MS:
            self._used.popitem(last=False)


class DecideStage:
    """Decides for one portal, and remembers what may be used only once."""

    def __init__(self, portal: PortalId, used: UsedSlots, held_s: float = 0.0) -> None:
        """Takes the portal, the memory of used slots, and how long a code may be held up."""
        self._portal = portal
        self._used = used
        self._held_ms = int((SLOT_S + held_s) * 1000)
        self._granted: CredentialId | None = None
        self._granted_ms = 0

    def is_same_pass_again(self, presentation: Presentation, now: Instant) -> bool:
        """Whether a pass that was just granted is still held up and only drew itself anew.

        Its text changes with every slot, so the reader takes it for another code. A refused pass
        is looked at again: the next slot may be the one that counts.
        """
        if not isinstance(presentation, Credential) or presentation.slot is None:
            return False
        is_it = presentation.statement.credential_id == self._granted
        if not is_it or now.mono_ms - self._granted_ms > self._held_ms:
            return False
        self._granted_ms = now.mono_ms
        return True

    def decide(self, presentation: Presentation, rules: Rules | None, now: Instant) -> Grant | Deny:
        """Returns the decision of `doorward.decision.decide` at this portal."""
        return decide(presentation, self._portal, rules, self._used, now)

    def note_granted(self, presentation: Presentation, now: Instant) -> None:
        """Uses a pass up, once its grant is on record: who was not let in may try again."""
        if isinstance(presentation, Credential) and presentation.slot is not None:
            credential_id = presentation.statement.credential_id
            self._used.remember(credential_id, presentation.slot, now.mono_ms)
            self._granted, self._granted_ms = credential_id, now.mono_ms
