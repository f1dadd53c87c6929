"""What the events that webhooks tell of are called, by area."""

from collections.abc import Mapping
from types import MappingProxyType

from doorward_controller.console.i18n import mark
from doorward_controller.domain.webhook_events import EventType

AREAS: tuple[tuple[str, tuple[EventType, ...]], ...] = tuple(
    (word, tuple(e for e in EventType if e.value.startswith(f"{area}.")))
    for area, word in (
        ("scan", mark("Scans")),
        ("alert", mark("Alerts")),
        ("gateway", mark("Gateways")),
        ("credential", mark("Badges")),
        ("person", mark("People")),
        ("policy", mark("Policy")),
        ("posture", mark("Postures")),
        ("work_order", mark("Maintenance")),
    )
)

EVENTS: Mapping[str, str] = MappingProxyType(
    {
        "scan.granted": mark("Somebody was let in"),
        "scan.refused": mark("Somebody was refused"),
        "alert.opened": mark("An alert began"),
        "alert.handled": mark("Somebody dealt with an alert"),
        "alert.resolved": mark("An alert is over"),
        "gateway.enrolled": mark("A gateway was enrolled"),
        "gateway.adopted": mark("A gateway was adopted"),
        "gateway.lost": mark("A gateway is lost"),
        "gateway.back": mark("A lost gateway is back"),
        "gateway.revoked": mark("A gateway was revoked"),
        "credential.issued": mark("A badge was issued"),
        "credential.revoked": mark("Badges were revoked"),
        "credential.suspended": mark("Badges were suspended"),
        "credential.restored": mark("Badges were restored"),
        "person.added": mark("A holder was added"),
        "person.left": mark("A person has left"),
        "policy.released": mark("A policy was released"),
        "posture.ordered": mark("A posture was ordered"),
        "posture.ended": mark("A posture has ended"),
        "work_order.opened": mark("A work order was opened"),
        "work_order.moved": mark("A work order moved on"),
        "webhook.test": mark("A test"),
    }
)
