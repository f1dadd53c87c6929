"""What goes wrong with releases, in words for whoever publishes them."""

from doorward_controller.errors import ControllerError


class ReleaseError(ControllerError):
    """A release or its metadata cannot be made, signed, published or verified."""

    code = "release_error"
