"""One group of messages: one transaction, and only after its commit the answers.

1. sort: read and verify everything, without writing
2. one transaction: records, ranges, reports, quarantine
3. after the commit: signed acknowledgements, the broker's confirmations, the live feed

When the database refuses a group (not: is away), every message is tried alone and the culprit is
put aside, so that one poisoned message stalls nobody.
"""

import logging
from collections.abc import Callable, Sequence
from functools import partial

import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from doorward.times import Instant
from doorward_controller.domain.intake_reasons import QuarantineReason
from doorward_controller.errors import StoreUnavailableError
from doorward_controller.ingest import handlers
from doorward_controller.ingest.ports import Inbound
from doorward_controller.ingest.sorting import Aside, Sorted, sort
from doorward_controller.services import (
    acknowledging,
    alerting,
    quarantine,
    signing,
    webhook_outbox,
)
from doorward_controller.services.backend import Backend
from doorward_controller.services.feed import EventKind
from doorward_controller.services.opening import Opener, Unfit
from doorward_controller.services.scan_intake import Breached, Intake, Taken
from doorward_controller.store.intake import RecordInsert

MAX_SCANS_TOLD = 100
"""Scans of one group told one by one; with more, readers are told to look again."""

_log = logging.getLogger(__name__)


class Writer:
    """Stores groups of messages. One thread uses one writer."""

    def __init__(self, backend: Backend) -> None:
        """Begins without any segment key open."""
        self._backend = backend
        self._opener = Opener(backend.keys.intake, partial(_intake_keys, backend))
        self._intake = Intake()

    def process(self, group: Sequence[Inbound]) -> None:
        """Stores one group and answers. Raises StoreUnavailableError with nothing confirmed."""
        try:
            self._process(group)
        except StoreUnavailableError:
            raise
        except Exception as err:  # noqa: BLE001  # whatever is wrong with one message must not stall the others
            if len(group) == 1:
                _log.exception("ingest.refused topic=%s", group[0].topic[:80])
                self._refuse(group[0], err)
                return
            for message in group:
                self.process([message])

    def _process(self, group: Sequence[Inbound]) -> None:
        now = self._backend.clock.now()
        sorted_ = sort(self._backend, self._opener, group)
        with self._backend.store.write() as connection:
            batches = [opened for _, opened in sorted_.batches]
            speaking = {report.gateway_id for report in sorted_.reports}
            verdicts, rows = self._intake.take_in(connection, batches, now.utc_ms, speaking)
            for (message, _), verdict in zip(sorted_.batches, verdicts, strict=True):
                sorted_.aside += _set_aside(message, verdict)
            after = self._note_reports(connection, sorted_, now)
            after += alerting.note_records(self._backend, connection, rows, now)
            webhook_outbox.note_scans(connection, rows, now.utc_ms)
            self._put_aside(connection, sorted_.aside, now)
        taken = [verdict for verdict in verdicts if isinstance(verdict, Taken)]
        self._intake.remember_segments(one.batch for one in taken)
        acknowledging.acknowledge(self._backend, taken, now.utc_s)
        self._measure(taken, len(rows), sorted_.aside, now)
        for message in group:
            message.confirm()
        for act in after:
            act()
        for aside in sorted_.aside:
            quarantine.announce(self._backend, aside.gateway, aside.unfit)
        self._tell(rows, taken)

    def _measure(
        self, taken: Sequence[Taken], new: int, asides: Sequence[Aside], began: Instant
    ) -> None:
        measures = self._backend.measures
        records = sum(len(one.batch.records) for one in taken)
        measures.stored(batches=len(taken), new=new, again=max(records - new, 0))
        measures.put_aside(aside.unfit.reason.value for aside in asides)
        if taken:
            measures.acknowledged(self._backend.clock.now().mono_ms - began.mono_ms)

    def _note_reports(
        self, connection: sa.Connection, sorted_: Sorted, now: Instant
    ) -> list[Callable[[], None]]:
        after: list[Callable[[], None]] = []
        for message, topic, _ in sorted_.reports:
            told = handlers.handle(self._backend, connection, topic, message.wire, now)
            if isinstance(told, Unfit):
                sorted_.aside.append(Aside(message.topic, topic.gateway, message.wire, told))
            else:
                after += told
        return after

    def _put_aside(self, connection: sa.Connection, asides: Sequence[Aside], now: Instant) -> None:
        for topic, gateway, wire, unfit in asides:
            quarantine.put_aside(
                connection,
                topic=topic,
                gateway=gateway,
                wire=wire,
                unfit=unfit,
                at_utc_ms=now.utc_ms,
            )

    def _refuse(self, message: Inbound, err: Exception) -> None:
        unfit = Unfit(QuarantineReason.STORE_REFUSED, f"{type(err).__name__}: {err}")
        aside = Aside(message.topic, "", message.wire, unfit)
        with self._backend.store.write() as connection:
            self._put_aside(connection, [aside], self._backend.clock.now())
        message.confirm()
        quarantine.announce(self._backend, "", unfit)

    def _tell(self, rows: Sequence[RecordInsert], taken: Sequence[Taken]) -> None:
        feed = self._backend.feed
        if len(rows) > MAX_SCANS_TOLD:
            feed.announce(EventKind.RESET, {"records": len(rows)})
            return
        new = {(row.gateway_id, row.epoch, row.seq) for row in rows}
        for one in taken:
            batch, gateway = one.batch.batch, one.batch.gateway
            for opened in one.batch.records:
                place = (gateway.id, batch.epoch, opened.seq)
                if place in new:
                    new.remove(place)
                    feed.announce(EventKind.SCAN, handlers.scan_event(gateway, batch, opened))


def _intake_keys(backend: Backend) -> tuple[X25519PrivateKey, ...]:
    with backend.store.read() as connection:
        return signing.intake_keys(backend, connection)


def _set_aside(message: Inbound, verdict: Taken | Breached) -> list[Aside]:
    """A breach is put aside whole; of a good batch only the records that could not be read."""
    opened = verdict.batch
    name, batch = opened.gateway.name, opened.batch
    if isinstance(verdict, Breached):
        where = f"records {batch.first_seq} to {batch.last_seq} of epoch {batch.epoch:012x}"
        unfit = Unfit(QuarantineReason(verdict.breach.value), where)
        return [Aside(message.topic, name, message.wire, unfit)]
    return [
        Aside(
            message.topic,
            name,
            one.sealed,
            Unfit(QuarantineReason.RECORD_UNREADABLE, f"record {one.seq}: {one.problem}"),
        )
        for one in opened.unreadable
    ]
