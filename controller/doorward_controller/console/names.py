"""Names of holders for rows that show them, read once for many rows and only by who may."""

from collections.abc import Iterable, Mapping

from doorward_controller.console.visit import Visit
from doorward_controller.domain.permissions import Action
from doorward_controller.queries import credentials
from doorward_controller.services import holders


def names_of(visit: Visit, credential_ids: Iterable[str | None]) -> Mapping[str, str]:
    """Returns credential id to holder's name; empty when the reader's role does not show names.

    The look is one entry in the audit log, however many names it reads.
    """
    wanted = sorted({each for each in credential_ids if each})
    if not wanted or not visit.may(Action.READ_PERSONAL):
        return {}
    holder_of = credentials.holders_of(visit.backend.store, wanted)
    if not holder_of:
        return {}
    found = holders.read_holders(visit.backend, visit.actor, sorted(set(holder_of.values())))
    return {
        credential_id: fields.name
        for credential_id, holder_id in holder_of.items()
        if (fields := found.get(holder_id)) is not None
    }
