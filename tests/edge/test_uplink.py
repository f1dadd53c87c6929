"""The link's state table: what it has works, what it has not changes nothing."""

import itertools

import pytest

from doorward_edge.uplink import TABLE, IllegalTransitionError, Link, LinkAction, LinkChange, Uplink


@pytest.mark.parametrize(("link", "change"), list(itertools.product(Link, LinkChange)))
def test_every_pair_is_in_the_table_or_raises_and_changes_nothing(
    link: Link, change: LinkChange
) -> None:
    uplink = Uplink()
    uplink.link = link
    if (link, change) in TABLE:
        actions = uplink.note(change)
        assert (uplink.link, actions) == TABLE[link, change]
    else:
        with pytest.raises(IllegalTransitionError, match=f"{change} cannot happen while {link}"):
            uplink.note(change)
        assert uplink.link is link


def test_every_state_can_be_reached_and_left() -> None:
    ends = {end for end, _ in TABLE.values()}
    assert ends == set(Link)
    assert {start for start, _ in TABLE} == set(Link)


def test_whoever_comes_up_announces_itself_and_sends_again_what_was_not_acknowledged() -> None:
    uplink = Uplink()
    uplink.note(LinkChange.DIAL)
    assert not uplink.is_connected
    assert uplink.note(LinkChange.UP) == (LinkAction.ANNOUNCE, LinkAction.RESEND)
    uplink.note(LinkChange.DRAINED)
    assert (uplink.link, uplink.is_connected) == (Link.LIVE, True)
