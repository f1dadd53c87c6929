"""What the audit log says of an export: that it began and what for, and how much went out.

Two entries, because a file can break off: the first is written before its first byte.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from doorward_controller.domain.permissions import Action, Actor, Extent
from doorward_controller.errors import InvalidError
from doorward_controller.services import audit
from doorward_controller.services.acting import act
from doorward_controller.services.backend import Backend

MIN_PURPOSE, MAX_PURPOSE = 4, 200
_MAX_SUBJECT = 2000


@contextmanager
def begin(
    backend: Backend, actor: Actor, number: str
) -> Iterator[dict[str, str | int | bool | None]]:
    """Notes that an export begins, with what the body puts into the detail.

    Raises ForbiddenError.
    """
    with act(
        backend, actor, Action.EXPORT_RECORDS, name="export_records", subject=number, placed=True
    ) as doing:
        # What goes out is narrowed by whoever makes the file.
        if doing.zones is not None:
            doing.detail["zones"] = " ".join(sorted(doing.zones))
        yield doing.detail


def check_purpose(text: str) -> str:
    """Returns what an export is for. Raises InvalidError where nothing useful is said."""
    purpose = " ".join(text.split())
    if not MIN_PURPOSE <= len(purpose) <= MAX_PURPOSE:
        raise InvalidError(
            f"say what the export is for, in {MIN_PURPOSE} to {MAX_PURPOSE} characters: the number"
            " of the application, or a sentence",
            code="purpose_missing",
        )
    return purpose


def note_by_hand(backend: Backend, actor: Actor, number: str, records: Sequence[int]) -> None:
    """Notes which records went out with what a guard wrote of somebody. Raises ForbiddenError."""
    if records:
        subject = ",".join(map(str, records))[:_MAX_SUBJECT]
        with act(
            backend, actor, Action.READ_PERSONAL,
            name="read_by_hand", subject=subject, placed=True,
        ) as it:  # fmt: skip
            it.at(Extent.SOMEWHERE)  # of rows that the file holds: those of their zones
            it.detail["export"] = number


def end(backend: Backend, actor: Actor, number: str, *, rows: int, is_whole: bool) -> None:
    """Notes how many rows went out, and whether the reader waited for all of them."""
    now = backend.clock.now()
    with backend.store.write() as connection:
        audit.append(
            connection,
            now.utc_ms,
            actor,
            "export_ended",
            subject=number,
            outcome=audit.DONE if is_whole else "broken_off",
            detail={"rows": rows},
        )
