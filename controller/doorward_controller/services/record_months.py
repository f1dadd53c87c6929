"""Months of the records table on PostgreSQL, made before they begin."""

import logging

from doorward_controller.errors import StoreUnavailableError
from doorward_controller.services.backend import Backend
from doorward_controller.store import record_partitions
from doorward_controller.store.record_partitions import MONTHS_AHEAD

_log = logging.getLogger(__name__)


def keep_ahead(backend: Backend) -> int:
    """Makes the months that are due; returns how many. Tells the log when it could not.

    Without a month of its own a record lies in the part without an end: it is stored and found,
    only not as fast.
    """
    now_utc_ms = backend.clock.now().utc_ms
    with backend.store.read() as connection:
        ahead = record_partitions.months_ahead(connection, now_utc_ms)
    if ahead is None or ahead >= MONTHS_AHEAD:
        return 0
    try:
        with backend.store.write() as connection:
            made = record_partitions.make_months(connection, now_utc_ms)
    except StoreUnavailableError as err:
        level = logging.WARNING if ahead > 0 else logging.ERROR
        _log.log(level, "records.months_missing ready=%d problem=%s", max(ahead, 0), err)
        return 0
    for name in made:
        _log.info("records.month_made name=%s", name)
    return len(made)
