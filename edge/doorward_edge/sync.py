"""Which rules this gateway works by: takes what the controller signed, whole or not at all.

The rules, in the order in which `PolicyKeeper` applies them:

1. Keyrings form a chain from the one that enrolment pinned; each link is signed by its predecessor.
2. A bundle, a status list or a delta counts when a policy key of the newest keyring signed it.
3. No version ever goes back: not against what is held, nor against the floor, which outlives a
   restart and a card that was put back to an older state.
4. It is on the disk before it is used. What fails leaves everything as it was, but for this: a
   status list that the disk does not take counts at once, from memory. A full disk must not keep
   a revoked badge good. It is not called applied before it is written.
5. A delta that does not reach back to the held list is a gap: the full list is asked for. A full
   list below the floor, where none is held, is half of one: it counts with the delta that lifts it
   above, and the delta is asked for.
"""

import logging
from dataclasses import dataclass
from enum import StrEnum
from typing import NoReturn

from doorward import canonical
from doorward.decision import Rules
from doorward.envelope import Envelope, Kind, parse_envelope
from doorward.errors import (
    DoorwardError,
    GapError,
    MalformedError,
    RollbackError,
    WrongRecipientError,
)
from doorward.ids import SiteId
from doorward.keys import PURPOSE_OF_KIND, Keyring, accept_keyring, verify_signed
from doorward.messages import Applied
from doorward.policy import Policy, accept_policy
from doorward.status import Delta, StatusList, accept_list, apply_delta
from doorward.times import Instant
from doorward_edge.ports import Floors, PolicyFiles

log = logging.getLogger(__name__)

KEYRINGS = "keyrings"
BUNDLE = "bundle"
STATUS = "status"
DELTA = "delta"
MAX_KEYRINGS = 256


class Verdict(StrEnum):
    """What became of something that the controller pushed."""

    APPLIED = "applied"
    ALREADY = "already"
    """Not newer than what is held; a retained message after every reconnect."""
    GAP = "gap"
    """It is half of what is needed: the full status list, or the delta, must be asked for."""
    REFUSED = "refused"
    UNWRITTEN = "unwritten"
    """The disk did not take it: the same message has to come again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What became of one pushed message.

    Attributes:
        what: which kind of document it was.
        error: why it was refused; empty otherwise.
    """

    verdict: Verdict
    what: str
    error: str = ""


