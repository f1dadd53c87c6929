"""Numbers of somebody else's that are linked to credentials (docs/protocol.md §2.5)."""

from doorward.credential import Refusal, read_payload
from doorward.foreign import Family, foreign_digest
from doorward.ids import SiteId
from doorward.reasons import Reason
from doorward_controller.errors import ConflictError, InvalidError
from doorward_controller.services.acting import Act
from doorward_controller.services.backend import Backend
from doorward_controller.store import credentials


def salt_of(backend: Backend, site: SiteId) -> bytes:
    """Returns the 16 bytes under which the site's foreign codes are hashed, always the same."""
    return backend.keys.blind("foreign code salt", site)


def link(backend: Backend, doing: Act, text: str, family: Family) -> bytes:
    """Returns the digest by which gateways will know a number.

    Raises:
        InvalidError: it is too short, too long, or a code of our own.
        ConflictError: it is linked already; the other credential has to be revoked first.
    """
    payload = text.encode()
    if read_payload(payload) != Refusal(Reason.NOT_OURS):
        raise InvalidError("this is a code of ours, not a number to link", code="foreign_is_ours")
    try:
        digest = foreign_digest(payload, family, salt_of(backend, backend.config.site))
    except ValueError as err:
        raise InvalidError(str(err), code="foreign_length") from err
    holding = credentials.holding(doing.connection, digest, doing.now.utc_s)
    if holding is not None:
        raise ConflictError(
            f"this number is linked to badge {holding.hex()}; revoke that one first",
            code="foreign_linked",
        )
    return digest
