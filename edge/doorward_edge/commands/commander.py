"""Carries commands out, one after the other, in a thread of its own.

What moves a lock is a record in the journal, on the disk, before the lock is told. What cannot be
recorded is not done.
"""

import logging
import threading
from collections.abc import Callable
from typing import assert_never

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey

from doorward.commands import (
    Command,
    Forgive,
    HoldOpen,
    Identify,
    OpenOnce,
    ResendRecords,
    Restart,
    Secure,
    SelfTest,
    SendLog,
    SetPosture,
    TakePicture,
    UpdateSoftware,
)
from doorward.errors import DoorwardError
from doorward.events import EventCode
from doorward.ids import GatewayId, PortalId
from doorward.outcomes import MAX_ATTACHMENT_BYTES, Attachment, AttachmentKind, JobState
from doorward.sealing import seal_attachment
from doorward.times import Clock, Instant
from doorward_edge.commands.desk import Brought, CommandDesk
from doorward_edge.commands.posture_keeper import PostureKeeper
from doorward_edge.commands.rules import Refusal
from doorward_edge.commands.targets import (
    CommandTargets,
    NotDoneError,
    People,
    Premises,
    WillNotError,
)

log = logging.getLogger(__name__)

WAIT_S = 1.0
END_S = 0.5

Record = Callable[[EventCode, str], bool]
"""Writes an event into the journal; returns whether it is on the disk."""


