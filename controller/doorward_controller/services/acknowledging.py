"""Telling gateways what is on our disk, and asking again for what is missing there."""

from collections.abc import Sequence

from doorward import topics
from doorward.acks import Ack
from doorward.envelope import Kind, seal_envelope
from doorward.ids import Epoch, GatewayId
from doorward.messages import Birth
from doorward.ranges import MAX_RANGES, Ranges, intersect, merge, subtract
from doorward.times import UtcSeconds
from doorward_controller.domain.history import ranges_of
from doorward_controller.domain.site_keys import KeyUse
from doorward_controller.services import signing
from doorward_controller.services.backend import Backend
from doorward_controller.services.scan_intake import Taken
from doorward_controller.store import intake
from doorward_controller.store.gateways import Gateway
from doorward_controller.store.intake import Journal


def acknowledge(backend: Backend, taken: Sequence[Taken], now_utc_s: int) -> None:
    """Publishes one signed acknowledgement for each journal; call it after the commit only."""
    committed: dict[tuple[GatewayId, Epoch], list[tuple[int, int]]] = {}
    for one in taken:
        batch = one.batch.batch
        ranges = committed.setdefault((batch.gateway, batch.epoch), [])
        ranges.append((batch.first_seq, batch.last_seq))
    for (gateway, epoch), ranges in committed.items():
        _send(backend, gateway, epoch, merge(ranges), (), now_utc_s)


def answer_birth(backend: Backend, gateway: Gateway, birth: Birth, now_utc_s: int) -> None:
    """Compares a gateway's journal with ours: confirms what we hold, asks for what we lack.

    After an older database was restored this is what brings the lost records back, as long as the
    gateway keeps them.
    """
    span = birth.journal
    if span.head < 1:
        return
    with backend.store.read() as connection:
        stored = ranges_of(intake.load_ranges(connection, Journal(gateway.id, span.epoch)))
    whole = ((max(span.tail, 1), span.head),)
    held = intersect(stored, whole)[:MAX_RANGES]
    missing = subtract(whole, stored)[:MAX_RANGES]
    _send(backend, gateway.name, span.epoch, held, missing, now_utc_s)


def _send(
    backend: Backend,
    gateway: GatewayId,
    epoch: Epoch,
    committed: Ranges,
    resend: Ranges,
    now_utc_s: int,
) -> None:
    site = backend.config.site
    signer = signing.recent_signer(backend, KeyUse.CONTROL)
    for start in range(0, max(len(committed), 1), MAX_RANGES):
        body = Ack(
            site=site,
            gateway=gateway,
            epoch=epoch,
            committed=committed[start : start + MAX_RANGES],
            resend=resend if start == 0 else (),
            at=UtcSeconds(now_utc_s),
        ).to_body()
        wire = seal_envelope(Kind.ACK, body, [signer])
        backend.publisher.publish(topics.down(site, gateway, topics.Down.ACK), wire, retain=False)
