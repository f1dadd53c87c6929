"""What stops the demonstration."""

from doorward.errors import DoorwardError


class DemoError(DoorwardError):
    """Something that the demonstration needs is missing or does not come up."""
