"""What the scenarios share: the world, the controller's API, and waits for what they expect."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from doorward.credential import CredentialClass, Form
from doorward_controller.broker.waiting import wait_until
from doorward_controller.demo.api_client import ApiClient
from doorward_controller.demo.controller_host import ControllerHost
from doorward_controller.demo.gateway_process import GatewayProcess
from doorward_controller.demo.people import GUESTS
from doorward_controller.demo.scenario import NotSeenError
from doorward_controller.demo.tally import Presentation, Revocation
from doorward_controller.demo.tap import Tap
from doorward_controller.demo.turnstile import Code, Turnstile
from doorward_controller.demo.world import World

SEEN_S = 15.0
DRAINED_S = 60.0
"""A gateway that was cut off waits a while before it connects again."""

_DAY_S = 86_400


@dataclass(slots=True, kw_only=True)
class Drill:
    """The world while scenarios play in it.

    Attributes:
        desk: the API with the rights of the badge office.
        guard: the API with the rights of the security room.
        revocations: everything that was revoked so far.
        propagation_s: for each revocation that all could hear, seconds to the last gateway.
    """

    world: World
    controller: ControllerHost
    desk: ApiClient
    guard: ApiClient
    tap: Tap
    revocations: list[Revocation] = field(default_factory=list)
    propagation_s: list[float] = field(default_factory=list)

    @property
    def turnstiles(self) -> tuple[Turnstile, ...]:
        """All of them, in the order of the portals."""
        return tuple(self.world.turnstiles.values())

    def now_utc_ms(self) -> int:
        """The wall clock."""
        return self.world.clock.now().utc_ms

    def now_mono_ms(self) -> int:
        """The monotonic clock."""
        return self.world.clock.now().mono_ms

    def await_(self, what: str, condition: Callable[[], bool], timeout_s: float = SEEN_S) -> float:
        """Returns after how many seconds the condition held. Raises NotSeenError."""
        begun = self.now_mono_ms()
        if not wait_until(condition, timeout_s=timeout_s):
            raise NotSeenError(f"{what}: not seen within {timeout_s:.0f} s")
        return (self.now_mono_ms() - begun) / 1000

    def issue_visitor(self, name: str) -> Code:
        """Issues a badge through the API. Raises ApiError."""
        now = self.world.clock.now().utc_s
        holder = self.desk.post("/api/v1/holders", {"fields": {"name": name}, "groups": [GUESTS]})
        issued = self.desk.post(
            "/api/v1/credentials",
            {
                "credential_class": int(CredentialClass.VISITOR),
                "form": Form.BADGE,
                "not_before": now - 60,
                "expires": now + _DAY_S,
                "holder_id": holder["holder_id"],
                "groups": [GUESTS],
                "purpose": "demo",
            },
        )
        return Code(label=name, text=issued["text"], credential_id=issued["credential_id"])

    def revoke(self, code: Code, hearing: Iterable[GatewayProcess]) -> float:
        """Revokes a credential, waits until those who hear applied it, returns the seconds.

        Raises:
            NotSeenError: one of them did not apply it.
        """
        begun_utc, begun_mono = self.now_utc_ms(), self.now_mono_ms()
        change = self.guard.post(
            f"/api/v1/credentials/{code.credential_id}/revoke", {"reason": "demo"}
        )
        seq = int(change["seq"])
        applied: dict[str, int] = {}
        waiting = list(hearing)

        def all_applied() -> bool:
            for gateway in tuple(waiting):
                if status_seq(gateway) >= seq:
                    applied[gateway.name] = self.now_utc_ms()
                    waiting.remove(gateway)
            return not waiting

        try:
            self.await_(f"status list {seq} applied by every reachable gateway", all_applied)
        finally:
            self.revocations.append(
                Revocation(
                    credential_id=code.credential_id or "",
                    seq=seq,
                    at_utc_ms=begun_utc,
                    applied_at_utc_ms=applied,
                )
            )
        return (self.now_mono_ms() - begun_mono) / 1000

    def row_of(self, shown: Presentation) -> dict[str, Any]:
        """Returns the stored record of a presentation, as soon as it is there.

        Raises:
            NotSeenError: the controller does not store one.
        """
        found: list[dict[str, Any]] = []

        def is_stored() -> bool:
            found[:] = self.rows_of(shown)
            return bool(found)

        self.await_(f"record of {shown.credential_id} at {shown.gateway} stored", is_stored)
        return found[-1]

    def rows_of(self, shown: Presentation) -> list[dict[str, Any]]:
        """Returns the stored scans of that code at that gateway since it was shown."""
        page = self.guard.get(
            "/api/v1/records",
            gateway=shown.gateway,
            credential_id=shown.credential_id,
            from_utc_ms=shown.at_utc_ms,
        )
        return [row for row in page["items"] if row["kind"] == "scan"]

    def await_drained(self, gateways: Iterable[GatewayProcess]) -> float:
        """Waits until every record of these gateways is acknowledged; returns the seconds.

        Raises:
            NotSeenError: one of them keeps records to itself.
        """
        waiting = tuple(gateways)
        return self.await_(
            f"journals of {', '.join(g.name for g in waiting)} drained",
            lambda: all(pending(gateway) == 0 for gateway in waiting),
            DRAINED_S,
        )


def status_seq(gateway: GatewayProcess) -> int:
    """Returns the status list that the gateway decides by, by its own word; -1 while it is away."""
    state = gateway.state()
    return -1 if state is None else int(state["status_seq"])


def pending(gateway: GatewayProcess) -> int:
    """Returns how many records nobody has acknowledged yet; -1 while the gateway is away."""
    state = gateway.state()
    return -1 if state is None else int(state["journal"]["pending"])


def head(gateway: GatewayProcess) -> int:
    """Returns the last number that the journal gave out; -1 while the gateway is away."""
    state = gateway.state()
    return -1 if state is None else int(state["journal"]["head"])
