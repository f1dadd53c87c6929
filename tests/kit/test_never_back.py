"""Whatever arrives in whatever order, a gateway's keys, policy and status list never go back."""

from collections.abc import Callable
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle as Messages
from hypothesis.stateful import (
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
)

from doorward.envelope import Ed25519Signer, Kind, parse_envelope, seal_envelope
from doorward.errors import DoorwardError, GapError
from doorward.keys import Keyring, Purpose, accept_keyring, verify_signed
from doorward.policy import Policy, accept_policy
from doorward.policy_draft import build_body
from doorward.status import Delta, Status, StatusList, accept_list, apply_delta, with_changes
from tests.kit.plant import NOON, SITE, draft, key_of, signer

SIZE = 16
THIEF = signer(66)


class Gateway:
    """The smallest gateway: it holds what the kit lets it hold."""

    def __init__(self, keyring: Keyring) -> None:
        self.keyring = keyring
        self.policy_version = 0
        self.status: StatusList | None = None

    def take(self, wire: bytes) -> None:
        """Applies a message or raises, as the gateway's synchronisation does."""
        envelope = parse_envelope(wire)
        if envelope.kind is Kind.KEYRING:
            self.keyring = accept_keyring(self.keyring, wire)
            return
        verify_signed(envelope, self.keyring, Purpose.POLICY, NOON)
        if envelope.kind is Kind.BUNDLE:
            found = accept_policy(self.policy_version, Policy.from_body(envelope.body), SITE)
            self.policy_version = found.version
        elif envelope.kind is Kind.STATUS:
            self.status = accept_list(self.status, StatusList.from_body(envelope.body), SITE)
        elif self.status is None:
            raise GapError("no list yet")
        else:
            self.status = apply_delta(self.status, Delta.from_body(envelope.body))

    def versions(self) -> tuple[int, int, int]:
        return self.keyring.version, self.policy_version, self.status.seq if self.status else 0

    def held(self) -> tuple[Any, ...]:
        return self.keyring, self.policy_version, self.status