class PolicyKeeper:
    """Holds keyring, policy and status list; the only writer of all three."""

    def __init__(
        self, *, site: SiteId, pinned: Keyring, files: PolicyFiles, floors: Floors
    ) -> None:
        """Starts with the pinned keyring and no rules; `load` brings back what was applied."""
        self._site = site
        self._files = files
        self._floors = floors
        self._chain: tuple[bytes, ...] = ()
        self.keyring = pinned
        self._policy: Policy | None = None
        self._status: StatusList | None = None
        self._base: StatusList | None = None
        self._unwritten: StatusList | None = None
        self.rules: Rules | None = None

    @property
    def applied(self) -> Applied:
        """The versions that this gateway works with."""
        return Applied(
            bundle=self._policy.version if self._policy else 0,
            status=self._status.seq if self._status else 0,
            keyring=self.keyring.version,
        )

    def load(self) -> tuple[str, ...]:
        """Applies what lies on the disk. Returns what could not be used, in words; never raises.

        Windows of keys are not looked at: it was checked when it arrived, and a restart after a
        long time without the controller must not change a door's rule.
        What cannot be used is left where it is: the controller's retained messages replace it.
        """
        problems = []
        for name, load in (
            (KEYRINGS, self._load_keyrings),
            (BUNDLE, self._load_bundle),
            (STATUS, self._load_status),
        ):
            try:
                wire = self._files.load(name)
                if wire is not None:
                    load(wire)
            except (DoorwardError, OSError) as err:
                problems.append(f"{name} on disk: {err}")
        return tuple(problems)

    def take(self, wire: bytes, now: Instant) -> Taken:
        """Applies a pushed bundle, status list or delta, or says why not."""
        what = "message"
        try:
            envelope = parse_envelope(wire)
            what = envelope.kind.value
            self._apply(envelope, wire, now)
        except RollbackError:
            return Taken(verdict=Verdict.ALREADY, what=what)
        except GapError as err:
            return Taken(verdict=Verdict.GAP, what=what, error=str(err))
        except OSError as err:
            log.error("sync.unwritten what=%s error=%s", what, err)  # noqa: TRY400  # one line
            return Taken(verdict=Verdict.UNWRITTEN, what=what, error=f"not written: {err}")
        except DoorwardError as err:
            log.warning("sync.refused what=%s error=%s", what, err)
            return Taken(verdict=Verdict.REFUSED, what=what, error=str(err))
        held = self.applied
        log.info(
            "sync.applied what=%s bundle=%d status=%d keyring=%d",
            what,
            held.bundle,
            held.status,
            held.keyring,
        )
        return Taken(verdict=Verdict.APPLIED, what=what)

    def _apply(self, envelope: Envelope, wire: bytes, now: Instant) -> None:
        if envelope.kind is Kind.BUNDLE:
            self._apply_bundle(envelope, wire, now)
        elif envelope.kind is Kind.STATUS:
            self._replace_status(STATUS, wire, self._read_status(envelope, wire, now))
        elif envelope.kind is Kind.DELTA:
            self._replace_status(DELTA, wire, self._read_delta(envelope, now.trusted_utc_s))
        else:
            raise MalformedError(f"a {envelope.kind} is not a policy document")

    def _replace_status(self, name: str, wire: bytes, status: StatusList) -> None:
        try:
            self._files.save(name, wire)
            self._hold(self._policy, status)
        except OSError:
            if self._unwritten is None or self._unwritten.seq < status.seq:
                self._unwritten = status
            self._show()
            raise

    def _apply_bundle(self, envelope: Envelope, wire: bytes, now: Instant) -> None:
        policy = Policy.from_body(envelope.body)
        accept_policy(self._held_version(), policy, self._site)
        keyring, chain = self._follow(policy.keyrings)
        verify_signed(envelope, keyring, PURPOSE_OF_KIND[Kind.BUNDLE], now.trusted_utc_s)
        if chain != self._chain:
            self._files.save(KEYRINGS, canonical.encode(list(chain)))
        self._files.save(BUNDLE, wire)
        self._chain, self.keyring = chain, keyring
        self._hold(self._map_bundle(), self._status)

    def _map_bundle(self) -> Policy:
        """Reads the bundle again from the disk, so that a big one is mapped and not held twice."""
        wire = self._files.load(BUNDLE)
        if wire is None:
            raise OSError("the bundle that was just written is not there")
        return Policy.from_body(parse_envelope(wire).body)

    def _read_status(self, envelope: Envelope, wire: bytes, now: Instant) -> StatusList:
        verify_signed(envelope, self.keyring, PURPOSE_OF_KIND[Kind.STATUS], now.trusted_utc_s)
        status = accept_list(self._status, StatusList.from_body(envelope.body), self._site)
        if status.seq < (floor := self._floors.floors().status):
            self._keep_base(status, wire, floor)
        return status

    def _keep_base(self, status: StatusList, wire: bytes, floor: int) -> NoReturn:
        """Keeps a list that alone would go back, for the delta that belongs to it."""
        below = f"status list: number {status.seq}, already at {floor}"
        if self._status is not None or (self._base is not None and status.seq <= self._base.seq):
            raise RollbackError(below)
        self._files.save(STATUS, wire)
        self._base = status
        raise GapError(f"{below}; the delta that follows it is missing")

    def _read_delta(self, envelope: Envelope, now_utc_s: int | None) -> StatusList:
        verify_signed(envelope, self.keyring, PURPOSE_OF_KIND[Kind.DELTA], now_utc_s)
        delta = Delta.from_body(envelope.body)
        if delta.site != self._site:
            raise WrongRecipientError(f"status delta: made for site {delta.site}")
        held = self._status or self._base
        if held is None:
            raise GapError("status delta: no full list is held yet")
        try:
            status = apply_delta(held, delta)
        except GapError:
            self._count_unwritten(delta)
            raise
        if status.seq < (floor := self._floors.floors().status):
            raise RollbackError(f"status delta: number {status.seq}, already at {floor}")
        return status

    def _count_unwritten(self, delta: Delta) -> None:
        """Counts a delta at once that follows a list which the disk did not take.

        Raises:
            OSError: it counts, and has to come again with the list.
            GapError: it does not follow that list either.
        """
        if self._unwritten is not None:
            self._unwritten = apply_delta(self._unwritten, delta)
            self._show()
            raise OSError("the list that it changes is not on the disk")

    def _hold(self, policy: Policy | None, status: StatusList | None) -> None:
        """Raises the floors, then lets decisions see the new rules by one assignment."""
        self._floors.raise_floors(
            Applied(
                bundle=policy.version if policy else 0,
                status=status.seq if status else 0,
                keyring=self.keyring.version,
            )
        )
        self._policy, self._status = policy, status
        if status is not None:
            self._base = None
        self._show()

    def _show(self) -> None:
        """Lets decisions see the rules; the newest status list that we know never goes back."""
        known = (each for each in (self._status, self._unwritten) if each is not None)
        newest = max(known, key=lambda each: each.seq, default=None)
        if newest is self._status:
            self._unwritten = None
        self.rules = Rules(policy=self._policy, status=newest) if self._policy else None

    def _follow(self, keyrings: tuple[bytes, ...]) -> tuple[Keyring, tuple[bytes, ...]]:
        """Walks the chain from the held keyring; links that we already have are passed over."""
        keyring, chain = self.keyring, self._chain
        for wire in keyrings[:MAX_KEYRINGS]:
            try:
                keyring = accept_keyring(keyring, wire)
            except RollbackError:
                continue
            chain = (*chain, wire)
        return keyring, chain

    def _held_version(self) -> int:
        """What is at the floor itself comes again where the disk lost it."""
        held = self._policy.version if self._policy else 0
        return max(held, self._floors.floors().bundle - 1)

    def _load_keyrings(self, wire: memoryview) -> None:
        links = canonical.decode(wire, KEYRINGS)
        if not isinstance(links, list) or not all(isinstance(link, bytes) for link in links):
            raise MalformedError("keyrings: not a list of envelopes")
        self.keyring, self._chain = self._follow(tuple(links))

    def _load_bundle(self, wire: memoryview) -> None:
        envelope = parse_envelope(wire)
        verify_signed(envelope, self.keyring, PURPOSE_OF_KIND[Kind.BUNDLE], None)
        policy = accept_policy(
            self._floors.floors().bundle - 1, Policy.from_body(envelope.body), self._site
        )
        self._hold(policy, self._status)

    def _load_status(self, wire: memoryview) -> None:
        envelope = parse_envelope(wire)
        verify_signed(envelope, self.keyring, PURPOSE_OF_KIND[Kind.STATUS], None)
        status = StatusList.from_body(envelope.body)
        self._status = accept_list(None, status, self._site)
        self._load_delta_onto(self._status)

    def _load_delta_onto(self, status: StatusList) -> None:
        """The floor counts for list and delta together: the list alone is often older."""
        wire = self._files.load(DELTA)
        try:
            newest = self._read_delta(parse_envelope(wire), None) if wire is not None else status
        except DoorwardError as err:
            log.warning("sync.delta_unusable error=%s", err)
            newest = status
        floor = self._floors.floors().status
        if newest.seq < floor:
            self._status, self._base = None, status
            raise RollbackError(f"number {newest.seq}, already at {floor}")
        self._hold(self._policy, newest)