class Commander:
    """The one worker behind a desk."""

    def __init__(
        self,
        *,
        desk: CommandDesk,
        targets: CommandTargets,
        premises: Premises,
        people: People,
        postures: PostureKeeper,
        record: Record,
        clock: Clock,
        gateway: GatewayId,
        portals: frozenset[PortalId],
        seal_key: bytes,
        allows_pictures: bool,
    ) -> None:
        """Takes what commands are carried out with; `tend` begins."""
        self._desk = desk
        self._targets = targets
        self._premises = premises
        self._people = people
        self._postures = postures
        self._record = record
        self._clock = clock
        self._gateway = gateway
        self._portals = portals
        self._recipient = X25519PublicKey.from_public_bytes(seal_key)
        self._allows_pictures = allows_pictures
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="commander", daemon=True)

    def tend(self, now: Instant) -> None:
        """Begins to carry out at the first call; ends postures whose time is over."""
        if self._thread.ident is None and not self._is_over.is_set():
            self._thread.start()
        self._postures.turn(now)

    def stop(self) -> None:
        """Carries nothing more out; returns at once."""
        self._is_over.set()

    def close(self) -> None:
        """Carries nothing more out, and waits a moment for what is under way."""
        self.stop()
        if self._thread.ident is not None:
            self._thread.join(END_S)

    def _run(self) -> None:
        while not self._is_over.is_set():
            command = self._desk.next_command(WAIT_S)
            if command is not None and not self._is_over.is_set():
                self.carry_out(command)

    def carry_out(self, command: Command) -> None:
        """Does what a command says and tells what became of it. Never raises."""
        try:
            self._check(command)
            self._do(command)
        except WillNotError as err:
            self._end(command, JobState.REJECTED, str(err), EventCode.COMMAND_REFUSED)
        except (DoorwardError, OSError) as err:
            self._end(command, JobState.FAILED, str(err), EventCode.COMMAND_FAILED)
        except Exception as err:
            log.exception("command.broke id=%s", command.id)
            detail = f"{type(err).__name__}: {err}"
            self._end(command, JobState.FAILED, detail, EventCode.COMMAND_FAILED)

    def _check(self, command: Command) -> None:
        if command.portal and command.portal not in self._portals:
            raise WillNotError(Refusal.NOT_HERE, f"no portal {command.portal} at this gateway")
        if isinstance(command.order, TakePicture) and not self._allows_pictures:
            raise WillNotError(Refusal.NOT_ALLOWED, "commands.pictures is off in edge.toml")

    def _do(self, command: Command) -> None:
        now_utc_s = self._clock.now().trusted_utc_s
        if now_utc_s is not None and command.expires_at <= now_utc_s:
            self._end(command, JobState.TIMED_OUT, f"{Refusal.EXPIRED}: it waited for its turn")
            return
        if command.needs_clock and now_utc_s is None:
            raise WillNotError(Refusal.CLOCK_UNTRUSTED, "it changes who gets through")
        about = f" at {command.portal}" if command.portal else ""
        said = f"{command.name} {command.id}{about} by {command.by}"
        if not self._record(EventCode.COMMAND_TAKEN, said):
            raise WillNotError(Refusal.NOT_RECORDED, "the journal did not take it in time")
        self._perform(command)

    def _perform(self, command: Command) -> None:
        match command.order:
            case OpenOnce(portal=portal):
                self._targets.open_once(portal)
                self._end(command, JobState.SUCCEEDED, "released once")
            case HoldOpen(portal=portal, until=until):
                now = self._clock.now()
                left_ms = max(0, until * 1000 - now.utc_ms)
                self._targets.hold_open(portal, now.mono_ms + left_ms)
                self._end(command, JobState.SUCCEEDED, f"held open for {left_ms // 1000} s")
            case Secure(portal=portal):
                self._targets.secure(portal)
                self._end(command, JobState.SUCCEEDED, "secured")
            case SetPosture() as order:
                self._postures.set(order)
                counts = self._targets.posture_changed(order.portal)
                later = "" if counts else "; it counts when the fire alarm is over"
                self._end(command, JobState.SUCCEEDED, f"{order.posture.value}{later}")
            case Identify(portal=name):
                self._targets.identify(PortalId(name) if name else None)
                self._end(command, JobState.SUCCEEDED, "blinks and beeps")
            case _:
                self._perform_inside(command)

    def _perform_inside(self, command: Command) -> None:
        match command.order:
            case SelfTest():
                self._test(command)
            case Restart():
                # Its outcome is told by the process that comes after.
                self._premises.restart()
            case SendLog(lines=lines):
                self._bring(command, AttachmentKind.LOG, self._premises.log(lines))
            case TakePicture(portal=portal):
                self._bring(command, AttachmentKind.PICTURE, self._premises.picture(portal))
            case ResendRecords(epoch=epoch, first_seq=first):
                count = self._premises.resend(epoch, first)
                self._end(command, JobState.SUCCEEDED, f"{count} records are sent again")
            case Forgive() as order:
                self._forgive(command, order)
            case UpdateSoftware(version=version, until=until):
                said = self._premises.update(command.id, version, until)
                self._end(command, JobState.SUCCEEDED, said)
            case OpenOnce() | HoldOpen() | Secure() | SetPosture() | Identify():
                raise AssertionError(f"{command.name} is for the portals")
            case _ as order:
                assert_never(order)

    def _forgive(self, command: Command, order: Forgive) -> None:
        said = self._people.forgive(order)
        self._desk.notice(EventCode.PRESENCE_FORGIVEN, f"{said} by {command.by}")
        self._end(command, JobState.SUCCEEDED, said)

    def _test(self, command: Command) -> None:
        findings = tuple(self._premises.self_test())
        bad = [finding.what for finding in findings if not finding.is_good]
        detail = f"not well: {', '.join(bad)}" if bad else f"{len(findings)} tried, all well"
        state = JobState.FAILED if bad else JobState.SUCCEEDED
        self._desk.settle(command, state, detail, Brought(findings=findings))

    def _bring(self, command: Command, kind: AttachmentKind, plain: bytes) -> None:
        sealed = seal_attachment(plain, self._recipient, self._gateway, command.id)
        if len(sealed) > MAX_ATTACHMENT_BYTES:
            raise NotDoneError(f"{kind} of {len(plain)} bytes, at most {MAX_ATTACHMENT_BYTES}")
        attachment = Attachment(
            kind=kind, is_personal=kind is AttachmentKind.PICTURE, sealed=sealed
        )
        detail = f"{kind} of {len(plain)} bytes"
        self._desk.settle(command, JobState.SUCCEEDED, detail, Brought(attachment=attachment))

    def _end(
        self, command: Command, state: JobState, detail: str, code: EventCode | None = None
    ) -> None:
        if code is not None:
            self._desk.notice(code, f"{command.name} {command.id} by {command.by}: {detail}")
        self._desk.settle(command, state, detail)
