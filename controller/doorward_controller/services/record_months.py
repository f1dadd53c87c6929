"""Months of the records table on PostgreSQL, made before they begin; an alert when they are not."""

import logging

from doorward_controller.domain.alert_rules import Key
from doorward_controller.errors import StoreUnavailableError
from doorward_controller.services import alerting, site_alerts
from doorward_controller.services.backend import Backend
from doorward_controller.store import alerts, record_partitions
from doorward_controller.store.record_partitions import MONTHS_AHEAD

MISSING_RULE = "site.months_missing"
LEAST_AHEAD = 2
"""With fewer whole months ready somebody is told: a month at least is left to mend it."""

_KEY = Key(MISSING_RULE, "record-months")

_log = logging.getLogger(__name__)


def ahead(backend: Backend) -> int | None:
    """Returns how many whole months after this one lie ready; None on SQLite, which needs none.

    Below 0 this month has none itself: its records lie in the part without an end.
    """
    now_utc_ms = backend.clock.now().utc_ms
    with backend.store.read() as connection:
        return record_partitions.months_ahead(connection, now_utc_ms)


def keep_ahead(backend: Backend) -> int:
    """Makes the months that are due; returns how many. Tells people when it could not.

    Without a month of its own a record lies in the part without an end: it is stored and found,
    only not as fast.
    """
    now = backend.clock.now()
    ready = ahead(backend)
    if ready is None:
        return 0
    made: tuple[str, ...] = ()
    if ready < MONTHS_AHEAD:
        try:
            with backend.store.write() as connection:
                made = record_partitions.make_months(connection, now.utc_ms)
        except StoreUnavailableError as err:
            level = logging.WARNING if ready > 0 else logging.ERROR
            _log.log(level, "records.months_missing ready=%d problem=%s", max(ready, 0), err)
    for name in made:
        _log.info("records.month_made name=%s", name)
    _watch(backend, is_missing=ready + len(made) < LEAST_AHEAD)
    return len(made)


def _watch(backend: Backend, *, is_missing: bool) -> None:
    """Raises the alert, or says that it is over."""
    with backend.store.read() as connection:
        if not is_missing and alerts.live(connection, _KEY) is None:
            return
    place = str(backend.config.site)
    with backend.store.write() as connection:
        is_changed = site_alerts.settle(backend, connection, _KEY, place, is_so=is_missing)
    if is_changed:
        alerting.announce(backend)