class NeverBack(RuleBasedStateMachine):
    """A controller that goes forward, a network that repeats, loses and reorders, and a thief."""

    sent = Messages("sent")

    @initialize()
    def start(self) -> None:
        self.roots = [signer(100)]
        self.policy_signer = signer(150)
        self.rotations = 0
        self.keyring = self._ring(1)
        self.gateway = Gateway(self.keyring)
        self.bundle_version = 0
        self.base = self.seq = 1
        self.truth = bytes(SIZE // 4)
        self.touched: dict[int, Status] = {}
        self.history = {1: self.truth}
        self.seen = (1, 0, 0)

    def _ring(self, version: int) -> Keyring:
        keys = [key_of(root, Purpose.ROOT) for root in self.roots]
        keys.append(key_of(self.policy_signer, Purpose.POLICY))
        return Keyring(site=SITE, version=version, created_at=NOON, threshold=1, keys=tuple(keys))

    # ---- what the controller does

    @rule(target=sent, changes_root=st.booleans())
    def rotate(self, changes_root: bool) -> bytes:
        self.rotations += 1
        old = self.roots[0]
        if changes_root:
            self.roots = [signer(100 + self.rotations % 40)]
        self.policy_signer = signer(150 + self.rotations % 100)
        self.keyring = self._ring(self.keyring.version + 1)
        signers = {one.key_id: one for one in (old, self.roots[0])}
        return seal_envelope(Kind.KEYRING, self.keyring.to_body(), list(signers.values()))

    @rule(target=sent, step=st.integers(1, 3))
    def release(self, step: int) -> bytes:
        self.bundle_version += step
        body = build_body(draft(version=self.bundle_version))
        return seal_envelope(Kind.BUNDLE, body, [self.policy_signer])

    @rule(target=sent, index=st.integers(0, SIZE - 1), status=st.sampled_from(Status))
    def change(self, index: int, status: Status) -> bytes:
        self.seq += 1
        self.touched[index] = status
        self.truth = with_changes(self.truth, SIZE, ((index, status),))
        self.history[self.seq] = self.truth
        one = Delta(
            site=SITE,
            base=self.base,
            seq=self.seq,
            issued_at=NOON,
            changes=tuple(sorted(self.touched.items())),
        )
        return seal_envelope(Kind.DELTA, one.to_body(), [self.policy_signer])

    @rule(target=sent)
    def publish_whole_list(self) -> bytes:
        self.seq += 1
        self.base, self.touched = self.seq, {}
        self.history[self.seq] = self.truth
        whole = StatusList(site=SITE, seq=self.seq, issued_at=NOON, size=SIZE, bits=self.truth)
        return seal_envelope(Kind.STATUS, whole.to_body(), [self.policy_signer])

    # ---- what the network and the thief do

    @rule(wire=sent)
    def deliver_again(self, wire: bytes) -> None:
        self._deliver(wire)

    @rule(wire=consumes(sent))
    def deliver_for_the_last_time(self, wire: bytes) -> None:
        self._deliver(wire)

    @rule(target=sent, wire=consumes(sent))
    def lose(self, wire: bytes) -> Any:
        return multiple()

    @rule(wire=sent, bit=st.integers(0, 10_000))
    def deliver_spoilt(self, wire: bytes, bit: int) -> None:
        spoilt = bytearray(wire)
        place = bit % (8 * len(wire))
        spoilt[place // 8] ^= 1 << place % 8
        self._must_refuse(bytes(spoilt))

    @rule(wire=sent)
    def deliver_resigned_by_a_thief(self, wire: bytes) -> None:
        envelope = parse_envelope(wire)
        self._must_refuse(seal_envelope(envelope.kind, bytes(envelope.body), [THIEF]))

    @rule(wire=sent, number=st.integers(0, 99))
    def deliver_signed_with_some_policy_key(self, wire: bytes, number: int) -> None:
        envelope = parse_envelope(wire)
        some = signer(150 + number)
        resealed = seal_envelope(envelope.kind, bytes(envelope.body), [some])
        if self._is_trusted(some):
            self._deliver(resealed)
        else:
            self._must_refuse(resealed)

    @precondition(lambda self: self.gateway.status is not None)
    @rule(wire=sent)
    def deliver_under_another_kind(self, wire: bytes) -> None:
        envelope = parse_envelope(wire)
        for kind in Kind:
            if kind is not envelope.kind:
                self._must_refuse(wire.replace(envelope.kind.encode(), kind.encode(), 1))

    def _is_trusted(self, some: Ed25519Signer) -> bool:
        key = self.gateway.keyring.find(some.key_id)
        return key is not None and Purpose.POLICY in key.purposes

    def _deliver(self, wire: bytes) -> None:
        before = self.gateway.held()
        try:
            self.gateway.take(wire)
        except DoorwardError:
            assert self.gateway.held() == before, "a refusal changes nothing"

    def _must_refuse(self, wire: bytes) -> None:
        before = self.gateway.held()
        refused: Callable[[], None] = lambda: self.gateway.take(wire)  # noqa: E731
        try:
            refused()
        except DoorwardError:
            assert self.gateway.held() == before
            return
        raise AssertionError("a message that nobody trusted signed was applied")

    # ---- what always holds

    @invariant()
    def nothing_goes_back(self) -> None:
        now = self.gateway.versions()
        assert all(new >= old for new, old in zip(now, self.seen, strict=True))
        self.seen = now

    @invariant()
    def nothing_is_ahead_of_the_controller(self) -> None:
        ours = (self.keyring.version, self.bundle_version, self.seq)
        assert all(a <= b for a, b in zip(self.gateway.versions(), ours, strict=True))

    @invariant()
    def status_is_what_the_controller_had_at_that_number(self) -> None:
        status = self.gateway.status
        assert status is None or status.bits == self.history[status.seq]


TestNeverBack = NeverBack.TestCase
TestNeverBack.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
