"""What an hour of work costs at this site."""

from doorward_controller.config import Config
from doorward_controller.domain.work_orders import LabourRate


def rate_of(config: Config) -> LabourRate:
    """Returns the rate that the settings name; nothing where they name none."""
    held = config.maintenance
    return LabourRate(per_hour_minor=held.labour_per_hour_minor, currency=held.labour_currency)
