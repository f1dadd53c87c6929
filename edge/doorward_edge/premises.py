"""The gateway around its portals, for commands: self-test, restart, log, pictures, records."""

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from doorward.ids import Epoch, PortalId
from doorward.outcomes import Finding
from doorward.ranges import count, intersect
from doorward.times import Clock, ClockTrust, UtcSeconds
from doorward_edge.commands.rules import Refusal
from doorward_edge.commands.targets import NotDoneError, Probe, WillNotError
from doorward_edge.decoder.client import Loss
from doorward_edge.log_ring import LogRing
from doorward_edge.ports import Journal
from doorward_edge.scan import Luma
from doorward_edge.sight import Examined

log = logging.getLogger(__name__)

EXAMINE_S = 5.0
"""A camera that gives ten pictures a second answers in a tenth; one that starts takes longer."""

EXAMINED_AT_MOST = 30
"""A decoder that was just started is ready after as many pictures at the latest."""

PICTURE_WIDTH_PX = 960
PICTURE_QUALITY = 70


class Eye(Protocol):
    """A camera that can be asked, as `doorward_edge.eye.CameraEye`."""

    @property
    def name(self) -> str:
        """The camera's name."""
        ...

    @property
    def portal(self) -> PortalId:
        """Where it looks."""
        ...

    def examine(self, timeout_s: float) -> Examined:
        """Takes a picture and has the decoder look at it. Raises TimeoutError."""
        ...


class Scanner(Protocol):
    """A scanner that can be asked, as `doorward_edge.scanners.source.ScannerSource`."""

    @property
    def name(self) -> str:
        """The scanner's name."""
        ...

    @property
    def trouble(self) -> str:
        """Why nothing is read from it now; empty while it is open."""
        ...


class Restarter:
    """Remembers that the gateway was asked to end so that it is begun anew."""

    def __init__(self) -> None:
        """Not asked yet; `stop` is set once there is a gateway."""
        self.is_asked = False
        self.stop: Callable[[], None] = lambda: None

    def __call__(self, why: str) -> None:
        """Ends the gateway in order; whoever started it begins it again."""
        log.warning("restart.asked why=%s", why)
        self.is_asked = True
        self.stop()


