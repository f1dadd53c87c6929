"""What a guard wrote of a person: personal, so every look is an audit entry."""

from dataclasses import dataclass

from doorward.records import Record, RecordKind
from doorward_controller.domain.permissions import Action, Actor
from doorward_controller.errors import NotFoundError
from doorward_controller.services.acting import act
from doorward_controller.services.backend import Backend
from doorward_controller.store import record_bodies


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """Who it was and what was remarked, in the guard's words; empty where nothing was."""

    subject: str
    note: str


def read_written(backend: Backend, actor: Actor, record_id: int) -> Written:
    """Returns what was written into one record by hand. Raises ForbiddenError or NotFoundError."""
    with act(
        backend, actor, Action.READ_PERSONAL,
        name="read_by_hand", subject=str(record_id), placed=True,
    ) as doing:  # fmt: skip
        body = record_bodies.body(doing.connection, record_id, RecordKind.MANUAL)
        if body is None:
            raise NotFoundError(f"record {record_id} was not made by hand")
        record = Record.from_wire(body)
        doing.at_portal(record.portal)
        return Written(subject=record.subject, note=record.note)
