"""Names, topics, reasons, times and errors: the small closed sets beneath everything else."""

import inspect
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorward import errors, ids, topics
from doorward.errors import BadIdError, DoorwardError, MalformedError, RejectedError
from doorward.ids import (
    GatewayId,
    SiteId,
    parse_credential_id,
    parse_gateway_id,
    parse_name,
    parse_portal_id,
    parse_site_id,
)
from doorward.reasons import REASON_TEXTS, Reason, Severity
from doorward.times import ClockTrust, Instant, MonoMs, UtcMs
from doorward.topics import Down, Policy, Up, UpTopic, parse_up

NAMES = st.from_regex(r"[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?", fullmatch=True).filter(
    lambda name: name not in {"policy", "presence", "host"}
)
SITE, GATEWAY = SiteId("plant-7"), GatewayId("gate-north")


# ---- names


@given(NAMES)
def test_legal_names_pass_unchanged(name: str) -> None:
    for parse in (parse_name, parse_site_id, parse_gateway_id, parse_portal_id):
        assert parse(name) == name


@pytest.mark.parametrize(
    "text",
    ["", "-", "-a", "a-", "A", "a_b", "a b", "a/b", "a+", "#", "ä", "a" * 33, "a\n", "\na", "１"],
)
def test_illegal_names_are_refused_in_words(text: str) -> None:
    with pytest.raises(BadIdError, match="must be 1 to 32"):
        parse_name(text)


@pytest.mark.parametrize("word", ["policy", "presence", "host"])
def test_words_of_the_topics_name_no_site_and_no_gateway(word: str) -> None:
    for parse in (parse_site_id, parse_gateway_id):
        with pytest.raises(BadIdError, match="choose another"):
            parse(word)
    assert parse_portal_id(word) == word


def test_long_names_are_shown_short() -> None:
    with pytest.raises(BadIdError) as caught:
        parse_name("x" * 10_000)
    assert len(str(caught.value)) < 150


@given(st.binary(min_size=8, max_size=8))
def test_credential_ids_are_sixteen_digits(raw: bytes) -> None:
    assert parse_credential_id(raw.hex()) == raw


@pytest.mark.parametrize(
    "text", ["", "00", "G" * 16, "A" * 16, "0" * 15, "0" * 17, "0" * 16 + "\n"]
)
def test_other_credential_ids_are_refused(text: str) -> None:
    with pytest.raises(BadIdError, match="16 lower-case hex digits"):
        parse_credential_id(text)


def test_numbers_stay_exact_in_doubles() -> None:
    assert int(float(ids.MAX_SEQ)) == ids.MAX_SEQ
    assert int(float(ids.MAX_EPOCH)) == ids.MAX_EPOCH


# ---- topics


@given(NAMES.map(SiteId), NAMES.map(GatewayId), st.sampled_from(Up), NAMES)
def test_topic_of_a_gateway_reads_back(
    site: SiteId, gateway: GatewayId, kind: Up, name: str
) -> None:
    message_id = name if kind is Up.OUTCOME else ""
    topic = topics.up(site, gateway, kind, message_id)
    assert parse_up(topic) == UpTopic(site=site, gateway=gateway, kind=kind, message_id=message_id)
    assert not re.search(r"[+#\0 ]", topic)


def test_topics_are_those_of_the_architecture() -> None:
    assert topics.up(SITE, GATEWAY, Up.RECORDS) == "dw/1/plant-7/gate-north/up/records"
    assert topics.up(SITE, GATEWAY, Up.OUTCOME, "c1") == "dw/1/plant-7/gate-north/up/cmd/c1"
    assert topics.down(SITE, GATEWAY, Down.ACK) == "dw/1/plant-7/gate-north/down/ack"
    assert topics.down(SITE, GATEWAY, Down.COMMAND, "c1") == "dw/1/plant-7/gate-north/down/cmd/c1"
    assert topics.policy(SITE, Policy.DELTA) == "dw/1/plant-7/policy/delta"
    assert topics.presence(SITE) == "dw/1/plant-7/presence"
    assert topics.commands_of(SITE, GATEWAY) == "dw/1/plant-7/gate-north/down/cmd/+"
    assert topics.ups_of_every_gateway(Up.BIRTH) == "dw/1/+/+/up/birth"
    assert topics.ups_of_every_gateway(Up.OUTCOME) == "dw/1/+/+/up/cmd/+"
    assert topics.CONTROLLER_STATE == "dw/1/host/state"


