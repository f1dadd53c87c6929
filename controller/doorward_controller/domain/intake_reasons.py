"""Why a message is put aside instead of being taken in. Stable codes; never reused (pure)."""

from enum import StrEnum


class QuarantineReason(StrEnum):
    """What was wrong with a message."""

    BAD_TOPIC = "bad_topic"
    WRONG_SITE = "wrong_site"
    UNKNOWN_GATEWAY = "unknown_gateway"
    GATEWAY_REVOKED = "gateway_revoked"
    TOO_LARGE = "too_large"
    MALFORMED = "malformed"
    BAD_SIGNATURE = "bad_signature"
    WRONG_SENDER = "wrong_sender"
    """Signed well, but about another gateway or site than the topic's."""
    KEY_NOT_OURS = "key_not_ours"
    """Sealed to another controller's key, or to one that we no longer have."""
    RECORD_KEY_DIFFERS = "record_key_differs"
    """A birth that names another record key than the one enrolled."""
    RECORD_UNREADABLE = "record_unreadable"
    """One record of a good batch; its bytes are kept whole and its number is acknowledged."""
    CHAIN_BROKEN = "chain_broken"
    NUMBER_REUSED = "number_reused"
    STORE_REFUSED = "store_refused"
    UNKNOWN_COMMAND = "unknown_command"
    """What is said of a command that we never gave, or not to this gateway."""


ALARMS = frozenset({
    QuarantineReason.BAD_SIGNATURE,
    QuarantineReason.WRONG_SENDER,
    QuarantineReason.RECORD_KEY_DIFFERS,
    QuarantineReason.CHAIN_BROKEN,
    QuarantineReason.NUMBER_REUSED,
})  # fmt: skip
"""What does not happen by itself: somebody altered, imitated or copied something."""
