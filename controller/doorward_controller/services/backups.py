"""How the site's backups stand, for pages, interface and metrics; and the alert on their age.

The age of the last *good* copy counts: a run that never started raises no error anywhere else.
"""

from dataclasses import dataclass

import sqlalchemy as sa

from doorward_controller.config import Config
from doorward_controller.domain.alert_rules import Key
from doorward_controller.domain.alert_texts import Fact
from doorward_controller.domain.backup_state import (
    DAY_S,
    HOUR_S,
    Lack,
    Limits,
    PlaceState,
    Standing,
    lacks,
    standing,
)
from doorward_controller.domain.permissions import Actor, Role
from doorward_controller.services import alerting, audit, erasures, holders
from doorward_controller.services.alerting import Raised
from doorward_controller.services.backend import Backend
from doorward_controller.store import alerts, backups
from doorward_controller.store.backups import Rehearsal, Run, Sharing

LATE_RULE = "site.backup_late"
_SHOWN = 60
_RESTORER = Actor(name="restore", role=Role.ADMIN)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceNow:
    """A place of backups as it stands."""

    state: PlaceState
    standing: Standing
    rehearsal: Rehearsal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """All places, what lacks, and how the key was shared out."""

    places: tuple[PlaceNow, ...]
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
    return Overview(
        places=tuple(
            PlaceNow(
                state=state,
                standing=standing(state, bounds, now_s),
                rehearsal=rehearsed.get(state.name),
            )
            for state in states
        ),
        lacks=lacks(states, bounds, now_s, is_key_shared=sharing is not None),
        sharing=sharing,
    )


def look(backend: Backend) -> int:
    """Raises an alert for each place that is late and ends those that are over; returns how many.

    A place without any copy is late as well: whoever set it up wanted one.
    """
    if not backend.config.backup.target:
        return 0
    now = backend.clock.now()
    changed = 0
    with backend.store.write() as connection:
        known = alerting.rules(connection)
        rule = next((each for each in known if each.code == LATE_RULE and each.is_on), None)
        for place in _overview(backend, connection).places:
            key = Key(LATE_RULE, f"backup-{place.state.name}")
            is_open = alerts.live(connection, key) is not None
            is_late = place.standing is not Standing.GOOD
            if is_late and rule is not None and not is_open:
                fact = Fact(
                    kind=rule.kind, what=rule.what, place=place.state.name, title=rule.title
                )
                raised = Raised(
                    rule=rule, subject=key.subject, gateway="", severity=rule.severity, fact=fact
                )
                alerting.raise_alert(connection, raised, now)
                changed += 1
            elif is_open and not (is_late and rule is not None):
                alerting.clear_alert(connection, key, rule, now)
                changed += 1
    if changed:
        alerting.announce(backend)
    return changed


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
