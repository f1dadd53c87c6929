"""Downtime of devices, entered by people: planned or not, never two at once on a device."""

from dataclasses import dataclass

from doorward_controller.domain.downtime import Span, first_overlap
from doorward_controller.domain.permissions import Action, Actor
from doorward_controller.errors import ConflictError, InvalidError, NotFoundError
from doorward_controller.services.acting import Act, act
from doorward_controller.services.backend import Backend
from doorward_controller.store import downtimes, gateways, work_orders

MAX_REASON = 200
_AHEAD_S = 60
"""Clocks of whoever enters it and of the server differ by a little."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDowntime:
    """When a device did not serve; `ended` is None while it lasts."""

    gateway: str
    began_utc_s: int
    ended_utc_s: int | None
    planned: bool
    reason: str
    component_id: int | None = None
    order_id: int | None = None


def add_downtime(backend: Backend, actor: Actor, new: NewDowntime) -> int:
    """Enters downtime; returns its number.

    Raises:
        ForbiddenError: the role does not allow it.
        InvalidError: the times are not in order, or lie ahead.
        ConflictError: the device was down already in part of that time.
        NotFoundError: there is no such device or order.
    """
    with act(
        backend, actor, Action.DO_MAINTENANCE,
        name="add_downtime", subject=new.gateway, placed=True,
    ) as doing:  # fmt: skip
        gateway_id = _gateway(backend, doing, new.gateway)
        doing.at_gateway(gateway_id)
        _check(new, doing.now.utc_s)
        if new.order_id is not None:
            order = work_orders.find(doing.connection, new.order_id)
            if order is None or order.gateway_id != gateway_id:
                raise NotFoundError(f"{new.gateway} has no order {new.order_id}", code="no_order")
        downtimes.lock_device(doing.connection, gateway_id)
        present = downtimes.of_device(doing.connection, gateway_id, new.component_id)
        span = Span(began_utc_s=new.began_utc_s, ended_utc_s=new.ended_utc_s)
        if first_overlap(span, [each.span for each in present]) is not None:
            raise ConflictError(
                f"{new.gateway} was down already in part of that time", code="downtime_overlaps"
            )
        doing.detail.update(planned=new.planned, began=new.began_utc_s, ended=new.ended_utc_s)
        return downtimes.add(
            doing.connection,
            gateway_id=gateway_id,
            component_id=new.component_id,
            order_id=new.order_id,
            planned=new.planned,
            began_utc_s=new.began_utc_s,
            ended_utc_s=new.ended_utc_s,
            reason=new.reason.strip(),
            who=actor.name,
        )


def end_downtime(
    backend: Backend, actor: Actor, downtime_id: int, ended_utc_s: int | None = None
) -> None:
    """Ends downtime that lasts, now or at an earlier moment.

    Raises ForbiddenError, NotFoundError, ConflictError or InvalidError.
    """
    with act(
        backend, actor, Action.DO_MAINTENANCE,
        name="end_downtime", subject=str(downtime_id), placed=True,
    ) as doing:  # fmt: skip
        found = downtimes.find(doing.connection, downtime_id)
        if found is None:
            raise NotFoundError(f"there is no downtime {downtime_id}", code="no_downtime")
        doing.at_gateway(found.gateway_id)
        downtimes.lock_device(doing.connection, found.gateway_id)
        if found.ended_utc_s is not None:
            raise ConflictError(f"downtime {downtime_id} has ended", code="downtime_ended")
        ended = doing.now.utc_s if ended_utc_s is None else ended_utc_s
        if not found.began_utc_s < ended <= doing.now.utc_s + _AHEAD_S:
            raise InvalidError("it must end after its beginning, and not ahead", code="bad_times")
        downtimes.end(doing.connection, downtime_id, ended)
        doing.detail["ended"] = ended


def _gateway(backend: Backend, doing: Act, name: str) -> int:
    found = gateways.find(doing.connection, backend.config.site, name)
    if found is None:
        raise NotFoundError(f"there is no gateway {name[:40]!r}", code="no_gateway")
    return found.id


def _check(new: NewDowntime, now_utc_s: int) -> None:
    latest = now_utc_s + _AHEAD_S
    if not 0 < new.began_utc_s <= latest:
        raise InvalidError("downtime begins when it begins, not ahead", code="bad_times")
    if new.ended_utc_s is not None and not new.began_utc_s < new.ended_utc_s <= latest:
        raise InvalidError("downtime must end after its beginning, and not ahead", code="bad_times")
    if len(new.reason) > MAX_REASON or "\0" in new.reason:
        raise InvalidError(f"the reason is longer than {MAX_REASON} characters", code="too_long")
