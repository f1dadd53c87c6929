"""Which gateway runs which release, and where its update stands, as it says itself."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from doorward.software import SoftwareReport, UpdateOutcome, UpdateState
from doorward_controller.store.gateways import GatewayState
from doorward_controller.store.roll_outs import software_of
from doorward_controller.store.schema import gateways
from doorward_controller.store.session import Store


class Standing(StrEnum):
    """How an update stands, for people. The names stand in the interface."""

    UNTOLD = "untold"
    """It was never heard, or updates are not set up there."""
    SETTLED = "settled"
    """The release that runs proved well, and nothing is under way."""
    UNDER_WAY = "under_way"
    WAITS = "waits"
    """It lies ready and waits for its hour, or until nobody passes."""
    ON_TRIAL = "on_trial"
    RETURNED = "returned"
    NOT_DONE = "not_done"
    """The last order was refused or failed; nothing was changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SoftwareRow:
    """One gateway's software.

    Attributes:
        running: what its program says at each connection; empty where it was never heard.
        kept: the release that it can return to, empty for none.
        target: the release that an update is about, or was about last; empty for none.
        detail: in the gateway's own words.
    """

    gateway: str
    online: bool | None
    running: str
    kept: str
    standing: Standing
    target: str
    detail: str


def at_gateways(store: Store, site: str) -> tuple[SoftwareRow, ...]:
    """Returns every enrolled gateway, by name."""
    with store.read() as connection:
        rows = connection.execute(_wanted().where(gateways.c.site == site)).all()
    return tuple(_row(row._asdict()) for row in rows)


def at_gateway(store: Store, site: str, gateway: str) -> SoftwareRow | None:
    """Returns one enrolled gateway."""
    only = _wanted().where(gateways.c.site == site, gateways.c.name == gateway)
    with store.read() as connection:
        row = connection.execute(only).one_or_none()
    return None if row is None else _row(row._asdict())


def _wanted() -> sa.Select[Any]:
    columns = gateways.c
    return (
        sa.select(columns.name, columns.online, columns.birth_json, columns.reported_json)
        .where(columns.state == GatewayState.ENROLLED.value)
        .order_by(columns.name)
    )


def _row(row: Mapping[str, Any]) -> SoftwareRow:
    report = software_of(json.loads(row["reported_json"]))
    told = report or SoftwareReport()
    standing = _standing(report)
    is_over = standing in {Standing.RETURNED, Standing.NOT_DONE, Standing.SETTLED}
    return SoftwareRow(
        gateway=row["name"],
        online=row["online"],
        running=json.loads(row["birth_json"] or "{}").get("software", ""),
        kept=told.previous,
        standing=standing,
        target=told.outcome_version if is_over else told.target,
        detail=told.detail,
    )


def _standing(report: SoftwareReport | None) -> Standing:
    if report is None:
        return Standing.UNTOLD
    if report.state is UpdateState.IDLE:
        return {
            UpdateOutcome.RETURNED: Standing.RETURNED,
            UpdateOutcome.REFUSED: Standing.NOT_DONE,
            UpdateOutcome.FAILED: Standing.NOT_DONE,
        }.get(report.outcome, Standing.SETTLED)
    if report.state is UpdateState.INSTALLED:
        return Standing.WAITS
    return Standing.ON_TRIAL if report.state is UpdateState.ON_TRIAL else Standing.UNDER_WAY
