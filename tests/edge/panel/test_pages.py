"""The pages as guards and technicians use them, over TLS, without a browser's window."""

import json
import logging

import pytest

from doorward.events import EventCode
from doorward.reasons import Reason
from doorward.records import RecordKind
from doorward.staff import Ability
from doorward.times import ClockTrust
from doorward_edge.by_hand import Answer, Cause, Registration, Way
from doorward_edge.config_panel import Subject
from doorward_edge.panel.opening import Panel
from doorward_edge.panel.sessions import IDLE_MS, LONGEST_MS
from doorward_edge.panel.words import TEXTS, Language, Words, language_of
from doorward_edge.stages.record import Recorded, RecordOutcome
from tests.edge.panel.visitor import Visitor
from tests.fakes.panel_site import (
    EPOCH,
    NORTH,
    PIN,
    SOUTH,
    START_S,
    PanelSite,
    granted,
    member,
)

GOOD = {"portal": "north", "way": "in", "code": "DW0X", "cause": "phone_dead"}


def refused(registration: Registration) -> Answer:
    if registration.overrules:
        return granted(registration)
    return Answer(
        is_open=False,
        reason=Reason.EXPIRED,
        may_be_overruled=registration.may_overrule,
        is_recorded=True,
    )


def guard(visitor: Visitor, number: str = "g-07") -> Visitor:
    assert visitor.sign_in(number).headers["location"] == "/manual"
    visitor.get("/manual")
    return visitor


# --- By hand ------------------------------------------------------------------------------------


def test_a_guard_registers_somebody_and_the_portal_opens(visitor: Visitor, site: PanelSite) -> None:
    response = guard(visitor).post("/manual", GOOD | {"subject": "Visitor 17"})
    assert "Opened and recorded." in response.text
    assert site.registered == [
        Registration(
            portal=NORTH,
            way=Way.IN,
            code="DW0X",
            subject="Visitor 17",
            cause=Cause.PHONE_DEAD,
            note="",
            actor="g-07",
        )
    ]
    assert site.told == [(EventCode.PANEL_SIGNED_IN, "staff number g-07, for manual")]


def test_a_refusal_is_told_in_words_and_cannot_be_overruled_by_everybody(
    visitor: Visitor, site: PanelSite
) -> None:
    site.answer = refused
    response = guard(visitor).post("/manual", GOOD)
    assert "This code has expired." in response.text
    assert "Ask the issuing desk to renew it." in response.text
    assert "Open nevertheless" not in response.text
    forced = visitor.post("/manual/overrule", {"pending": "guessed", "note": "let me"})
    assert forced.status_code == 409
    assert not any(each.overrules for each in site.registered)


def test_who_may_overrule_does_so_once_and_says_why(visitor: Visitor, site: PanelSite) -> None:
    site.answer = refused
    guard(visitor, "g-08").post("/manual", GOOD)
    silent = visitor.post("/manual/overrule", {"note": "  "})
    assert silent.status_code == 422
    assert "Write what the reason was." in silent.text
    opened = visitor.post("/manual/overrule", {"note": "I know her"})
    assert "Opened and recorded." in opened.text
    last = site.registered[-1]
    assert (last.overrules, last.note, last.actor) == (True, "I know her", "g-08")
    again = visitor.post("/manual/overrule", {"note": "I know her"})
    assert again.status_code == 409
    assert sum(each.overrules for each in site.registered) == 1


def test_a_guard_who_lost_the_right_to_overrule_meanwhile_signs_in_again(
    visitor: Visitor, site: PanelSite
) -> None:
    site.answer = refused
    guard(visitor, "g-08").post("/manual", GOOD)
    site.staff.put(member("g-08", Ability.REGISTER))
    assert visitor.post("/manual/overrule", {"note": "x"}).headers["location"].startswith("/sign")
    assert not any(each.overrules for each in site.registered)


