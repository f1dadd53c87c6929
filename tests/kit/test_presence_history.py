"""Long histories of two gateways whose messages are lost for a while, repeated and reordered."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from doorward.decision import Deny, Grant, Rules, decide
from doorward.ids import CredentialId, Epoch, GatewayId, PortalId
from doorward.policy import AntiPassback, Direction, GroupRule, PresenceDoubt
from doorward.policy_draft import GrantDraft, PersonDraft, PortalDraft, ZoneDraft
from doorward.presence import PresenceBook
from doorward.presence_message import PresenceMessage
from doorward.presence_port import Stay
from doorward.reasons import Reason
from tests.kit.plant import GATE, GATEWAY, SITE, credential, person, policy, status_list
from tests.kit.two_gateways import SOUTH, WAY_OUT, after

ONCE, TWICE, STAFF = (CredentialId(bytes(7) + bytes([n])) for n in (1, 2, 3))
PEOPLE: tuple[PersonDraft, ...] = (
    person(ONCE, groups=("visitors",)),
    person(TWICE, groups=("chemists",)),
    person(STAFF),
)
ALL_DAY = "always"
SITE_RULES = policy(
    portals={
        GATE: PortalDraft(
            zone="site",
            gateway=GATEWAY,
            direction=Direction.BOTH,
            antipassback=AntiPassback.HARD,
            presence_unknown=PresenceDoubt.LAST_KNOWN,
        ),
        WAY_OUT: PortalDraft(
            zone="site",
            gateway=SOUTH,
            direction=Direction.EXIT,
            antipassback=AntiPassback.HARD,
            presence_unknown=PresenceDoubt.LAST_KNOWN,
        ),
    },
    group_rules={"visitors": GroupRule(is_once=True)},
    zone_rules={"site": ZoneDraft(at_most=2), "lab": ZoneDraft(within="site")},
    grants=(
        GrantDraft(group="staff", zone="site", schedule=ALL_DAY),
        GrantDraft(group="visitors", zone="site", schedule=ALL_DAY),
        GrantDraft(group="chemists", zone="site", schedule=ALL_DAY, per_visit=2),
    ),
    people=PEOPLE,
)
PORTALS = {GATE: GATEWAY, WAY_OUT: SOUTH}
PORTAL = st.sampled_from(list(PORTALS))
WHO = st.sampled_from([ONCE, TWICE, STAFF])


class History(RuleBasedStateMachine):
    """Gateways that decide, forget nothing over a crash, and hear each other when they can."""

    @initialize()
    def start(self) -> None:
        self.second = 0
        self.epoch = 10
        self.held = Rules(policy=SITE_RULES, status=status_list(issued_at=after(0).utc_s))
        self.books = {name: self._book(name) for name in PORTALS.values()}
        self.saved = {name: book.to_wire() for name, book in self.books.items()}
        self.logs: dict[GatewayId, list[PresenceMessage]] = {name: [] for name in self.books}
        self.wire: dict[GatewayId, list[PresenceMessage]] = {name: [] for name in self.books}
        self.open: dict[PortalId, Grant] = {}
        self.used: set[tuple[GatewayId, CredentialId, Direction]] = set()
        self.entered: dict[GatewayId, int] = dict.fromkeys(self.books, 0)

    def _book(self, name: GatewayId) -> PresenceBook:
        self.epoch += 1
        book = PresenceBook(site=SITE, gateway=name, epoch=Epoch(self.epoch))
        book.follow(SITE_RULES)
        return book

    def _log(self, name: GatewayId, messages: tuple[PresenceMessage, ...]) -> None:
        self.logs[name] += messages
        for other in self.books:
            if other != name:
                self.wire[other] += messages
        for message in messages:
            self.books[name].sent(message)

    # ---- what people do

    @rule(portal=PORTAL, who=WHO)
    def show(self, portal: PortalId, who: CredentialId) -> None:
        self.second += 1
        name, now = PORTALS[portal], after(self.second)
        if portal in self.open:
            return
        found = decide(credential(credential_id=who), portal, self.held, self.books[name], now)
        self._log(name, self.books[name].note_decision(portal, found, now))
        if isinstance(found, Deny):
            return
        self.open[portal] = found
        use = (name, who, found.movement.way)
        if who == ONCE:
            assert use not in self.used, "a one-time code passes once each way"
            self.used.add(use)
        if who == TWICE and found.movement.way is Direction.ENTRY:
            assert self.entered[name] < 2, "entries are counted"

    @precondition(lambda self: self.open)
    @rule(goes=st.booleans(), data=st.data())
    def end(self, goes: bool, data: st.DataObject) -> None:
        self.second += 1
        portal = data.draw(st.sampled_from(sorted(self.open)))
        name, now, grant = PORTALS[portal], after(self.second), self.open.pop(portal)
        assert grant.bearer is not None
        who, way = grant.bearer.credential_id, grant.movement.way
        if goes:
            self._log(name, self.books[name].note_passed(portal, grant, now))
            self.entered[name] += who == TWICE and way is Direction.ENTRY
        else:
            self._log(name, self.books[name].note_annulled(portal, grant, now))
            self.used.discard((name, who, way))

    @rule(
        name=st.sampled_from([GATEWAY, SOUTH]),
        who=st.sampled_from([None, TWICE, STAFF]),
        zone=st.sampled_from(["", "site"]),
    )
    def forgive(self, name: GatewayId, who: CredentialId | None, zone: str) -> None:
        self.second += 1
        book, now = self.books[name], after(self.second)
        if who is None:
            self._log(name, book.forgive_all("site", now))
        else:
            self._log(name, book.forgive(who, now, zone))
        for one in [who] if who else [each.credential_id for each in PEOPLE]:
            assert book.stay(one, "site", now) == Stay(
                is_inside=None, entered_at=None, left_at=None
            ), "whoever is forgiven may go either way"

    # ---- what the network and the machines do

    @rule(data=st.data(), name=st.sampled_from([GATEWAY, SOUTH]), again=st.booleans())
    def deliver(self, data: st.DataObject, name: GatewayId, again: bool) -> None:
        if self.wire[name]:
            index = data.draw(st.integers(0, len(self.wire[name]) - 1))
            message = self.wire[name][index]
            if not again:
                del self.wire[name][index]
            self._take(name, message)

    def _take(self, name: GatewayId, message: PresenceMessage) -> None:
        counted = self.books[name].take(message, after(self.second))
        if counted is not None:
            self.logs[name].append(counted)

    @rule(name=st.sampled_from([GATEWAY, SOUTH]))
    def save(self, name: GatewayId) -> None:
        self.saved[name], self.logs[name] = self.books[name].to_wire(), []

    @rule(name=st.sampled_from([GATEWAY, SOUTH]))
    def crash(self, name: GatewayId) -> None:
        self.second += 1
        self.epoch += 1
        now = after(self.second)
        before = self.books[name]
        book = PresenceBook.from_wire(
            self.saved[name], site=SITE, gateway=name, epoch=Epoch(self.epoch), now=now
        )
        book.follow(SITE_RULES)
        book.replay(self.logs[name], now)
        for message in book.unsent():
            book.sent(message)
            for other in self.books:
                if other != name:
                    self.wire[other].append(message)
        assert self._known(book) == self._known(before), "a crash forgets nothing"
        self.books[name] = book

    @rule()
    def everything_arrives(self) -> None:
        for name, waiting in self.wire.items():
            for message in waiting:
                self._take(name, message)
            waiting.clear()
        north, south = self.books.values()
        assert self._known(north) == self._known(south), "who heard the same knows the same"

    def _known(self, book: PresenceBook) -> object:
        now = after(self.second)
        people = [person.credential_id for person in PEOPLE]
        return (
            [book.stay(who, zone, now) for who in people for zone in ("site", "lab")],
            [book.entries(who, "site", now) for who in people],
            [book.is_used_up(ONCE, way, now) for way in (Direction.ENTRY, Direction.EXIT)],
        )

    # ---- what always holds

    @invariant()
    def inside_are_those_whose_last_passage_led_in(self) -> None:
        now = after(self.second)
        for book in self.books.values():
            stays = [book.stay(person.credential_id, "site", now) for person in PEOPLE]
            inside = sum(bool(stay and stay.is_inside) for stay in stays)
            assert book.occupancy("site", now) == inside
            assert len(book.muster(now)[0].people) == inside

    @invariant()
    def nothing_refuses_without_a_reason_of_presence(self) -> None:
        now = after(self.second)
        for portal, name in PORTALS.items():
            shown = credential(credential_id=STAFF)
            found = decide(shown, portal, self.held, self.books[name], now)
            assert found.reason in {
                Reason.GRANTED,
                Reason.ALREADY_INSIDE,
                Reason.NOT_INSIDE,
                Reason.ZONE_FULL,
            }


TestHistory = History.TestCase
TestHistory.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
