"""Which list of guards each gateway goes by, as it says itself."""

import json
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from pydantic import BaseModel

from doorward_controller.store import staff
from doorward_controller.store.gateways import GatewayState
from doorward_controller.store.schema import gateways
from doorward_controller.store.session import Store


class Holding(StrEnum):
    """How the list at a gateway compares with the newest. The names stand in the interface."""

    NEWEST = "newest"
    OLDER = "older"
    """An older one, or none yet."""
    NEWER = "newer"
    """One that this database does not know: it was restored from a backup."""
    NO_PAGES = "no_pages"
    """Nobody signs in there, so it keeps no list."""
    UNTOLD = "untold"
    """It was never heard, or its software does not tell."""


class StaffAtGateway(BaseModel):
    """One gateway and the list that its pages go by.

    Attributes:
        version: of the list, 0 for none; None where the gateway keeps or tells none.
        since_utc_ms: since when we know that it goes by this one.
        refused: why it did not take a newer one, in its own words; empty where it did.
    """

    gateway: str
    holding: Holding
    version: int | None
    since_utc_ms: int | None
    online: bool | None
    unreachable_since_utc_ms: int | None
    refused: str


def at_gateways(store: Store, site: str) -> tuple[StaffAtGateway, ...]:
    """Returns what each enrolled gateway holds, by name."""
    columns = (
        gateways.c.name,
        gateways.c.online,
        gateways.c.offline_since_utc_ms,
        gateways.c.reported_json,
    )
    wanted = (
        sa.select(*columns)
        .where(gateways.c.site == site, gateways.c.state == GatewayState.ENROLLED.value)
        .order_by(gateways.c.name)
    )
    with store.read() as connection:
        newest, _ = staff.newest_list(connection, site)
        rows = connection.execute(wanted).all()
    return tuple(_at_gateway(row._asdict(), json.loads(row.reported_json), newest) for row in rows)


def _at_gateway(row: Mapping[str, Any], said: Mapping[str, Any], newest: int) -> StaffAtGateway:
    told = said.get("staff")
    version = told["version"] if told else None
    rejected = (each["error"] for each in said.get("rejected", ()) if each["what"] == "staff")
    return StaffAtGateway(
        gateway=row["name"],
        holding=_holding(version, newest) if told else Holding.UNTOLD,
        version=version,
        since_utc_ms=told["since_utc_ms"] if told else None,
        online=row["online"],
        unreachable_since_utc_ms=row["offline_since_utc_ms"],
        refused=next(rejected, ""),
    )


def _holding(version: int | None, newest: int) -> Holding:
    if version is None:
        return Holding.NO_PAGES
    if version == newest:
        return Holding.NEWEST
    return Holding.OLDER if version < newest else Holding.NEWER
