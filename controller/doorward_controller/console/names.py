"""Names of holders for rows that show them, read only by who may and remembered for a while.

A page that keeps itself up to date asks for the same names again and again. A look at the same
person by the same operator within a few minutes is one look: it is read, and written to the audit
log, once.
"""

from collections import OrderedDict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from threading import Lock

from doorward_controller.console.visit import Visit
from doorward_controller.domain.permissions import Action, Extent
from doorward_controller.queries import credentials
from doorward_controller.services import holders

REMEMBERED_MS = 5 * 60_000
"""So long an erased or corrected name may still stand on a page that was open before."""

MAX_REMEMBERED = 20_000

_Look = tuple[int | None, str]
"""Who looked, and at which badge."""


@dataclass(slots=True)
class RecentLooks:
    """What operators of this process saw in the last minutes; "" where no name is kept."""

    _seen: OrderedDict[_Look, tuple[int, str]] = field(default_factory=OrderedDict)
    _lock: Lock = field(default_factory=Lock)

    def recall(
        self, operator_id: int | None, credential_ids: Collection[str], now_ms: int
    ) -> dict[str, str]:
        """Returns credential id to name for those that were looked at a short while ago."""
        with self._lock:
            held = {each: self._seen.get((operator_id, each)) for each in credential_ids}
        return {each: seen[1] for each, seen in held.items() if seen and seen[0] > now_ms}

    def note(self, operator_id: int | None, names: Mapping[str, str], now_ms: int) -> None:
        """Remembers what was shown; the oldest looks are forgotten first."""
        with self._lock:
            for credential_id, name in names.items():
                self._seen[operator_id, credential_id] = (now_ms + REMEMBERED_MS, name)
                self._seen.move_to_end((operator_id, credential_id))
            while len(self._seen) > MAX_REMEMBERED:
                self._seen.popitem(last=False)


def names_of(visit: Visit, credential_ids: Iterable[str | None]) -> Mapping[str, str]:
    """Returns credential id to holder's name; empty when the reader's role does not show names."""
    wanted = {each for each in credential_ids if each}
    if not wanted or not visit.may(Action.READ_PERSONAL):
        return {}
    looks: RecentLooks = visit.request.app.state.looks
    operator_id, now_ms = visit.actor.operator_id, visit.reader.now_ms
    names = looks.recall(operator_id, wanted, now_ms)
    unknown = sorted(wanted - names.keys())
    if unknown:
        fresh = dict.fromkeys(unknown, "") | _read(visit, unknown)
        looks.note(operator_id, fresh, now_ms)
        names |= fresh
    return {credential_id: name for credential_id, name in names.items() if name}


def _read(visit: Visit, credential_ids: Collection[str]) -> dict[str, str]:
    """Reads names; the look is one entry in the audit log, however many it reads."""
    holder_of = credentials.holders_of(visit.backend.store, credential_ids)
    if not holder_of:
        return {}
    people = sorted(set(holder_of.values()))
    # Of rows that the reader was shown: those of their zones.
    looked_at = holders.note_look(visit.backend, visit.actor, people, Extent.SOMEWHERE)
    found = looked_at.read(people)
    return {
        credential_id: fields.name
        for credential_id, holder_id in holder_of.items()
        if (fields := found.get(holder_id)) is not None
    }
