"""How every gateway stands now, for pages and programs."""

from doorward_controller.domain.fleet_state import Fleet
from doorward_controller.store import fleet_facts
from doorward_controller.store.session import Store


def fleet(store: Store, now_ms: int) -> Fleet:
    """Returns how all gateways stand at `now_ms`."""
    with store.read() as connection:
        return fleet_facts.fleet(connection, now_ms)
