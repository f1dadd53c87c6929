"""The demonstration's buttons without a demonstration: remembers what was pressed."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from doorward_controller.console.demo_port import DemoBadge, DemoGateway, HeldUp


@dataclass(slots=True)
class FakeDemoControls:
    """One gateway and two things to hold up."""

    credential_id: str
    state: str = "valid"
    is_cut: bool = False
    is_visitors: bool = True
    lamps: list[HeldUp] = field(default_factory=list)
    pressed: list[tuple[str, ...]] = field(default_factory=list)

    def gateways(self) -> Sequence[DemoGateway]:
        one = DemoGateway(
            id="near",
            portal="near-door",
            running=True,
            cut_off=self.is_cut,
            pid=4242,
            journal_pending=7 if self.is_cut else 0,
            lock="locked",
            lamp="off",
        )
        return [one]

    def badges(self) -> Sequence[DemoBadge]:
        return [
            DemoBadge(
                label="Grace",
                credential_id=self.credential_id,
                state=self.state,
                is_visitors=self.is_visitors,
            ),
            DemoBadge(label="Receipt", credential_id=None, state="foreign"),
        ]

    def held_up(self) -> Sequence[HeldUp]:
        return self.lamps

    def see(self, *, is_granted: bool | None) -> None:
        """The lamp says something to whoever holds the badge up."""
        seen = HeldUp(
            gateway_id="near",
            label="Grace",
            credential_id=self.credential_id,
            at_utc_ms=1_000 * (len(self.lamps) + 1),
            is_granted=is_granted,
        )
        self.lamps.insert(0, seen)

    def present(self, gateway_id: str, badge_label: str) -> None:
        if badge_label not in {badge.label for badge in self.badges()}:
            raise LookupError(f"badge {badge_label!r}")
        self._press("present", gateway_id, badge_label)

    def cut(self, gateway_id: str) -> None:
        self._press("cut", gateway_id)
        self.is_cut = True

    def restore(self, gateway_id: str) -> None:
        self._press("restore", gateway_id)
        self.is_cut = False

    def kill(self, gateway_id: str) -> None:
        self._press("kill", gateway_id)

    def _press(self, *what: str) -> None:
        if what[1] != "near":
            raise LookupError(f"gateway {what[1]!r}")
        self.pressed.append(what)
