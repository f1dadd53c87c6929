"""How far the broker has shut out each revoked gateway."""

from collections.abc import Sequence

import sqlalchemy as sa

from doorward.ids import GatewayId
from doorward_controller.domain.cut_off import CutOff
from doorward_controller.store.device_tables import gateway_cut_offs
from doorward_controller.store.schema import gateways

_COLUMNS = (
    gateway_cut_offs.c.gateway_id,
    gateways.c.name.label("gateway"),
    gateway_cut_offs.c.asked_at_utc_ms,
    gateway_cut_offs.c.listed_at_utc_ms,
    gateway_cut_offs.c.ended_at_utc_ms,
    gateway_cut_offs.c.problem,
)


def begin(connection: sa.Connection, gateway_id: int, now_utc_ms: int) -> None:
    """Notes that a gateway is to be shut out from now on."""
    connection.execute(
        sa.insert(gateway_cut_offs).values(
            gateway_id=gateway_id, asked_at_utc_ms=now_utc_ms, problem=""
        )
    )


def forget(connection: sa.Connection, gateway_id: int) -> None:
    """Lets a gateway in again that was enrolled anew; the audit log keeps what was."""
    connection.execute(
        sa.delete(gateway_cut_offs).where(gateway_cut_offs.c.gateway_id == gateway_id)
    )


def of_site(connection: sa.Connection, site: str) -> tuple[CutOff, ...]:
    """Returns every gateway that was revoked, by name."""
    rows = connection.execute(_selected().where(gateways.c.site == site).order_by(gateways.c.name))
    return tuple(_cut_off(row) for row in rows)


def of_gateway(connection: sa.Connection, site: str, gateway: str) -> CutOff | None:
    """Returns how far one gateway is shut out, None when it was not revoked."""
    row = connection.execute(
        _selected().where(gateways.c.site == site, gateways.c.name == gateway)
    ).one_or_none()
    return None if row is None else _cut_off(row)


def change(connection: sa.Connection, gateway_ids: Sequence[int], **values: object) -> None:
    """Sets columns of some."""
    connection.execute(
        sa.update(gateway_cut_offs)
        .where(gateway_cut_offs.c.gateway_id.in_(gateway_ids))
        .values(**values)
    )


def _selected() -> sa.Select[tuple[object, ...]]:
    return sa.select(*_COLUMNS).join(gateways, gateways.c.id == gateway_cut_offs.c.gateway_id)


def _cut_off(row: sa.Row[tuple[object, ...]]) -> CutOff:
    values = row._asdict()
    return CutOff(**{**values, "gateway": GatewayId(values["gateway"])})
