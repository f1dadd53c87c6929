"""How far revoked gateways are shut out, for pages and the interface."""

from doorward_controller.domain.cut_off import CutOff
from doorward_controller.services.backend import Backend
from doorward_controller.store import cut_offs


def of_gateway(backend: Backend, gateway: str) -> CutOff | None:
    """Returns how far one gateway is shut out, None when it was not revoked."""
    with backend.store.read() as connection:
        return cut_offs.of_gateway(connection, backend.config.site, gateway)
