"""A command forgives through the book's own thread, and for the person behind a credential."""

from dataclasses import replace

import pytest

from doorward.commands import Forgive
from doorward.decision import Rules
from doorward.ids import CredentialId, Epoch
from doorward.keys import Keyring
from doorward.policy_draft import PersonDraft
from doorward.presence_message import Sign, token_of
from doorward_edge.commands.targets import NotDoneError, WillNotError
from doorward_edge.forgiving import Forgiver
from doorward_edge.inbox import MOST_WAITING, Happening, Inbox
from doorward_edge.presence.book import Said, ToldBook
from tests.fakes.edge_ports import FakeClock
from tests.kit.plant import ALICE, BOB, GATEWAY, NOON, SITE, person, policy, status_list

PHONE = CredentialId(bytes(7) + b"\x0f")
STRANGER = CredentialId(bytes(7) + b"\x99")


class HeldRules:
    """The rules of a site where Alice has a badge and a phone."""

    keyring: Keyring

    def __init__(self) -> None:
        people: tuple[PersonDraft, ...] = (
            person(),
            person(BOB),
            replace(person(PHONE), holder=ALICE),
        )
        held = policy(people=people)
        self.rules: Rules | None = Rules(policy=held, status=status_list(issued_at=NOON))


class Bench:
    """A book, what it said, and who forgives in it."""

    def __init__(self) -> None:
        self.clock = FakeClock(NOON)
        self.book = ToldBook(site=SITE, gateway=GATEWAY, epoch=Epoch(1))
        self.said: list[tuple[Sign, bytes, str]] = []
        self.book.on_said = self._on_said
        self.rules = HeldRules()
        self.inbox = Inbox()
        self.inbox.open(_take)
        self.forgiver = Forgiver(self.inbox, self.book, self.rules, self.clock, patience_s=0.05)

    def _on_said(self, said: Said) -> None:
        self.said += [(one.sign, one.holder, one.enters) for one in said]


def _take(happened: Happening) -> None:
    assert callable(happened)
    happened()


@pytest.mark.parametrize(
    ("credential", "holder"),
    [(ALICE, ALICE), (PHONE, ALICE), (STRANGER, STRANGER)],
    ids=["a badge", "the same person's phone", "who is not on the roster"],
)
@pytest.mark.parametrize("zone", ["", "lab"])
def test_the_person_behind_a_credential_is_forgiven(
    credential: CredentialId, holder: CredentialId, zone: str
) -> None:
    bench = Bench()
    said = bench.forgiver.forgive(Forgive(credential=credential.hex(), zone=zone))
    assert said == f"credential {credential.hex()} at {zone or 'every zone'}"
    assert bench.said == [(Sign.FORGIVEN, token_of(SITE, holder), zone)]


def test_everybody_at_a_zone_is_forgiven() -> None:
    bench = Bench()
    assert bench.forgiver.forgive(Forgive(zone="site")) == "everybody at site"
    assert bench.said == [(Sign.ALL_FORGIVEN, b"", "site")]


def test_a_zone_that_the_policy_does_not_have_is_refused() -> None:
    bench = Bench()
    with pytest.raises(WillNotError, match="not_here: the policy has no zone cellar"):
        bench.forgiver.forgive(Forgive(credential=ALICE.hex(), zone="cellar"))
    bench.rules.rules = None
    with pytest.raises(WillNotError, match="not_here"):
        bench.forgiver.forgive(Forgive(zone="site"))
    assert bench.said == []


def test_before_the_first_policy_a_credential_stands_for_itself() -> None:
    bench = Bench()
    bench.rules.rules = None
    bench.forgiver.forgive(Forgive(credential=PHONE.hex()))
    assert bench.said == [(Sign.FORGIVEN, token_of(SITE, PHONE), "")]


def test_where_too_much_waits_it_is_refused_as_busy() -> None:
    bench = Bench()
    with bench.inbox.turn():
        for _ in range(MOST_WAITING):
            bench.inbox.post(lambda: None)
        with pytest.raises(WillNotError, match="busy: "):
            bench.forgiver.forgive(Forgive(zone="site"))
    assert bench.said == []


def test_a_gateway_that_stands_still_forgives_nobody_later() -> None:
    bench = Bench()
    with bench.inbox.turn(), pytest.raises(NotDoneError, match="did not come to it"):
        bench.forgiver.forgive(Forgive(zone="site"))
    assert bench.said == []
