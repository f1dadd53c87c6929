"""Presentation + rules + what the site's gateways saw -> `Grant` or `Deny`."""

from doorward.credential import SLOT_S, Credential
from doorward.decision import Deny, Grant, Presence, Presentation, Rules, decide
from doorward.ids import CredentialId, PortalId
from doorward.times import Instant


class DecideStage:
    """Decides for one portal, and knows the pass that was granted last while it is held up."""

    def __init__(self, portal: PortalId, presence: Presence, held_s: float = 0.0) -> None:
        """Takes the portal, what is known of people, and how long a code may be held up."""
        self._portal = portal
        self._presence = presence
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
        return decide(presentation, self._portal, rules, self._presence, now)

    def note_granted(self, presentation: Presentation, now: Instant) -> None:
        """Remembers a pass once its grant is on record: who was not let in may try again."""
        if isinstance(presentation, Credential) and presentation.slot is not None:
            self._granted = presentation.statement.credential_id
            self._granted_ms = now.mono_ms

    def note_annulled(self, grant: Grant) -> None:
        """Forgets a pass whose holder did not go through, and may hold it up again."""
        if grant.bearer is not None and grant.bearer.credential_id == self._granted:
            self._granted = None
