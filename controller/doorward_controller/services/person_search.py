"""From what somebody knows of a person to the badges whose records are searched.

Records hold numbers of badges and no names; a name leads to the person by its blind index, the
person to every badge ever issued to him. A link to the search holds the person's number alone.
"""

from collections.abc import Sequence

from doorward_controller.domain.permissions import Action, Actor, Zones
from doorward_controller.errors import InvalidError
from doorward_controller.services.acting import act
from doorward_controller.services.backend import Backend
from doorward_controller.store import movements

MAX_HOLDERS = 20
"""People of one name; whoever finds more of them knows something else about the one he means."""


def note_search(backend: Backend, actor: Actor, *, holders: Sequence[str], badge: str) -> None:
    """Notes that somebody looks at where one person went. Raises ForbiddenError."""
    subject = ",".join(holders) or badge
    if subject:
        with act(
            backend, actor, Action.READ_RECORDS,
            name="trace_person", subject=subject[:400], placed=True,
        ) as doing:  # fmt: skip
            # What is found is narrowed by whoever searches.
            if doing.zones is not None:
                doing.detail["zones"] = " ".join(sorted(doing.zones))


def badges_of(backend: Backend, holders: Sequence[str]) -> tuple[str, ...]:
    """Returns every badge ever issued to these people. Raises InvalidError for too many people."""
    if len(holders) > MAX_HOLDERS:
        raise InvalidError(
            f"{len(holders)} people at once, at most {MAX_HOLDERS}; say more of the one you mean",
            code="too_many_people",
        )
    with backend.store.read() as connection:
        return tuple(one.hex() for one in movements.badges_of(connection, holders))


def seen_badges(backend: Backend, badges: Sequence[str], zones: Zones) -> tuple[str, ...]:
    """Returns those badges beside whose records a name may stand for who is limited to zones."""
    if zones is None:
        return tuple(badges)
    with backend.store.read() as connection:
        numbers = [bytes.fromhex(each) for each in badges]
        seen = movements.seen_badges(connection, numbers, zones)
    return tuple(each for each in badges if bytes.fromhex(each) in seen)
