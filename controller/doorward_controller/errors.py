"""The controller's exception tree.

ControllerError                 everything that the controller raises on purpose
├── ConfigError                 the configuration cannot be used; names file, line and key
├── StoreError                  the database cannot be used
│   ├── StoreUnavailableError   it does not answer
│   ├── TooSlowError            it takes longer than the question may
│   └── SchemaError             its tables are of another version than this program
├── KeyVaultError               a key file is missing or cannot be opened
├── BackupError                 a copy cannot be made, checked or restored
├── BrokerError                 the MQTT broker refuses us for a reason that waiting cannot mend
└── ActError                    an act refused on purpose; the caller can mend it
    ├── ForbiddenError          the role does not allow it
    ├── NotFoundError           the thing does not exist
    ├── ConflictError           the thing is in a state that excludes it
    └── InvalidError            a value is out of bounds
"""


class ControllerError(Exception):
    """Everything that the controller raises on purpose.

    Attributes:
        code: stable `snake_case`; machines and translations go by it.
        message: one English sentence that names the thing, the value and the limit.
    """

    code = "controller_error"

    def __init__(self, message: str, *, code: str = "") -> None:
        """Keeps `message`; `code` narrows the class's own."""
        super().__init__(message)
        self.message = message
        self.code = code or type(self).code


class ConfigError(ControllerError):
    """The configuration cannot be used."""

    code = "config_error"


class StoreError(ControllerError):
    """The database cannot be used."""

    code = "store_error"


class StoreUnavailableError(StoreError):
    """The database does not answer."""

    code = "store_unavailable"


class TooSlowError(StoreError):
    """The database takes longer than the question may."""

    code = "store_too_slow"


class SchemaError(StoreError):
    """The tables are of another version than this program."""

    code = "schema_mismatch"


class KeyVaultError(ControllerError):
    """A key file is missing or cannot be opened."""

    code = "key_vault_error"


class BrokerError(ControllerError):
    """The broker refuses us for a reason that waiting cannot mend."""

    code = "broker_error"


class BackupError(ControllerError):
    """A copy cannot be made, checked or restored; what was there before is untouched."""

    code = "backup_failed"


class ActError(ControllerError):
    """An act refused on purpose; nothing was changed.

    Attributes:
        status: the HTTP status that says the same.
    """

    code = "refused"
    status = 400


class ForbiddenError(ActError):
    """The role does not allow the action."""

    code = "forbidden"
    status = 403


class NotFoundError(ActError):
    """The thing does not exist."""

    code = "not_found"
    status = 404


class ConflictError(ActError):
    """The thing is in a state that excludes the act."""

    code = "conflict"
    status = 409


class InvalidError(ActError):
    """A value is out of bounds."""

    code = "invalid"
    status = 422
