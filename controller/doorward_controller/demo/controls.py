"""The buttons of the demonstration's page in the console."""

import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from doorward.errors import DoorwardError
from doorward_controller.console.demo_port import DemoBadge, DemoGateway
from doorward_controller.demo.cable import Fault
from doorward_controller.demo.gateway_process import GatewayProcess
from doorward_controller.demo.turnstile import Code, Turnstile
from doorward_controller.demo.world import World

_LOG = logging.getLogger(__name__)

_LAMPS = ("red", "yellow", "blue", "green")


class Controls:
    """Acts on the world; every act returns at once."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._hands = ThreadPoolExecutor(max_workers=4, thread_name_prefix="hands")

    def close(self) -> None:
        """Lets go."""
        self._hands.shutdown(wait=False, cancel_futures=True)

    def gateways(self) -> Sequence[DemoGateway]:
        """Returns every gateway as it stands now."""
        return [_shown(gateway) for gateway in self._world.gateways]

    def badges(self) -> Sequence[DemoBadge]:
        """Returns what can be held up."""
        return [
            DemoBadge(label=code.label, credential_id=code.credential_id, state="valid")
            for code in self._codes()
        ]

    def present(self, gateway_id: str, badge_label: str) -> None:
        """Holds a code up to a camera. Raises LookupError."""
        turnstile = self._turnstile(gateway_id)
        for code in self._codes():
            if code.label == badge_label:
                self._hands.submit(_present, turnstile, code)
                return
        raise LookupError(f"badge {badge_label!r}")

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

    def _codes(self) -> Sequence[Code]:
        return self._world.setup.codes


def _present(turnstile: Turnstile, code: Code) -> None:
    try:
        turnstile.present(code)
    except DoorwardError as err:
        _LOG.warning("demo.present_failed gateway=%s error=%s", turnstile.gateway.name, err)


def _shown(gateway: GatewayProcess) -> DemoGateway:
    state = gateway.state() or {}
    portal = state.get("portals", {}).get(gateway.name, {})
    return DemoGateway(
        id=gateway.name,
        portal=gateway.name,
        running=gateway.is_running,
        cut_off=gateway.cable.fault is not None,
        pid=gateway.pid,
        journal_pending=int(state.get("journal", {}).get("pending", 0)),
        lock=str(portal.get("lock", "unknown")),
        lamp=next((colour for colour in _LAMPS if portal.get(colour)), "off"),
    )
