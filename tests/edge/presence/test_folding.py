"""A book that is brought back from its files knows what the one knew that wrote them."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorward.ids import Epoch, SiteId
from doorward.policy import Direction
from doorward.presence import PresenceBook
from doorward.presence_message import PresenceMessage, Sign
from doorward_edge.adapters.presence_files import PresenceFiles
from doorward_edge.ports import PresenceFound
from doorward_edge.presence.folding import Identity, fold, restore
from doorward_edge.presence.log_entry import LogEntry, Sent, entry_wire
from tests.kit.plant import ALICE, BOB, GATEWAY, NOON, SITE
from tests.kit.two_gateways import SOUTH, after, seen

KEY = bytes(32)
NOW = after(600)
WHOSE = Identity(site=SITE, gateway=GATEWAY, epoch=Epoch(9), forget_s=36 * 3600)

messages = st.builds(
    lambda seq, sign, who, own, at, inside, once: seen(
        sign,
        seq,
        who=who,
        gateway=GATEWAY if own else SOUTH,
        epoch=Epoch(1 if own else 2),
        at=NOON + at,
        enters="site" if inside else "",
        leaves=() if inside else ("site",),
        once_until=NOON + 86_400 if once else 0,
    ),
    st.integers(1, 40),
    st.sampled_from([Sign.GRANTED, Sign.PASSED, Sign.ANNULLED, Sign.FORGIVEN]),
    st.sampled_from([ALICE, BOB]),
    st.booleans(),
    st.integers(0, 300),
    st.booleans(),
    st.booleans(),
)


def found(snapshot: bytes | None, entries: Sequence[LogEntry], damage: str = "") -> PresenceFound:
    return PresenceFound(
        snapshot=snapshot,
        entries=tuple(map(entry_wire, entries)),
        is_first=False,
        damage=damage,
        through=0,
    )


def empty() -> bytes:
    return PresenceBook(site=SITE, gateway=GATEWAY, epoch=Epoch(1)).to_wire()


def known(book: PresenceBook) -> object:
    """Everything that outlives a start."""
    return book.to_wire()


@given(st.lists(messages, max_size=30), st.integers(0, 30), st.data())
def test_folding_at_any_point_changes_nothing(
    said: list[PresenceMessage], at: int, data: st.DataObject
) -> None:
    log: list[LogEntry] = []
    for one in said:
        log.append(one)
        if one.gateway == GATEWAY and data.draw(st.booleans()):
            log.append(Sent(one.epoch, one.seq))
    whole = restore(PresenceBook, found(empty(), log), WHOSE, NOW)
    half = restore(PresenceBook, found(empty(), log[:at]), WHOSE, NOW)
    rest = restore(PresenceBook, found(half.book.to_wire(), log[at:]), WHOSE, NOW)
    again = restore(PresenceBook, found(half.book.to_wire(), log), WHOSE, NOW)
    assert known(rest.book) == known(whole.book)
    assert known(again.book) == known(whole.book), "what was folded may come again"
    assert (whole.damage, rest.damage) == ("", "")


def test_what_the_broker_has_is_not_told_again() -> None:
    own = [seen(seq=seq, gateway=GATEWAY, epoch=Epoch(1), enters="site") for seq in (1, 2, 3)]
    log: list[LogEntry] = [*own, Sent(Epoch(1), 1), Sent(Epoch(1), 3)]
    book = restore(PresenceBook, found(empty(), log), WHOSE, NOW).book
    assert book.unsent() == (own[1],)
    later = restore(PresenceBook, found(book.to_wire(), [Sent(Epoch(1), 2)]), WHOSE, NOW).book
    assert later.unsent() == ()


@pytest.mark.parametrize(
    ("kept", "said"),
    [
        (found(None, [], "snapshot: gone"), "snapshot: gone"),
        (found(b"no snapshot", []), "presence snapshot"),
        (found(empty(), [], "log: gone"), "log: gone"),
        (replace(found(empty(), []), entries=(b"X?", b"M\x00")), "2 entries of the log"),
        (
            found(PresenceBook(site=SiteId("other"), gateway=SOUTH, epoch=Epoch(1)).to_wire(), []),
            "of site other",
        ),
    ],
)
def test_what_is_lost_is_said_and_the_book_knows(kept: PresenceFound, said: str) -> None:
    restored = restore(PresenceBook, kept, WHOSE, NOW)
    assert said in restored.damage
    assert not restored.book.is_complete(NOW)
    assert restored.book.is_used_up(ALICE, Direction.ENTRY, NOW) is None


def test_nothing_kept_at_a_first_start_is_no_damage_but_doubt() -> None:
    restored = restore(PresenceBook, replace(found(None, []), is_first=True), WHOSE, NOW)
    assert restored.damage == ""
    assert not restored.book.is_complete(NOW)


def test_as_long_is_remembered_as_the_policy_says(tmp_path: Path) -> None:
    for forget_s, inside in ((3600, 0), (10 * 86_400, 1)):
        files = PresenceFiles(tmp_path / str(forget_s), KEY)
        files.save(empty(), 0)
        files.append([entry_wire(seen(enters="site", at=NOON))], flush=False)
        whose = replace(WHOSE, forget_s=forget_s)
        assert fold(files, whose, files.end_part(), after(5 * 86_400)) == ""
        book = restore(PresenceBook, files.load(), whose, after(5 * 86_400)).book
        assert book.occupancy("site", after(5 * 86_400)) == inside
