"""Which zones somebody, or something, can be limited to."""

from doorward.errors import BadIdError
from doorward.ids import parse_name
from doorward_controller.domain.permissions import Zones
from doorward_controller.errors import InvalidError

MAX_ZONES = 50
"""Somebody with more of them is limited to nothing that matters."""


def check_zones(zones: Zones) -> None:
    """Raises InvalidError unless there is at least one zone, each with a name that one can have."""
    if zones is None:
        return
    if not 0 < len(zones) <= MAX_ZONES:
        raise InvalidError(
            f"{len(zones)} zones, must be 1 to {MAX_ZONES}; without a limit for the whole site",
            code="bad_zones",
        )
    for zone in sorted(zones):
        try:
            parse_name(zone, "zone")
        except BadIdError as err:
            raise InvalidError(str(err), code="bad_zones") from err
