"""How a gateway should be set, how it says that it is, and how the two differ."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import zip_longest
from typing import Any

import sqlalchemy as sa

from doorward.twin import SETTABLE, TRIAL_S, differences
from doorward_controller.domain.cursors import numbers_of, to_cursor
from doorward_controller.queries.paging import Page
from doorward_controller.store import configurations
from doorward_controller.store.schema import configurations as table
from doorward_controller.store.schema import gateways
from doorward_controller.store.session import Store


class TwinState(StrEnum):
    """How far a desired configuration has come."""

    NONE = "none"
    """Nothing was ever desired: the installer's file counts alone."""
    WAITING = "waiting"
    """The gateway has not said a word about it."""
    PENDING = "pending"
    """Taken; it counts from the gateway's next start."""
    IN_FORCE = "in_force"
    REJECTED = "rejected"
    """Refused or taken back; what counted before goes on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DesiredRow:
    """What was desired last."""

    version: int
    settings: Mapping[str, Any]
    note: str
    desired_by: str
    desired_at_utc_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectionRow:
    """Something that a gateway refused."""

    what: str
    version: int
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedRow:
    """What the gateway says.

    Attributes:
        in_force: the version that counts now, 0 for the installer's file alone.
        settings: of that version, None where we do not know it.
        pending: settings that wait for a restart.
        since_utc_s: since when that version counts, by the gateway's clock; None before it said.
        trial_until_utc_s: when the trial of that version ends if the connection holds.
        on_trial: whether that version is on trial; None where the gateway does not tell.
        taken_back: version that counted and was given up, 0 for none.
    """

    in_force: int
    taken: int
    settings: Mapping[str, Any] | None
    pending: tuple[str, ...]
    rejected: tuple[RejectionRow, ...]
    since_utc_s: int | None
    trial_until_utc_s: int | None
    on_trial: bool | None
    taken_back: int


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionRow:
    """One version that was desired.

    Attributes:
        changed: names that it set otherwise than the version before it.
    """

    version: int
    settings: Mapping[str, Any]
    note: str
    desired_by: str
    desired_at_utc_ms: int
    changed: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigurationRow:
    """Both sides of a gateway's configuration.

    Attributes:
        differences: names that are desired otherwise than they count now.
        settable: every name that can be set from afar, and what it means.
    """

    gateway: str
    state: TwinState
    desired: DesiredRow | None
    reported: ReportedRow
    differences: tuple[str, ...]
    settable: Mapping[str, str]


def configuration(store: Store, gateway: str) -> ConfigurationRow | None:
    """Returns the configuration of one gateway, None where there is no such gateway."""
    with store.read() as connection:
        row = connection.execute(
            sa.select(gateways.c.id, gateways.c.applied_config, gateways.c.reported_json).where(
                gateways.c.name == gateway
            )
        ).one_or_none()
        if row is None:
            return None
        desired = _desired(connection, row.id)
        counting = configurations.settings_of(connection, row.id, row.applied_config)
    reported = _reported(row.applied_config, json.loads(row.reported_json), counting)
    return ConfigurationRow(
        gateway=gateway,
        state=_state(desired, reported),
        desired=desired,
        reported=reported,
        differences=_differences(desired, reported),
        settable=dict(SETTABLE),
    )


def versions(store: Store, gateway: str, limit: int = 50) -> tuple[VersionRow, ...]:
    """Returns what was desired of a gateway, newest first."""
    return versions_page(store, gateway, limit=limit).items


def versions_page(
    store: Store, gateway: str, *, cursor: str | None = None, limit: int = 50
) -> Page[VersionRow]:
    """Returns a page of what was desired of a gateway, newest first. Raises InvalidError."""
    before = None if cursor is None else numbers_of(cursor, 1)[0]
    with store.read() as connection:
        gateway_id = connection.execute(
            sa.select(gateways.c.id).where(gateways.c.name == gateway)
        ).scalar_one_or_none()
        found = _newest(connection, gateway_id, limit + 1, before) if gateway_id else ()
    more = to_cursor(found[limit - 1].version) if len(found) > limit else None
    return Page(items=_with_changes(found, limit), next_cursor=more)


def _with_changes(found: Sequence[DesiredRow], limit: int) -> tuple[VersionRow, ...]:
    """Returns each version with what it changed of the one before."""
    return tuple(
        VersionRow(
            version=row.version,
            settings=row.settings,
            note=row.note,
            desired_by=row.desired_by,
            desired_at_utc_ms=row.desired_at_utc_ms,
            changed=differences(dict(row.settings), dict(before.settings) if before else {}),
        )
        for row, before in zip_longest(found[:limit], found[1 : limit + 1])
    )


def _desired(connection: sa.Connection, gateway_id: int) -> DesiredRow | None:
    return next(iter(_newest(connection, gateway_id, 1)), None)


def _newest(
    connection: sa.Connection, gateway_id: int, limit: int, before: int | None = None
) -> tuple[DesiredRow, ...]:
    rows = connection.execute(
        sa.select(
            table.c.version,
            table.c.settings_json,
            table.c.note,
            table.c.desired_by,
            table.c.desired_at_utc_ms,
        )
        .where(table.c.gateway_id == gateway_id)
        .where(sa.true() if before is None else table.c.version < before)
        .order_by(table.c.version.desc())
        .limit(limit)
    )
    return tuple(
        DesiredRow(
            version=row.version,
            settings=json.loads(row.settings_json),
            note=row.note,
            desired_by=row.desired_by,
            desired_at_utc_ms=row.desired_at_utc_ms,
        )
        for row in rows
    )


def _reported(in_force: int, said: Mapping[str, Any], counting: str | None) -> ReportedRow:
    settings = {} if in_force == 0 else counting and json.loads(counting)
    since = said.get("since_utc_s") if said.get("in_force") == in_force else None
    return ReportedRow(
        in_force=in_force,
        taken=said.get("taken", 0),
        settings=settings or ({} if in_force == 0 else None),
        pending=tuple(said.get("pending", ())),
        rejected=tuple(RejectionRow(**each) for each in said.get("rejected", ())),
        since_utc_s=since,
        trial_until_utc_s=since + TRIAL_S if since is not None and in_force else None,
        on_trial=said.get("on_trial") if said.get("in_force") == in_force else None,
        taken_back=said.get("taken_back", 0),
    )


def _state(desired: DesiredRow | None, reported: ReportedRow) -> TwinState:
    if desired is None:
        return TwinState.NONE
    if reported.in_force == desired.version:
        return TwinState.IN_FORCE
    if reported.taken == desired.version:
        return TwinState.PENDING
    refused = {each.version for each in reported.rejected if each.what == "config"}
    return TwinState.REJECTED if desired.version in refused else TwinState.WAITING


def _differences(desired: DesiredRow | None, reported: ReportedRow) -> tuple[str, ...]:
    if desired is None or reported.settings is None:
        return ()
    return differences(dict(desired.settings), dict(reported.settings))
