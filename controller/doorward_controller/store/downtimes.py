"""Downtime of devices."""

from dataclasses import dataclass

import sqlalchemy as sa

from doorward_controller.domain.downtime import Span
from doorward_controller.store.maintenance_tables import downtimes
from doorward_controller.store.schema import gateways


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredDowntime:
    """One span in which a device did not serve."""

    id: int
    gateway_id: int
    component_id: int | None
    order_id: int | None
    planned: bool
    began_utc_s: int
    ended_utc_s: int | None
    reason: str
    who: str

    @property
    def span(self) -> Span:
        """The bare span."""
        return Span(
            began_utc_s=self.began_utc_s, ended_utc_s=self.ended_utc_s, planned=self.planned
        )


_ROW = tuple(downtimes.c[name] for name in StoredDowntime.__dataclass_fields__)


def lock_device(connection: sa.Connection, gateway_id: int) -> None:
    """Keeps everybody else from adding downtime to the device before this transaction ends."""
    wanted = sa.select(gateways.c.id).where(gateways.c.id == gateway_id).with_for_update()
    connection.execute(wanted).one()


def of_device(
    connection: sa.Connection, gateway_id: int, component_id: int | None
) -> tuple[StoredDowntime, ...]:
    """Returns the downtime of a gateway itself, or of one of its components, by beginning."""
    where = (downtimes.c.gateway_id == gateway_id, downtimes.c.component_id == component_id)
    wanted = sa.select(*_ROW).where(*where).order_by(downtimes.c.began_utc_s)
    return tuple(StoredDowntime(**row._asdict()) for row in connection.execute(wanted))


def all_of_gateway(connection: sa.Connection, gateway_id: int) -> tuple[StoredDowntime, ...]:
    """Returns the downtime of a gateway and of its components, by beginning."""
    of_it = downtimes.c.gateway_id == gateway_id
    wanted = sa.select(*_ROW).where(of_it).order_by(downtimes.c.began_utc_s)
    return tuple(StoredDowntime(**row._asdict()) for row in connection.execute(wanted))


def find(connection: sa.Connection, downtime_id: int) -> StoredDowntime | None:
    """Returns one span."""
    row = connection.execute(sa.select(*_ROW).where(downtimes.c.id == downtime_id)).one_or_none()
    return None if row is None else StoredDowntime(**row._asdict())


def of_order(connection: sa.Connection, order_id: int) -> tuple[StoredDowntime, ...]:
    """Returns the downtime that an order names."""
    wanted = sa.select(*_ROW).where(downtimes.c.order_id == order_id).order_by(downtimes.c.id)
    return tuple(StoredDowntime(**row._asdict()) for row in connection.execute(wanted))


def add(connection: sa.Connection, **values: object) -> int:
    """Inserts a span; returns its id."""
    inserted = sa.insert(downtimes).values(**values).returning(downtimes.c.id)
    return int(connection.execute(inserted).scalar_one())


def end(connection: sa.Connection, downtime_id: int, ended_utc_s: int) -> None:
    """Ends a span."""
    of_it = downtimes.c.id == downtime_id
    connection.execute(sa.update(downtimes).where(of_it).values(ended_utc_s=ended_utc_s))
