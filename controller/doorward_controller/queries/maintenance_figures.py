"""Reliability of devices over a window, by domain/reliability.py from what the tables hold."""

from collections.abc import Mapping
from dataclasses import dataclass

import sqlalchemy as sa

from doorward_controller.domain.downtime import Span, total_s
from doorward_controller.domain.permissions import Zones
from doorward_controller.domain.reliability import (
    Estimate,
    Failure,
    PlanOutcome,
    availability,
    mtbf,
    mttr,
    on_time_share,
    repeat_failures,
)
from doorward_controller.domain.work_orders import LabourRate, OrderKind, OrderOrigin, OrderState
from doorward_controller.queries.work_orders import UNPRICED, cost_of, parts_taken
from doorward_controller.store import places
from doorward_controller.store import work_orders as rows
from doorward_controller.store.maintenance_tables import downtimes, work_orders
from doorward_controller.store.schema import gateways
from doorward_controller.store.session import Store
from doorward_controller.store.work_orders import StoredOrder


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What a window says of one device, or of all together (`device` is empty).

    Attributes:
        observed_s: how long it was watched; of all, the sum.
        cost: by currency, in minor units.
        modes: how often each failure mode struck.
    """

    device: str
    observed_s: int
    failures: int
    mtbf: Estimate
    mttr: Estimate
    availability: float | None
    availability_unplanned: float | None
    downtime_s: int
    on_time: Estimate
    repeats: int
    labour_minutes: int
    cost: Mapping[str, int]
    modes: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Source:
    name: str
    from_utc_s: int
    orders: tuple[StoredOrder, ...]
    spans: tuple[Span, ...]
    cost: Mapping[int, Mapping[str, int]]


def figures(
    store: Store,
    site: str,
    from_utc_s: int,
    to_utc_s: int,
    labour: LabourRate = UNPRICED,
    zones: Zones = None,
) -> tuple[Figures, tuple[Figures, ...]]:
    """Returns the figures of all devices of the zones together, and of each by name."""
    sources = _sources(store, site, from_utc_s, labour, zones)
    each = tuple(_of_device(source, to_utc_s) for source in sources)
    return _together(sources, each, to_utc_s), each


def _sources(
    store: Store, site: str, from_utc_s: int, labour: LabourRate, zones: Zones
) -> tuple[_Source, ...]:
    with store.read() as connection:
        devices = connection.execute(
            sa.select(gateways.c.id, gateways.c.name, gateways.c.enrolled_at_utc_s)
            .where(gateways.c.site == site, places.seen(gateways.c.id, zones))
            .order_by(gateways.c.name)
        ).all()
        orders = [
            rows.order_of(row)
            for row in connection.execute(rows.select_orders().where(work_orders.c.site == site))
        ]
        taken = parts_taken(connection, site, orders)
        spans: dict[int, list[Span]] = {}
        whole = downtimes.c.component_id.is_(None)
        for row in connection.execute(sa.select(downtimes).where(whole)):
            span = Span(
                began_utc_s=row.began_utc_s, ended_utc_s=row.ended_utc_s, planned=row.planned
            )
            spans.setdefault(row.gateway_id, []).append(span)
    return tuple(
        _Source(
            name=device.name,
            from_utc_s=max(from_utc_s, device.enrolled_at_utc_s),
            orders=tuple(one for one in orders if one.gateway_id == device.id),
            spans=tuple(spans.get(device.id, ())),
            cost={one.id: cost_of(one, taken.get(one.id, ()), labour) for one in orders},
        )
        for device in devices
    )


def _of_device(source: _Source, to_utc_s: int) -> Figures:
    since = source.from_utc_s
    observed = max(0, to_utc_s - since)
    spans = [span for span in source.spans if span.within(since, to_utc_s)]
    down = total_s(spans, since, to_utc_s)
    failures = _failures(source, since, to_utc_s)
    spent = [one for one in source.orders if since <= (one.done_at_utc_s or 0) < to_utc_s]
    cost: dict[str, int] = {}
    modes: dict[str, int] = {}
    for one in spent:
        for currency, amount in source.cost.get(one.id, {}).items():
            cost[currency] = cost.get(currency, 0) + amount
    for failure in failures:
        modes[failure.mode] = modes.get(failure.mode, 0) + 1
    return Figures(
        device=source.name,
        observed_s=observed,
        failures=len(failures),
        mtbf=mtbf(observed - down, len(failures)),
        mttr=mttr(spans),
        availability=availability(spans, since, to_utc_s),
        availability_unplanned=availability(spans, since, to_utc_s, planned=False),
        downtime_s=down,
        on_time=on_time_share(_outcomes(source, since), to_utc_s),
        repeats=len(repeat_failures(failures)),
        labour_minutes=sum(one.labour_minutes for one in spent),
        cost=cost,
        modes=modes,
    )


def _together(sources: tuple[_Source, ...], each: tuple[Figures, ...], to_utc_s: int) -> Figures:
    """Devices of one kind are pooled: their times and failures add up ([NIST] 8.4.5.1)."""
    observed = sum(one.observed_s for one in each)
    down = sum(one.downtime_s for one in each)
    failures = sum(one.failures for one in each)
    unplanned = sum(
        total_s(source.spans, source.from_utc_s, to_utc_s, planned=False) for source in sources
    )
    spans = [
        span for source in sources for span in source.spans
        if span.within(source.from_utc_s, to_utc_s)
    ]  # fmt: skip
    outcomes = [one for source in sources for one in _outcomes(source, source.from_utc_s)]
    return Figures(
        device="",
        observed_s=observed,
        failures=failures,
        mtbf=mtbf(observed - down, failures),
        mttr=mttr(spans),
        availability=1 - down / observed if observed else None,
        availability_unplanned=1 - unplanned / observed if observed else None,
        downtime_s=down,
        on_time=on_time_share(outcomes, to_utc_s),
        repeats=sum(one.repeats for one in each),
        labour_minutes=sum(one.labour_minutes for one in each),
        cost=_summed([one.cost for one in each]),
        modes=_summed([one.modes for one in each]),
    )


def _summed(tables: list[Mapping[str, int]]) -> dict[str, int]:
    total: dict[str, int] = {}
    for table in tables:
        for name, count in table.items():
            total[name] = total.get(name, 0) + count
    return total


def _failures(source: _Source, from_utc_s: int, to_utc_s: int) -> list[Failure]:
    """Corrective work that a second person let begin; what found no fault is no failure."""
    return [
        Failure(
            device=source.name,
            mode=order.failure_mode or "other",
            began_utc_s=order.requested_at_utc_s,
            mended_utc_s=order.done_at_utc_s,
        )
        for order in source.orders
        if order.kind == OrderKind.CORRECTIVE
        and order.state not in {OrderState.REQUESTED, OrderState.CANCELLED}
        and order.remedy != "no_fault_found"
        and from_utc_s <= order.requested_at_utc_s < to_utc_s
    ]


def _outcomes(source: _Source, from_utc_s: int) -> list[PlanOutcome]:
    return [
        PlanOutcome(deadline_utc_s=order.deadline_utc_s, done_utc_s=order.done_at_utc_s)
        for order in source.orders
        if order.origin == OrderOrigin.PLAN
        and order.state is not OrderState.CANCELLED
        and order.requested_at_utc_s >= from_utc_s
    ]