def test_what_is_missing_is_said_at_its_field_and_what_was_typed_stays(
    visitor: Visitor, site: PanelSite
) -> None:
    response = guard(visitor).post("/manual", {"portal": "north", "note": "<b>wet</b>"})
    assert response.status_code == 422
    for words in ("Choose a direction.", "Choose why it is done by hand.", "Give a code, or say"):
        assert words in response.text
    assert "&lt;b&gt;wet&lt;/b&gt;" in response.text
    assert "<b>wet" not in response.text
    assert site.registered == []


@pytest.mark.parametrize("also", [Ability(0), Ability.SERVICE])
def test_a_guard_who_also_services_finds_the_way_there(
    visitor: Visitor, site: PanelSite, also: Ability
) -> None:
    site.staff.put(member("g-08", Ability.REGISTER | also))
    page = guard(visitor, "g-08").get("/manual").text
    assert ('<a href="/service">' in page) == bool(also)


def test_a_guard_is_not_sent_to_the_guard(visitor: Visitor, site: PanelSite) -> None:
    site.answer = lambda _: Answer(
        is_open=False, reason=Reason.NO_CODE, may_be_overruled=True, is_recorded=True
    )
    signed_in = guard(visitor, "g-08")
    page = signed_in.post("/manual", GOOD | {"note": "left at home"}).text
    assert "No code was shown." in page
    assert 'class="then"' not in page
    site.answer = refused
    signed_in.get("/manual")
    assert 'class="then"' in signed_in.post("/manual", GOOD).text


def test_a_gateway_that_does_not_answer_is_told_as_not_opening(
    visitor: Visitor, site: PanelSite
) -> None:
    site.answer = None
    response = guard(visitor).post("/manual", GOOD)
    assert (response.status_code, site.registered) == (503, [])
    assert "Nothing is opened by this entry." in response.text


def test_a_gateway_that_cannot_record_says_so(visitor: Visitor, site: PanelSite) -> None:
    site.answer = lambda _: Answer(
        is_open=False, reason=Reason.NOT_RECORDED, may_be_overruled=False, is_recorded=False
    )
    assert "cannot record" in guard(visitor).post("/manual", GOOD).text


def test_a_paper_form_goes_on_record_with_its_own_time(visitor: Visitor, site: PanelSite) -> None:
    guard(visitor).get("/manual/paper")
    form = GOOD | {"happened": "2027-01-15T09:30", "cause": "power_failed", "portal": "south"}
    response = visitor.post("/manual/paper", form)
    assert "The paper form is on record." in response.text
    (entered,) = site.registered
    assert entered.happened_utc_ms == (START_S - int(6.5 * 3600)) * 1000
    assert (entered.portal, entered.is_paper) == (SOUTH, True)


@pytest.mark.parametrize("happened", ["", "2027-01-16T09:30", "2025-01-01T00:00", "noon"])
def test_a_paper_form_without_a_sensible_time_is_not_taken(
    visitor: Visitor, site: PanelSite, happened: str
) -> None:
    guard(visitor).get("/manual/paper")
    response = visitor.post("/manual/paper", GOOD | {"happened": happened})
    assert (response.status_code, site.registered) == (422, [])


def test_without_the_sites_time_no_paper_form_is_taken(visitor: Visitor, site: PanelSite) -> None:
    site.offset_s = None
    guard(visitor).get("/manual/paper")
    response = visitor.post("/manual/paper", GOOD | {"happened": "2027-01-15T09:30"})
    assert (response.status_code, site.registered) == (503, [])


def test_a_site_that_allows_no_words_about_people_has_no_field_for_them(site: PanelSite) -> None:
    site.subject = Subject.NONE
    with site.running() as panel, Visitor(site, panel.ports[0]) as visitor:
        text = guard(visitor).get("/manual").text
        assert 'name="subject"' not in text
        visitor.post("/manual", GOOD | {"subject": "Grace Hopper"})
    assert site.registered[0].subject == ""


# --- Who may do what ----------------------------------------------------------------------------


def test_a_technician_is_no_guard_and_a_guard_no_technician(
    visitor: Visitor, site: PanelSite
) -> None:
    assert visitor.sign_in("t-1").headers["location"] == "/service"
    assert visitor.get("/manual").status_code == 403
    visitor.get("/service")
    assert visitor.post("/manual", GOOD).status_code == 403
    visitor.client.cookies.clear()
    guard(visitor)
    assert visitor.get("/service").status_code == 403
    assert visitor.post("/service", {"what": "x"}).status_code == 403
    assert (site.registered, site.records) == ([], [])


