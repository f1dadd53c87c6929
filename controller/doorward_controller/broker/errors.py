"""What can go wrong around the broker, each with what a person should do next.

BrokerError (DoorwardError)
├── BrokerMissingError      Mosquitto is not installed
├── BrokerTooOldError       it is installed, but older than what was tested
├── PortTakenError          another program listens on the port
├── BrokerFailedError       it ended, or did not open its port in time
├── CertificateError        a certificate or key cannot be made or read
└── GateError               a gateway could not be shut out, or not for certain
"""

from doorward.errors import DoorwardError


class BrokerError(DoorwardError):
    """Everything that this package raises on purpose."""


class BrokerMissingError(BrokerError):
    """Mosquitto is not installed."""


class BrokerTooOldError(BrokerError):
    """Mosquitto is older than the oldest version that was tested."""


class PortTakenError(BrokerError):
    """Another program listens on the port."""


class BrokerFailedError(BrokerError):
    """Mosquitto ended, or did not open its port in time."""


class CertificateError(BrokerError):
    """A certificate or key cannot be made or read."""


class GateError(BrokerError):
    """A gateway could not be shut out of the broker, or not for certain."""
