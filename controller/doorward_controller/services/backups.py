"""How the site's backups stand, for pages, interface and metrics; and the alert on their age.

The age of the last *good* copy counts: a run that never started raises no error anywhere else.
"""

import logging
from dataclasses import dataclass

import sqlalchemy as sa

from doorward_controller.config import Config
from doorward_controller.domain.alert_rules import Key
from doorward_controller.domain.backup_state import (
    DAY_S,
    HOUR_S,
    Lack,
    Limits,
    PlaceState,
    Standing,
    is_log_late,
    lacks,
    standing,
)
from doorward_controller.domain.permissions import Actor, Role
from doorward_controller.services import alerting, audit, erasures, holders, site_alerts
from doorward_controller.services.backend import Backend
from doorward_controller.store import backups, log_slots
from doorward_controller.store.backups import Rehearsal, Run, Sharing

LATE_RULE = "site.backup_late"
LOG_RULE = "site.log_late"
_SHOWN = 60
_LOGGER = logging.getLogger(__name__)
_RESTORER = Actor(name="restore", role=Role.ADMIN)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceNow:
    """A place of backups as it stands."""

    state: PlaceState
    standing: Standing
    rehearsal: Rehearsal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LogNow:
    """How far a PostgreSQL's log is at a place.

    Attributes:
        covers_utc_s: the last moment that can be restored from there; 0 for none.
        problem: why the last try brought nothing; empty when it did.
    """

    place: str
    covers_utc_s: int
    base_at_utc_s: int
    problem: str
    is_late: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """All places, what lacks, and how the key was shared out; of a log where one is gathered."""

    places: tuple[PlaceNow, ...]
    log: tuple[LogNow, ...]
    lacks: tuple[Lack, ...]
    sharing: Sharing | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What was done last, the newest first."""

    runs: tuple[Run, ...]
    rehearsals: tuple[Rehearsal, ...]


def limits(config: Config) -> Limits:
    """Returns from when on something is late."""
    return Limits(
        late_after_s=config.backup.late_after_h * HOUR_S,
        rehearse_every_s=config.backup.rehearse_every_days * DAY_S,
        log_late_after_s=config.backup.log.late_after_s,
    )


def overview(backend: Backend) -> Overview:
    """Returns how everything stands now."""
    with backend.store.read() as connection:
        return _overview(backend, connection)


def past(backend: Backend) -> Past:
    """Returns what was done last."""
    with backend.store.read() as connection:
        return Past(
            runs=tuple(backups.runs(connection, limit=_SHOWN)),
            rehearsals=tuple(backups.rehearsals(connection, limit=_SHOWN)),
        )


def _overview(backend: Backend, connection: sa.Connection) -> Overview:
    config, now_s = backend.config, backend.clock.now().utc_s
    good, rehearsed = backups.last_good(connection), backups.last_rehearsals(connection)
    sharing = backups.last_sharing(connection)
    states = [
        PlaceState(
            name=target.name,
            is_elsewhere=target.is_elsewhere,
            good_at_utc_s=good.get(target.name),
            rehearsed_at_utc_s=last.began_at_utc_s if last else None,
            rehearsal_held=last.held if last else None,
        )
        for target in config.backup.target
        for last in [rehearsed.get(target.name)]
    ]
    bounds = limits(config)
    log = _log(backend, connection, bounds)
    return Overview(
        log=log,
        places=tuple(
            PlaceNow(
                state=state,
                standing=standing(state, bounds, now_s),
                rehearsal=rehearsed.get(state.name),
            )
            for state in states
        ),
        lacks=lacks(
            states,
            bounds,
            now_s,
            is_key_shared=sharing is not None,
            is_log_late=any(each.is_late for each in log),
        ),
        sharing=sharing,
    )


def _log(backend: Backend, connection: sa.Connection, bounds: Limits) -> tuple[LogNow, ...]:
    config, now_s = backend.config, backend.clock.now().utc_s
    if backend.store.is_sqlite or not config.backup.log.is_on:
        return ()
    known = backups.shipments(connection)
    return tuple(
        LogNow(
            place=target.name,
            covers_utc_s=covers,
            base_at_utc_s=row.base_at_utc_s if row else 0,
            problem=row.problem if row else "",
            is_late=is_log_late(covers, bounds, now_s),
        )
        for target in config.backup.target
        for row in [known.get(target.name)]
        for covers in [row.covers_utc_s if row else 0]
    )


def look(backend: Backend) -> int:
    """Raises an alert for each place that is late and ends those that are over; returns how many.

    A place without any copy is late as well: whoever set it up wanted one.
    """
    if not backend.config.backup.target:
        return 0
    changed = 0
    _free_the_server(backend)
    with backend.store.write() as connection:
        found = _overview(backend, connection)
        late = {
            Key(LATE_RULE, f"backup-{each.state.name}"): each.standing is not Standing.GOOD
            for each in found.places
        }
        late |= {Key(LOG_RULE, f"log-{each.place}"): each.is_late for each in found.log}
        for key, is_late in late.items():
            place = key.subject.partition("-")[2]
            changed += site_alerts.settle(backend, connection, key, place, is_so=is_late)
    if changed:
        alerting.announce(backend)
    return changed


def kept_for_log(backend: Backend) -> int | None:
    """Returns how many bytes of its log the server keeps for us; None where it does for nobody."""
    if backend.store.is_sqlite or not backend.config.backup.log.is_on:
        return None
    with backend.store.read() as connection:
        slot = log_slots.slot_of(connection, backend.config.backup.log.slot)
    return None if slot is None else slot.kept_bytes


def _free_the_server(backend: Backend) -> None:
    """Records go before a log of them: who reads no slot does not fill the server's disk."""
    wanted = backend.config.backup.log
    if backend.store.is_sqlite or not wanted.is_on:
        return
    with backend.store.write() as connection:
        given_up = log_slots.give_up_if_over(connection, wanted.slot, wanted.most_mb * 2**20)
    if given_up is not None:
        _LOGGER.error(
            "backup.slot_given_up kept_bytes=%d most_mb=%d; the next round begins with a base copy",
            given_up.kept_bytes,
            wanted.most_mb,
        )


def note_restored(backend: Backend, *, place: str, snapshot: str, erased: dict[str, int]) -> int:
    """Makes the erasures again of which the restored database does not know, and says so.

    Returns:
        How many people were erased again.
    """
    now = backend.clock.now()
    with backend.store.write() as connection:
        lacking = erasures.lacking(connection, erased)
        for holder_id, at_utc_s in lacking.items():
            holders.forget(connection, holder_id, at_utc_s)
        audit.append(
            connection, now.utc_ms, _RESTORER, "restore_backup",
            subject=snapshot[:16], detail={"place": place, "erased_again": len(lacking)},
        )  # fmt: skip
    erasures.complete(backend)
    return len(lacking)


def note_sharing(backend: Backend, actor: Actor, sharing: Sharing) -> None:
    """Notes that the key was shared out, and by whom; never a word of a sheet."""
    with backend.store.write() as connection:
        backups.add_sharing(connection, sharing)
        audit.append(
            connection, sharing.made_at_utc_s * 1000, actor, "share_key",
            subject=str(sharing.set_number),
            detail={"threshold": sharing.threshold, "shares": sharing.shares},
        )  # fmt: skip