class GatewayPremises:
    """What `commands.targets.Premises` asks for. Called by the commander's thread."""

    def __init__(
        self,
        *,
        eyes: Sequence[Eye],
        scanners: Sequence[Scanner] = (),
        journal: Journal,
        clock: Clock,
        ring: LogRing,
        restart: Callable[[str], None],
        show: Callable[[], None],
        faulty_inputs: Callable[[], Mapping[str, Sequence[str]]],
        wake: Callable[[], None],
        update: Callable[[str, str, int], str],
    ) -> None:
        """Takes what is asked.

        Args:
            eyes: the cameras.
            scanners: hand scanners and those of turnstiles.
            journal: is written and read.
            clock: how far it is trusted is a finding.
            ring: the log's newest lines.
            restart: ends the gateway so that it is begun anew.
            show: has every portal blink and beep.
            faulty_inputs: by portal, the inputs whose lines are cut, shorted or were never read.
            wake: has the courier look at the journal.
            update: hands an order to the updater.
        """
        self._eyes = tuple(eyes)
        self._scanners = tuple(scanners)
        self._journal = journal
        self._clock = clock
        self._ring = ring
        self._restart = restart
        self._show = show
        self._faulty_inputs = faulty_inputs
        self._wake = wake
        self._update = update

    def self_test(self) -> Sequence[Finding]:
        """Tries cameras, decoders, scanners, journal, inputs, lamps, clock; no lock moves."""
        scanners = [
            Probe(what=f"scanner {s.name}"[:32], try_it=_is_there(s)) for s in self._scanners
        ]
        eyes = [Probe(what=f"camera {eye.name}"[:32], try_it=_of(eye)) for eye in self._eyes]
        probes = (
            *eyes,
            *scanners,
            Probe(what="journal", try_it=self._try_journal),
            Probe(what="inputs", try_it=self._try_inputs),
            Probe(what="lamps", try_it=self._try_lamps),
            Probe(what="clock", try_it=self._try_clock),
        )
        return tuple(probe.find() for probe in probes)

    def restart(self) -> None:
        """Has the gateway end in order, so that it is begun anew."""
        self._restart("a command")

    def update(self, order: str, version: str, until_utc_s: int) -> str:
        """Has a release installed, or the one before brought back; returns what to say of it."""
        return self._update(order, version, until_utc_s)

    def log(self, lines: int) -> bytes:
        """Returns the newest lines of the log."""
        return "".join(f"{line}\n" for line in self._ring.newest(lines)).encode()

    def picture(self, portal: PortalId) -> bytes:
        """Returns what a camera of the portal sees now."""
        eye = next((eye for eye in self._eyes if eye.portal == portal), None)
        if eye is None:
            raise WillNotError(Refusal.NOT_HERE, f"portal {portal} has no camera")
        return jpeg_of(_examined(eye).luma)

    def resend(self, epoch: Epoch, first_seq: int) -> int:
        """Has the records of an epoch that are still here sent again, from a number on."""
        span = next((span for span in self._journal.spans() if span.epoch == epoch), None)
        if span is None:
            raise WillNotError(Refusal.NOT_HERE, f"no records of epoch {epoch:012x}")
        wanted = intersect(span.kept, ((max(1, first_seq), max(1, span.head)),))
        if wanted:
            at = UtcSeconds(self._clock.now().utc_s)
            self._journal.settle(epoch, (), wanted, at)
            self._wake()
        return count(wanted)

    def _try_journal(self) -> str:
        self._journal.probe()
        use = self._journal.use()
        if use.is_alarming:
            raise NotDoneError(f"{use.used_bytes} of {use.capacity_bytes} bytes are taken")
        return f"writes; {use.used_bytes} of {use.capacity_bytes} bytes are taken"

    def _try_inputs(self) -> str:
        faulty = {name: kinds for name, kinds in self._faulty_inputs().items() if kinds}
        if faulty:
            said = (f"{name}: {', '.join(kinds)}" for name, kinds in sorted(faulty.items()))
            raise NotDoneError("faulty at " + "; ".join(said))
        return "none is cut, shorted or silent"

    def _try_lamps(self) -> str:
        self._show()
        return "lit and sounded; look at them"

    def _try_clock(self) -> str:
        trust = self._clock.now().trust
        if trust is ClockTrust.UNKNOWN:
            raise NotDoneError("was never synchronised")
        return trust.name.lower()


def jpeg_of(luma: Luma) -> bytes:
    """Returns a picture as a JPEG of bounded width. Raises NotDoneError."""
    # Heavy, and needed by a rare command alone.
    import cv2  # noqa: PLC0415

    height, width = luma.shape
    if width > PICTURE_WIDTH_PX:
        size = (PICTURE_WIDTH_PX, max(1, height * PICTURE_WIDTH_PX // width))
        luma = cv2.resize(luma, size, interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
    done, data = cv2.imencode(".jpg", luma, [cv2.IMWRITE_JPEG_QUALITY, PICTURE_QUALITY])
    if not done:
        raise NotDoneError(f"a picture of {width} x {height} could not be written as JPEG")
    return bytes(data.tobytes())


def _of(eye: Eye) -> Callable[[], str]:
    def try_it() -> str:
        for _ in range(EXAMINED_AT_MOST):
            found = _examined(eye)
            if found.loss != Loss.NOT_READY:
                break
        height, width = found.luma.shape
        if found.loss:
            raise NotDoneError(f"gives pictures, but the decoder did not look: {found.loss}")
        return f"a picture of {width} x {height}, looked at in {found.decode_us // 1000} ms"

    return try_it


def _is_there(scanner: Scanner) -> Callable[[], str]:
    def try_it() -> str:
        if scanner.trouble:
            raise NotDoneError(f"cannot be read: {scanner.trouble}")
        return "is there; scan a code to see that it reads"

    return try_it


def _examined(eye: Eye) -> Examined:
    try:
        return eye.examine(EXAMINE_S)
    except TimeoutError as err:
        raise NotDoneError(f"camera {eye.name} gave no picture in {EXAMINE_S:.0f} s") from err
