"""The gateways' own service journal: what technicians wrote at the device, tied to work orders."""

from doorward.records import RecordKind
from doorward_controller.domain.permissions import Action, Actor
from doorward_controller.errors import ConflictError, NotFoundError
from doorward_controller.services.acting import act
from doorward_controller.services.backend import Backend
from doorward_controller.services.work_orders import locked
from doorward_controller.store import record_bodies
from doorward_controller.store import work_orders as rows


def attach_record(backend: Backend, actor: Actor, order_id: int, record_id: int) -> None:
    """Ties a line written at the device to the order that it belongs to.

    Raises ForbiddenError, NotFoundError or ConflictError.
    """
    with act(
        backend, actor, Action.DO_MAINTENANCE,
        name="attach_record", subject=str(order_id), placed=True,
    ) as doing:  # fmt: skip
        order = locked(doing, order_id)
        body = record_bodies.body(doing.connection, record_id, RecordKind.SERVICE)
        gateway = record_bodies.gateway_of(doing.connection, record_id)
        if body is None or gateway != order.gateway_id:
            raise NotFoundError(
                f"{order.gateway} has no service entry {record_id}", code="no_record"
            )
        if record_id in rows.records(doing.connection, order_id):
            raise ConflictError(f"entry {record_id} is attached already", code="attached")
        rows.attach_record(doing.connection, order_id, record_id, actor.name, doing.now.utc_s)
        doing.detail["record"] = record_id
