"""Anti-passback forgiven: one connected gateway is told, and it tells the others of the site."""

from doorward.commands import CommandName
from doorward.errors import BadIdError
from doorward.ids import parse_credential_id
from doorward_controller.domain.permissions import Action, Actor, Extent
from doorward_controller.errors import ConflictError, NotFoundError
from doorward_controller.services import commanding
from doorward_controller.services.acting import check_read
from doorward_controller.services.backend import Backend
from doorward_controller.store import credentials, gateways, places


def forgive_person(backend: Backend, actor: Actor, credential_id: str, zone: str = "") -> str:
    """Lets either way fit next for a credential's holder, at a zone or, without one, at all.

    Returns:
        The id of the command that says so.

    Raises:
        ForbiddenError, NotFoundError, InvalidError: as a command.
        ConflictError: no gateway is connected.
    """
    where = frozenset({zone}) if zone else Extent.WHOLE_SITE
    check_read(backend, actor, Action.OPEN_DOORS, subject=credential_id[:32], where=where)
    try:
        wanted = [parse_credential_id(credential_id)]
    except BadIdError as err:
        raise NotFoundError(str(err), code="no_credential") from err
    with backend.store.read() as connection:
        if not credentials.find(connection, wanted):
            raise NotFoundError(f"there is no credential {credential_id}", code="no_credential")
    return _tell(backend, actor, {"credential": credential_id, "zone": zone})


def forgive_all(backend: Backend, actor: Actor, zone: str) -> str:
    """Lets either way fit next for everybody at a zone; the same otherwise."""
    check_read(backend, actor, Action.OPEN_DOORS, subject=zone[:32], where=frozenset({zone}))
    return _tell(backend, actor, {"zone": zone})


def _tell(backend: Backend, actor: Actor, arguments: dict[str, object]) -> str:
    with backend.store.read() as connection:
        told = gateways.connected(connection, backend.config.site)
        if actor.zones is not None:
            theirs = places.gateway_names(connection, actor.zones)
            told = tuple(each for each in told if each in theirs)
    if not told:
        raise ConflictError("no gateway is connected that could be told", code="none_connected")
    return commanding.send(
        backend,
        actor,
        gateway=told[0],
        name=CommandName.FORGIVE.value,
        arguments=arguments,
    )
