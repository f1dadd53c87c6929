"""Reads a group of messages as far as that goes without writing: who speaks, and is it sound."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from doorward.errors import MalformedError
from doorward.topics import Up, UpTopic, parse_up
from doorward_controller.domain.intake_reasons import QuarantineReason
from doorward_controller.ingest import handlers
from doorward_controller.ingest.ports import Inbound
from doorward_controller.services.backend import Backend
from doorward_controller.services.opening import OpenedBatch, Opener, Unfit
from doorward_controller.store import gateways
from doorward_controller.store.gateways import Gateway


class Aside(NamedTuple):
    """Bytes that are put aside, whose they seem to be, and why."""

    topic: str
    gateway: str
    wire: bytes
    unfit: Unfit


class Report(NamedTuple):
    """What a gateway says about itself."""

    message: Inbound
    topic: UpTopic
    gateway_id: int


@dataclass(slots=True)
class Sorted:
    """A group on its way: what is to be stored, what concerns a gateway, what is put aside."""

    batches: list[tuple[Inbound, OpenedBatch]] = field(default_factory=list)
    reports: list[Report] = field(default_factory=list)
    aside: list[Aside] = field(default_factory=list)


def sort(backend: Backend, opener: Opener, group: Sequence[Inbound]) -> Sorted:
    """Sorts a group. Raises StoreUnavailableError.

    Only the gateways that speak are looked up, anew for each group: a revocation counts at once.
    """
    site = backend.config.site
    out = Sorted()
    addressed = [(message, _address(message, site)) for message in group]
    speaking = {topic.gateway for _, topic in addressed if isinstance(topic, UpTopic)}
    with backend.store.read() as connection:
        known = gateways.some(connection, site, speaking)
    for message, topic in addressed:
        if isinstance(topic, Unfit):
            out.aside.append(Aside(message.topic, "", message.wire, topic))
            continue
        gateway = known.get(topic.gateway)
        checked: OpenedBatch | Gateway | Unfit
        if topic.kind is Up.RECORDS:
            checked = opener.open(topic, message.wire, gateway)
        else:
            checked = handlers.check(topic.kind, message.wire, gateway)
        if isinstance(checked, Unfit):
            out.aside.append(Aside(message.topic, topic.gateway, message.wire, checked))
        elif isinstance(checked, OpenedBatch):
            out.batches.append((message, checked))
        else:
            out.reports.append(Report(message, topic, checked.id))
    return out


def _address(message: Inbound, site: str) -> UpTopic | Unfit:
    try:
        topic = parse_up(message.topic)
    except MalformedError as err:
        return Unfit(QuarantineReason.BAD_TOPIC, str(err))
    if topic.site != site:
        return Unfit(QuarantineReason.WRONG_SITE, f"is for {topic.site}, ours is {site}")
    return topic
