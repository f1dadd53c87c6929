"""The table of truth: lock, contact and relay together say which level of the pin releases."""

import pytest

from doorward_edge.boards import Contact, Level, LockKind, is_input_active, released_level

HIGH, LOW = Level.HIGH, Level.LOW
SECURE, SAFE, TURNSTILE = LockKind.FAIL_SECURE, LockKind.FAIL_SAFE, LockKind.TURNSTILE
NO, NC = Contact.NO, Contact.NC

# lock, contact, level that drives the coil -> the level that releases
TRUTH = {
    # Current releases a strike: the circuit must close. Through NO it closes when driven.
    (SECURE, NO, HIGH): HIGH,
    (SECURE, NO, LOW): LOW,
    (SECURE, NC, HIGH): LOW,
    (SECURE, NC, LOW): HIGH,
    # Current locks a magnet: the circuit must open. Through NC it opens when driven.
    (SAFE, NC, HIGH): HIGH,
    (SAFE, NC, LOW): LOW,
    (SAFE, NO, HIGH): LOW,
    (SAFE, NO, LOW): HIGH,
    # A turnstile's drive watches for a change of the contact, whichever it is.
    (TURNSTILE, NO, HIGH): HIGH,
    (TURNSTILE, NO, LOW): LOW,
    (TURNSTILE, NC, HIGH): HIGH,
    (TURNSTILE, NC, LOW): LOW,
}


def test_the_table_is_complete() -> None:
    assert len(TRUTH) == len(LockKind) * len(Contact) * len(Level)


@pytest.mark.parametrize(("kind", "contact", "active"), TRUTH)
def test_the_level_that_releases(kind: LockKind, contact: Contact, active: Level) -> None:
    assert released_level(kind, contact, active) is TRUTH[kind, contact, active]


def current_flows(contact: Contact, active: Level, level: Level) -> bool:
    """What the wires do, told the other way round: from the pin to the lock."""
    is_driven = level is active
    return is_driven if contact is NO else not is_driven


@pytest.mark.parametrize("contact", Contact)
@pytest.mark.parametrize("active", Level)
def test_the_wires_agree(contact: Contact, active: Level) -> None:
    strike = released_level(SECURE, contact, active)
    assert current_flows(contact, active, strike)
    assert not current_flows(contact, active, strike.other)
    magnet = released_level(SAFE, contact, active)
    assert not current_flows(contact, active, magnet)
    assert current_flows(contact, active, magnet.other)


@pytest.mark.parametrize("contact", Contact)
@pytest.mark.parametrize("closed", Level)
def test_a_switch_at_rest_is_not_active_and_a_moved_one_is(contact: Contact, closed: Level) -> None:
    at_rest = closed if contact is NC else closed.other
    assert not is_input_active(at_rest, contact, closed)
    assert is_input_active(at_rest.other, contact, closed)
