"""How far revoked gateways are shut out, for pages and the interface."""

from doorward_controller.domain.cut_off import CutOff
from doorward_controller.store import cut_offs
from doorward_controller.store.session import Store


def of_gateway(store: Store, site: str, gateway: str) -> CutOff | None:
    """Returns how far one gateway is shut out, None when it was not revoked."""
    with store.read() as connection:
        return cut_offs.of_gateway(connection, site, gateway)
