"""The exception tree of the kit.

A denial is a value, never an exception; an exception means that something is broken or that a
message is not what it claims.

    DoorwardError
    ├── BadIdError (ValueError)       a name or id with illegal characters
    ├── MalformedError (ValueError)   bytes that are not the format they claim
    ├── UntrustedError                well formed, but signature, key or purpose does not hold
    └── RejectedError                 trusted, but it may not be applied
        ├── RollbackError             an older or equal version than the one held
        ├── GapError                  something before this one is missing
        └── WrongRecipientError       made for another site or gateway
"""


class DoorwardError(Exception):
    """Everything that the kit raises on purpose."""


class BadIdError(DoorwardError, ValueError):
    """A name or id has illegal characters or length."""


class MalformedError(DoorwardError, ValueError):
    """Bytes are not the format that they claim to be."""


class UntrustedError(DoorwardError):
    """A signature, a key or a key's purpose does not hold."""


class RejectedError(DoorwardError):
    """A trusted message may not be applied here and now."""


class RollbackError(RejectedError):
    """The version is not newer than the one held."""


class GapError(RejectedError):
    """A message in between is missing; ask for the full one."""


class WrongRecipientError(RejectedError):
    """The message was made for another site or gateway."""
