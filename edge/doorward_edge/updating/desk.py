"""The gateway's side of its updates: hands orders to the updater, shows how it is, tells.

The updater is another program, run as root. What goes between is in files (`exchange`); what it
says of itself is read by the courier's thread, and how the gateway is is written by the measuring
thread, only while the updater wants to know.
"""

import json
import logging
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from doorward.errors import MalformedError
from doorward.messages import Rejection
from doorward.outcomes import Finding
from doorward.software import SoftwareReport, UpdateState
from doorward.times import Instant
from doorward_edge.commands.rules import Refusal
from doorward_edge.commands.targets import NotDoneError, WillNotError
from doorward_edge.ports import Arrived, Outgoing
from doorward_edge.updating.exchange import (
    EVIDENCE_FILE,
    WISH_FILE,
    Evidence,
    Wish,
    read_bounded,
    write_whole,
)

log = logging.getLogger(__name__)

LOOK_EVERY_MS = 5_000
ATTENTIVE = frozenset({UpdateState.INSTALLED, UpdateState.SWITCHING, UpdateState.ON_TRIAL})
"""While an update is there the updater asks how the gateway is."""

Look = Callable[[], Iterable[Finding]]


class SoftwareDesk:
    """Orders down, reports up; nothing is installed here."""

    def __init__(
        self,
        *,
        status_file: Path,
        exchange_dir: Path,
        version: str,
        boot_id: str,
        began: Instant,
        scans: Callable[[], int],
    ) -> None:
        """Reads how the updater stands.

        Args:
            status_file: what the updater says of itself.
            exchange_dir: where it finds orders and evidence.
            version: of this program.
            boot_id: of this start of the system, as the updater knows it.
            began: when this process did.
            scans: how many codes were held up since.
        """
        self._status_file = status_file
        self._exchange_dir = exchange_dir
        self._version = version
        self._boot_id = boot_id
        self._process = began.mono_ms
        self._scans = scans
        self._scanned, self._scanned_ms = -1, began.mono_ms
        self._look_due_ms: int = began.mono_ms
        self.look: Look = tuple
        self.report = self._read()

    # --- The commander's thread -----------------------------------------------------------------

    def order(self, order: str, version: str, until_utc_s: int) -> str:
        """Hands an order to the updater; returns what is to be said of it.

        Raises:
            WillNotError: updates are not set up at this gateway.
            NotDoneError: the disk does not take it.
        """
        if self.report is None:
            raise WillNotError(Refusal.NOT_HERE, "updates are not set up at this gateway")
        wish = Wish(order=order, version=version, until_utc_s=until_utc_s)
        try:
            self._exchange_dir.mkdir(exist_ok=True)
            write_whole(self._exchange_dir / WISH_FILE, wish.to_wire())
        except OSError as err:
            raise NotDoneError(f"the order was not written: {err.strerror or err}") from err
        return f"ordered: {version or 'back to the release before'}"

    # --- The courier's thread, as an errand -----------------------------------------------------

    @property
    def topics(self) -> Sequence[str]:
        """Nothing is subscribed to: orders are commands."""
        return ()

    @property
    def rejected(self) -> tuple[Rejection, ...]:
        """Nothing is taken, nothing refused."""
        return ()

    def wants(self, topic: str) -> bool:
        """Whether a message on this topic is its own; none is."""
        del topic
        return False

    def take(self, message: Arrived, now: Instant) -> bool:
        """Takes nothing."""
        del message, now
        return False

    def turn(
        self, now: Instant, publish: Callable[[Outgoing], bool], *, is_connected: bool
    ) -> bool:
        """Looks how the updater stands. Returns whether to report anew."""
        del publish, is_connected
        if now.mono_ms < self._look_due_ms:
            return False
        self._look_due_ms = now.mono_ms + LOOK_EVERY_MS
        before, self.report = self.report, self._read()
        return before != self.report

    # --- The measuring thread -------------------------------------------------------------------

    def show(self, now: Instant) -> None:
        """Writes how the gateway is, while the updater wants to know. Raises OSError."""
        if (scans := self._scans()) != self._scanned:
            self._scanned, self._scanned_ms = scans, now.mono_ms
        report = self.report
        if report is None or report.state not in ATTENTIVE:
            return
        evidence = Evidence(
            version=self._version,
            boot_id=self._boot_id,
            at_mono_s=now.mono_ms // 1000,
            process=self._process,
            findings=tuple(self.look()),
            quiet_s=(now.mono_ms - self._scanned_ms) // 1000,
        )
        # Not flushed: after a power cut it is of another start, and says nothing.
        write_whole(self._exchange_dir / EVIDENCE_FILE, evidence.to_wire(), flush=False)

    def _read(self) -> SoftwareReport | None:
        try:
            wire = read_bounded(self._status_file)
            return None if wire is None else SoftwareReport.from_plain(json.loads(wire))
        except (MalformedError, ValueError) as err:
            log.warning("software.status_unreadable error=%s", err)
            return None
