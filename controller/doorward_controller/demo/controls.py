"""The buttons of the demonstration's page in the console."""

import logging
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from doorward.errors import DoorwardError
from doorward_controller.console.demo_port import DemoBadge, DemoGateway, HeldUp
from doorward_controller.demo.cable import Fault
from doorward_controller.demo.gateway_process import GatewayProcess
from doorward_controller.demo.people import PORTALS
from doorward_controller.demo.turnstile import Code, Turnstile
from doorward_controller.demo.wallet import Wallet
from doorward_controller.demo.world import World
from doorward_controller.services.backend import Backend

_LOG = logging.getLogger(__name__)

_REMEMBERED = 200

_LABELS = {str(portal.name): portal.label for portal in PORTALS}

_LOCKS = {"locked": "locked", "released": "unlocked"}


class Controls:
    """Acts on the world; every act returns at once."""

    def __init__(self, world: World, backend: Backend) -> None:
        self._world = world
        self._wallet = Wallet(backend, world.setup.codes)
        self._held_up: deque[HeldUp] = deque(maxlen=_REMEMBERED)
        self._hands = ThreadPoolExecutor(max_workers=4, thread_name_prefix="hands")

    def close(self) -> None:
        """Lets go."""
        self._hands.shutdown(wait=False, cancel_futures=True)

    def gateways(self) -> Sequence[DemoGateway]:
        """Returns every gateway as it stands now."""
        return [_shown(gateway) for gateway in self._world.gateways]

    def badges(self) -> Sequence[DemoBadge]:
        """Returns what can be held up."""
        return self._wallet.badges()

    def held_up(self) -> Sequence[HeldUp]:
        """Returns what the lamps said to whoever pressed the button, newest first."""
        return tuple(self._held_up)

    def present(self, gateway_id: str, badge_label: str) -> None:
        """Holds a code up to a camera. Raises LookupError."""
        turnstile, code = self._turnstile(gateway_id), self._wallet.find(badge_label)
        self._hands.submit(self._present, turnstile, code)

    def cut(self, gateway_id: str) -> None:
        """Cuts a gateway off, so that both sides notice at once. Raises LookupError."""
        self._turnstile(gateway_id).gateway.cable.cut(Fault.RESET)

    def restore(self, gateway_id: str) -> None:
        """Connects it again. Raises LookupError."""
        self._turnstile(gateway_id).gateway.cable.restore()

    def kill(self, gateway_id: str) -> None:
        """Kills its process; it is started again a second later. Raises LookupError."""
        self._turnstile(gateway_id).gateway.kill()

    def _turnstile(self, gateway_id: str) -> Turnstile:
        try:
            return self._world.turnstiles[gateway_id]
        except KeyError:
            raise LookupError(f"gateway {gateway_id!r}") from None

    def _present(self, turnstile: Turnstile, code: Code) -> None:
        try:
            shown = turnstile.present(code)
        except DoorwardError as err:
            _LOG.warning("demo.present_failed gateway=%s error=%s", turnstile.gateway.name, err)
            return
        seen = HeldUp(
            gateway_id=shown.gateway,
            label=code.label,
            credential_id=shown.credential_id,
            at_utc_ms=shown.at_utc_ms,
            is_granted=shown.is_granted,
        )
        self._held_up.appendleft(seen)


def _shown(gateway: GatewayProcess) -> DemoGateway:
    state = gateway.state() or {}
    portal = state.get("portals", {}).get(gateway.name, {})
    return DemoGateway(
        id=gateway.name,
        portal=_LABELS.get(gateway.name, gateway.name),
        running=gateway.is_running,
        cut_off=gateway.cable.fault is not None,
        pid=gateway.pid,
        journal_pending=int(state.get("journal", {}).get("pending", 0)),
        lock=_LOCKS.get(portal.get("lock", ""), "unknown"),
        lamp=next(iter(portal.get("lamps", ())), "off"),
    )
