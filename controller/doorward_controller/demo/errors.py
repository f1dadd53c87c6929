"""What stops the demonstration."""

from doorward.errors import DoorwardError


class StoppedError(DoorwardError):
    """Somebody pressed Ctrl-C, or the system asks us to end."""


class DemoError(DoorwardError):
    """Something that the demonstration needs is missing or does not come up."""