def test_an_entry_that_is_over_does_not_sign_in_and_ends_what_it_had(
    visitor: Visitor, site: PanelSite
) -> None:
    site.staff.put(member("g-07", Ability.REGISTER, not_after=START_S + 300))
    guard(visitor)
    site.clock.pass_s(300)
    assert visitor.post("/manual", GOOD).status_code == 403
    visitor.client.cookies.clear()
    assert visitor.sign_in("g-07").status_code == 401
    site.clock.trust = ClockTrust.UNKNOWN
    assert visitor.sign_in("g-07").status_code == 303
    assert site.registered == []


@pytest.mark.parametrize("change", ["gone", "pin"])
def test_a_new_staff_list_ends_the_sessions_of_those_it_changes(
    visitor: Visitor, site: PanelSite, change: str
) -> None:
    guard(visitor)
    if change == "gone":
        del site.staff.members["g-07"]
    else:
        other = member("g-07", Ability.REGISTER, not_after=START_S + 9_999)
        site.staff.put(other)
    assert visitor.get("/manual").headers["location"] == "/sign-in/manual"


def test_a_session_ends_when_nobody_uses_it_and_after_a_shift(
    visitor: Visitor, site: PanelSite
) -> None:
    guard(visitor)
    site.clock.pass_s(IDLE_MS / 1000 + 1)
    assert visitor.get("/manual").status_code == 303
    guard(visitor)
    for _ in range(LONGEST_MS // IDLE_MS):
        site.clock.pass_s(IDLE_MS / 1000 - 5)
        visitor.get("/manual")
    site.clock.pass_s(IDLE_MS / 1000 - 5)
    assert visitor.get("/manual").status_code == 303


def test_who_signs_out_is_out(visitor: Visitor) -> None:
    guard(visitor)
    cookies = dict(visitor.client.cookies)
    assert visitor.post("/sign-out", {}).status_code == 303
    visitor.client.cookies.clear()
    visitor.client.cookies.update(cookies)
    assert visitor.get("/manual").status_code == 303


def test_before_the_first_list_nobody_signs_in_and_the_page_says_why(
    visitor: Visitor, site: PanelSite
) -> None:
    site.staff.members.clear()
    site.staff.version = 0
    assert "no staff list yet" in visitor.get("/sign-in/manual").text
    assert visitor.sign_in("g-07").status_code == 401


# --- Maintenance --------------------------------------------------------------------------------

WORK = {
    "what": "更换门锁",
    "part": "Strike 12 V",
    "serial_old": "A-17",
    "serial_new": "B-4471",
    "minutes": "35",
    "remarks": 'bent; "fixed"',
}


def test_what_a_technician_did_is_recorded_and_kept_here(visitor: Visitor, site: PanelSite) -> None:
    visitor.sign_in("t-1", "service")
    visitor.get("/service")
    assert visitor.post("/service", WORK).headers["location"] == "/service?done=saved"
    (record,) = site.records
    assert (record.kind, record.reason, record.actor) == (RecordKind.SERVICE, "serviced", "t-1")
    assert json.loads(record.detail) == WORK | {"minutes": 35}
    (entry,) = site.service.entries
    assert (entry.epoch, entry.seq, entry.minutes, entry.who) == (EPOCH, 1, 35, "t-1")


def test_an_entry_waits_until_the_controller_has_it(visitor: Visitor, site: PanelSite) -> None:
    site.service.entries = [site.entry()]
    site.pending = ((1, 1),)
    visitor.sign_in("t-1", "service")
    assert "Waiting" in visitor.get("/service").text
    site.pending = ()
    assert "Delivered" in visitor.get("/service").text
    site.service.entries = [site.entry(epoch=0, seq=0)]
    assert "Waiting" in visitor.get("/service").text


@pytest.mark.parametrize(
    "changes",
    [
        {"what": ""},
        {"what": "x" * 81},
        {"minutes": "-1"},
        {"minutes": "1441"},
        {"minutes": "٣"},
        {"minutes": "9" * 5000},
        {"remarks": '"' * 160, "what": '"' * 80, "part": '"' * 40, "serial_old": '"' * 40},
    ],
)
def test_what_no_record_can_hold_is_not_taken(
    visitor: Visitor, site: PanelSite, changes: dict[str, str]
) -> None:
    visitor.sign_in("t-1", "service")
    visitor.get("/service")
    assert visitor.post("/service", WORK | changes).status_code == 422
    assert (site.records, site.service.entries) == ([], [])


def test_the_longest_entry_fits_a_record(visitor: Visitor, site: PanelSite) -> None:
    visitor.sign_in("t-1", "service")
    visitor.get("/service")
    long = {
        "what": "换" * 80,
        "part": "件" * 40,
        "serial_old": "号" * 40,
        "serial_new": "号" * 40,
        "remarks": "注" * 160,
        "minutes": "1440",
    }
    assert visitor.post("/service", long).status_code == 303
    assert len(site.records) == 1


def test_without_a_record_nothing_is_kept_here(
    visitor: Visitor, site: PanelSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = RecordOutcome(state=Recorded.FAILED)
    monkeypatch.setattr(PanelSite, "record", lambda _self, _record: failed)
    with site.running() as panel, Visitor(site, panel.ports[0]) as other:
        other.sign_in("t-1", "service")
        other.get("/service")
        assert other.post("/service", WORK).status_code == 503
    assert site.service.entries == []


def test_meters_are_shown_in_units_that_people_count_in(visitor: Visitor, site: PanelSite) -> None:
    site.meters = {"scans": 1234, "seconds": 7300, "lock_cycles.north": 5, "bytes_written": 2**21}
    visitor.sign_in("t-1", "service")
    text = visitor.get("/service").text
    for words in ("1,234", "Hours in service", "Lock cycles, north", "MiB written"):
        assert words in text
    assert ">2<" in text


# --- Words and what is not written down ---------------------------------------------------------


@pytest.mark.parametrize("key", TEXTS)
def test_every_text_is_there_in_both_languages_with_the_same_values(key: str) -> None:
    en, zh = TEXTS[key]
    assert en
    assert zh
    assert {part for part in en.split() if part.startswith("{")} <= set(en.split())
    for name in ("minutes", "seconds", "who", "most", "portal"):
        assert (f"{{{name}}}" in en) == (f"{{{name}}}" in zh)


@pytest.mark.parametrize(
    ("chosen", "accepted", "language"),
    [
        ("", "zh-CN,zh;q=0.9", Language.CHINESE),
        ("", "en-GB,zh;q=0.9", Language.ENGLISH),
        ("", "", Language.ENGLISH),
        ("en", "zh-CN", Language.ENGLISH),
        ("zh-Hans", "en", Language.CHINESE),
        ("klingon", "zh", Language.CHINESE),
    ],
)
def test_a_page_speaks_what_was_chosen_else_what_the_browser_reads(
    chosen: str, accepted: str, language: Language
) -> None:
    assert language_of(chosen, accepted) is language
    assert Words(language).language is language


def test_the_language_that_was_chosen_stays(visitor: Visitor) -> None:
    visitor.get("/?language=zh-Hans")
    assert "人工登记" in visitor.get("/").text


def test_neither_people_nor_pins_are_in_the_log(
    visitor: Visitor, site: PanelSite, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        visitor.sign_in("g-07", pin="13572468")
        guard(visitor).post("/manual", GOOD | {"subject": "Hopper 17", "note": "a friend"})
    written = caplog.text
    assert not any(word in written for word in (PIN, "13572468", "Hopper", "friend", "DW0X"))


def test_a_page_that_does_not_exist_says_so_in_words(panel: Panel, visitor: Visitor) -> None:
    assert panel.problems == ()
    response = visitor.get("/nothing")
    assert (response.status_code, "There is no such page." in response.text) == (404, True)