@pytest.mark.parametrize(
    "topic",
    [
        "",
        "dw/1",
        "dw/2/plant-7/gate-north/up/state",
        "dw/1/plant-7/gate-north/up",
        "dw/1/plant-7/gate-north/up/nothing",
        "dw/1/plant-7/gate-north/down/ack",
        "dw/1/plant-7/gate-north/up/state/x",
        "dw/1/plant-7/gate-north/up/state/",
        "dw/1/plant-7/gate-north/up/cmd",
        "dw/1/plant-7/gate-north/up/cmd/",
        "dw/1/plant-7/gate-north/up/cmd/X",
        "dw/1/plant-7/gate-north/up/cmd/a/b",
        "dw/1/host/gate-north/up/state",
        "dw/1/plant-7/policy/up/state",
        "dw/1/Plant/gate-north/up/state",
        "dw/1//gate-north/up/state",
        "dw/1/plant-7/+/up/state",
        "/dw/1/plant-7/gate-north/up/state",
    ],
)
def test_topic_on_which_no_gateway_speaks_is_malformed(topic: str) -> None:
    with pytest.raises(MalformedError, match="topic"):
        parse_up(topic)


@given(st.text(max_size=80))
def test_any_text_is_a_topic_or_malformed(topic: str) -> None:
    with pytest.raises(MalformedError):
        parse_up(topic)


def test_message_id_belongs_to_outcomes_and_commands_alone() -> None:
    for bad in ("", "UP", "a/b", "+"):
        with pytest.raises(BadIdError):
            topics.up(SITE, GATEWAY, Up.OUTCOME, bad)
        with pytest.raises(BadIdError):
            topics.down(SITE, GATEWAY, Down.COMMAND, bad)
    with pytest.raises(BadIdError, match="takes no message id"):
        topics.up(SITE, GATEWAY, Up.STATE, "c1")
    with pytest.raises(BadIdError, match="takes no message id"):
        topics.down(SITE, GATEWAY, Down.ACK, "c1")


# ---- reasons

RELEASED = {
    "granted", "free_passage", "portal_unknown", "portal_closed", "lockdown", "policy_missing",
    "not_ours", "malformed", "too_long", "structured_append", "unknown_version",
    "sticker_check_wrong", "key_unknown", "key_revoked", "key_outside_window", "signature_wrong",
    "holder_signature_wrong", "clock_untrusted", "not_yet_valid", "expired", "slot_stale",
    "slot_used", "sticker_unknown", "status_unknown", "revoked", "suspended", "policy_stale",
    "roster_unreadable", "not_listed", "not_authorised", "outside_schedule",
    "qualification_missing", "qualification_expired", "not_recorded",
}  # fmt: skip


def test_reason_that_was_ever_released_is_never_renamed() -> None:
    assert {reason.value for reason in Reason} >= RELEASED


@pytest.mark.parametrize("reason", Reason)
def test_reason_has_words_in_both_languages(reason: Reason) -> None:
    text = REASON_TEXTS[reason]
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", reason)
    assert text.en.endswith(".")
    assert text.zh.endswith("。")
    assert text.en.isascii()
    assert not text.zh.isascii()
    assert bool(text.next_en) == bool(text.next_zh)
    assert len(text.en) <= 80
    assert text.severity in Severity


def test_every_denial_says_what_one_can_do() -> None:
    silent = {reason for reason in Reason if not REASON_TEXTS[reason].next_en}
    assert silent == {
        Reason.GRANTED,
        Reason.FREE_PASSAGE,
        Reason.BY_HAND,
        Reason.LOCKDOWN_PASSED,
        Reason.DURESS,
    }


# ---- times and errors


def test_seconds_are_rounded_down() -> None:
    for utc_ms, utc_s in ((0, 0), (999, 0), (1000, 1), (-1, -1)):
        now = Instant(utc_ms=UtcMs(utc_ms), mono_ms=MonoMs(0), trust=ClockTrust.UNKNOWN)
        assert now.utc_s == utc_s


def test_trust_in_the_clock_keeps_its_numbers() -> None:
    assert [int(trust) for trust in ClockTrust] == [0, 1, 2]


def test_every_error_is_drawn_in_the_tree_and_descends_from_one() -> None:
    found = [one for _, one in inspect.getmembers(errors, inspect.isclass)]
    assert len(found) >= 8
    for one in found:
        assert issubclass(one, DoorwardError)
        assert one.__name__ in (errors.__doc__ or "")
    assert issubclass(MalformedError, ValueError)
    assert not issubclass(RejectedError, ValueError)
