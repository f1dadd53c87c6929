"""How every gateway stands now, for pages and programs."""

from dataclasses import replace

from doorward_controller.domain.fleet_state import Fleet
from doorward_controller.domain.permissions import Zones
from doorward_controller.store import fleet_facts, places
from doorward_controller.store.session import Store


def fleet(store: Store, now_ms: int, zones: Zones = None) -> Fleet:
    """Returns how all gateways of the zones stand at `now_ms`."""
    with store.read() as connection:
        found = fleet_facts.fleet(connection, now_ms)
        return found if zones is None else within(found, places.gateway_names(connection, zones))


def within(found: Fleet, names: frozenset[str]) -> Fleet:
    """Returns the fleet with these gateways alone."""
    shown = {name: now for name, now in found.gateways.items() if name in names}
    site = found.site
    if site is not None:
        site = replace(site, gateways=tuple(name for name in site.gateways if name in names))
    return replace(found, gateways=shown, site=site)
