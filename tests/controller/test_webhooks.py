"""Webhooks: nothing lost, nothing told that did not happen, in order, signed, never inwards."""

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from doorward.credential import CredentialClass, Form
from doorward.reasons import Severity
from doorward_controller.app import API_ROOT, create_app
from doorward_controller.config import Webhooks
from doorward_controller.domain.alert_rules import Key, Rule, RuleKind
from doorward_controller.domain.alert_texts import Fact
from doorward_controller.domain.delivery_formats import WebRequest
from doorward_controller.domain.permissions import Action, Role
from doorward_controller.domain.webhook_events import (
    CHOICES,
    OFF_AFTER_S,
    PAUSES_S,
    REFUSED_AT_MOST,
    EventType,
    needed_for,
    told_by,
)
from doorward_controller.errors import ActError, ForbiddenError, InvalidError
from doorward_controller.queries import webhooks as shown
from doorward_controller.services import (
    accounts,
    alerting,
    holders,
    issuing,
    revocation,
    web_sending,
    webhook_delivering,
    webhook_outbox,
    webhooks,
)
from doorward_controller.services.acting import act
from doorward_controller.services.alerting import Raised
from doorward_controller.services.backend import Backend
from doorward_controller.services.delivering import Deliveries
from doorward_controller.services.holders import HolderFields
from doorward_controller.services.issuing import IssueRequest
from doorward_controller.services.web_sending import SendError
from doorward_controller.services.webhooks import WebhookSettings
from doorward_controller.store import webhooks as rows
from doorward_controller.store.alert_tables import alerts
from doorward_controller.store.intake import RecordInsert
from doorward_controller.store.integration_tables import webhook_events
from tests.controller.conftest import ADMIN, AUDITOR, ISSUER, SECURITY, StandingClock, enrol
from tests.fakes.journal_gateway import AT_UTC_MS
from tests.fakes.receivers import WebReceiver, web_receiver
from tests.fakes.running_server import running

NOW_S = AT_UTC_MS // 1000
DURESS = Rule(
    code="event.duress", kind=RuleKind.EVENT, what="duress", severity=Severity.ALARM,
    is_discreet=True,
)  # fmt: skip
LOST = Rule(code="state.lost", kind=RuleKind.STATE, what="lost", severity=Severity.ALARM)


@pytest.fixture
def open_backend(backend: Backend) -> Backend:
    """A controller that may post to this machine: the receivers are here."""
    allowed = Webhooks(allow_insecure=True, allow_private_addresses=True)
    object.__setattr__(backend.config, "webhooks", allowed)
    return backend


def add(backend: Backend, url: str, *events: EventType) -> tuple[int, str]:
    wanted = events or tuple(e for e in CHOICES if not e.value.startswith("work_order"))
    settings = WebhookSettings(name="building", url=url, events=wanted)
    return webhooks.add_webhook(backend, SECURITY, settings)


def badge(backend: Backend) -> str:
    request = IssueRequest(
        credential_class=CredentialClass.VISITOR,
        form=Form.BADGE,
        not_before=NOW_S,
        expires=NOW_S + 90 * 86_400,
    )
    return issuing.issue(backend, ISSUER, request).credential_id


def deliver(backend: Backend) -> int:
    """One look, with the work done here and now."""
    with backend.store.read() as connection:
        heads = rows.heads(connection, backend.clock.now().utc_ms)
    return sum(webhook_delivering.drain(backend, head, within_s=5) for head in heads)


def revoke_and_refuse(backend: Backend) -> None:
    with act(backend, SECURITY, Action.REVOKE, name="revoke", subject="ab") as doing:
        doing.detail["codes"] = 1
        raise ActError("changed my mind")


def told(receiver: WebReceiver) -> list[dict[str, Any]]:
    return [json.loads(posted.body) for posted in receiver.posted]


def one(backend: Backend) -> shown.WebhookRow:
    (row,) = shown.webhooks_of(backend.store)
    return row


def test_what_is_revoked_is_told_signed_and_once(open_backend: Backend) -> None:
    with web_receiver() as receiver:
        _, secret = add(open_backend, receiver.address)
        code = badge(open_backend)
        revocation.revoke(open_backend, SECURITY, [code], "Mei Lin lost it")
        assert deliver(open_backend) == 2
        assert deliver(open_backend) == 0
    issued, revoked = told(receiver)
    assert (issued["type"], issued["data"]["credential"]) == ("credential.issued", code)
    assert revoked["type"] == "credential.revoked"
    assert revoked["data"].pop("status_seq") > 0
    assert revoked["data"] == {"site": "main", "credentials": [code], "codes": 1}
    assert "Mei" not in str(told(receiver)), "a reason in words may name somebody"
    posted = receiver.posted[1]
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{posted.headers['webhook-id']}.{posted.headers['webhook-timestamp']}.".encode()
    digest = base64.b64encode(hmac.digest(key, signed + posted.body, hashlib.sha256)).decode()
    assert posted.headers["webhook-signature"] == f"v1,{digest}"


def test_what_was_refused_or_rolled_back_is_not_told(open_backend: Backend) -> None:
    with web_receiver() as receiver:
        add(open_backend, receiver.address)
        with pytest.raises(ForbiddenError):
            revocation.revoke(open_backend, AUDITOR, ["00" * 8], "no")
        with pytest.raises(ActError):
            revoke_and_refuse(open_backend)
        assert deliver(open_backend) == 0


def test_nothing_is_written_while_nobody_wants_to_know(open_backend: Backend) -> None:
    badge(open_backend)
    add(open_backend, "https://example.org/x", EventType.POLICY_RELEASED)
    badge(open_backend)
    with open_backend.store.read() as connection:
        assert connection.execute(sa.select(webhook_events.c.type)).all() == []


def test_a_process_that_dies_between_commit_and_sending_loses_nothing(
    open_backend: Backend, clock: StandingClock
) -> None:
    with web_receiver() as receiver:
        add(open_backend, receiver.address)
        code = badge(open_backend)
        with open_backend.store.read() as connection:
            (head,) = rows.heads(connection, clock.now().utc_ms)
        with open_backend.store.write() as connection:  # the claim, and then the power is cut
            assert rows.claim(connection, head, clock.now().utc_ms + 60_000)
        assert deliver(open_backend) == 0, "another process may be at it"
        clock.pass_s(61)
        assert deliver(open_backend) == 1
        assert told(receiver)[0]["data"]["credential"] == code


def test_events_wait_in_order_behind_one_that_its_receiver_does_not_take(
    open_backend: Backend, clock: StandingClock
) -> None:
    with web_receiver(503, 200) as receiver:
        add(open_backend, receiver.address)
        codes = [badge(open_backend) for _ in range(3)]
        assert deliver(open_backend) == 0
        assert deliver(open_backend) == 0, "its pause is not over"
        clock.pass_s(PAUSES_S[0])
        assert deliver(open_backend) == 3
    arrived = [each["data"]["credential"] for each in told(receiver)]
    assert arrived == [codes[0], *codes]
    ids = [posted.headers["webhook-id"] for posted in receiver.posted]
    assert ids[0] == ids[1], "a second attempt has the same id"
    assert len(set(ids)) == 3


def test_an_event_that_its_receiver_calls_wrong_holds_nothing_back_for_ever(
    open_backend: Backend, clock: StandingClock
) -> None:
    with web_receiver(*[422] * REFUSED_AT_MOST, 200) as receiver:
        add(open_backend, receiver.address)
        first, second = badge(open_backend), badge(open_backend)
        for _ in range(REFUSED_AT_MOST):
            deliver(open_backend)
            clock.pass_s(PAUSES_S[-1])
        assert deliver(open_backend) == 1
        arrived = [each["data"]["credential"] for each in told(receiver)]
        assert arrived == [first] * REFUSED_AT_MOST + [second]
        assert webhooks.resend(open_backend, SECURITY, one(open_backend).id) == 1
        assert deliver(open_backend) == 1
        assert told(receiver)[-1]["data"]["credential"] == first
        assert webhooks.resend(open_backend, SECURITY, one(open_backend).id) == 0


def test_who_takes_nothing_for_days_is_switched_off_with_an_alert_and_keeps_what_waits(
    open_backend: Backend, clock: StandingClock
) -> None:
    with web_receiver(500) as receiver:
        number, _ = add(open_backend, receiver.address)
        code = badge(open_backend)
        attempts = 0
        while one(open_backend).is_on:
            deliver(open_backend)
            clock.pass_s(PAUSES_S[-1])
            attempts += 1
            assert attempts < 100
        assert clock.now().utc_s - NOW_S >= OFF_AFTER_S
        assert "answered 500" in one(open_backend).off_because
    with open_backend.store.read() as connection:
        (raised,) = connection.execute(sa.select(alerts)).all()
    assert (raised.rule_code, raised.subject) == ("site.webhook_off", f"webhook-{number}")
    badge(open_backend)
    assert one(open_backend).waiting == 1, "off means off: nothing new is written for it"
    with web_receiver() as receiver:
        settings = WebhookSettings(
            name="building", url=receiver.address, events=(EventType.CREDENTIAL_ISSUED,)
        )
        webhooks.change_webhook(open_backend, SECURITY, number, settings)
        webhooks.switch_webhook(open_backend, SECURITY, number, is_on=True)
        assert deliver(open_backend) == 1
        assert told(receiver)[0]["data"]["credential"] == code


def test_who_answers_gone_is_switched_off_at_once(open_backend: Backend) -> None:
    with web_receiver(410) as receiver:
        add(open_backend, receiver.address)
        badge(open_backend)
        deliver(open_backend)
    assert not one(open_backend).is_on


def test_one_success_begins_the_days_anew(open_backend: Backend, clock: StandingClock) -> None:
    with web_receiver(500, 200, 500, 200) as receiver:
        add(open_backend, receiver.address)
        badge(open_backend)
        deliver(open_backend)
        clock.pass_s(OFF_AFTER_S - 10)
        assert deliver(open_backend) == 1
        assert one(open_backend).failing_since_utc_ms is None
        badge(open_backend)
        deliver(open_backend)
        clock.pass_s(PAUSES_S[0])
        assert deliver(open_backend) == 1
    assert one(open_backend).is_on


def test_a_new_secret_signs_beside_the_old_one_for_a_day(
    open_backend: Backend, clock: StandingClock
) -> None:
    with web_receiver() as receiver:
        number, old = add(open_backend, receiver.address)
        new = webhooks.rotate_secret(open_backend, SECURITY, number)
        assert new != old
        for _ in range(2):
            webhooks.test_webhook(open_backend, SECURITY, number)
            deliver(open_backend)
            clock.pass_s(webhooks.OLD_SECRET_S)
    during, after = (posted.headers["webhook-signature"].split() for posted in receiver.posted)
    assert (len(during), len(after)) == (2, 1)


def test_alerts_are_told_and_discreet_ones_are_not(open_backend: Backend) -> None:
    enrol(open_backend)
    with web_receiver() as receiver:
        add(open_backend, receiver.address)
        now = open_backend.clock.now()
        with open_backend.store.write() as connection:
            for rule in (DURESS, LOST):
                fact = Fact(kind=rule.kind, what=rule.what, place="gate-1")
                raised = Raised(
                    rule=rule, subject="gate-1", gateway="gate-1", severity=rule.severity, fact=fact
                )
                alerting.raise_alert(connection, raised, now)
            alerting.clear_alert(connection, Key("state.lost", "gate-1"), LOST, now)
        deliver(open_backend)
    assert [each["type"] for each in told(receiver)] == [
        "alert.opened", "gateway.lost", "alert.resolved", "gateway.back",
    ]  # fmt: skip
    assert "duress" not in str(told(receiver))


def test_scans_are_told_by_number_with_what_was_decided(open_backend: Backend) -> None:
    enrol(open_backend)
    row = RecordInsert(
        gateway_id=1, epoch=7, seq=3, received_at_utc_ms=AT_UTC_MS, at_utc_ms=AT_UTC_MS - 5,
        kind=1, outcome=0, reason="revoked", portal="gate-1-door", credential_id=bytes(8),
        body=b"", chain=b"",
    )  # fmt: skip
    with web_receiver() as receiver:
        add(open_backend, receiver.address, EventType.SCAN_REFUSED)
        with open_backend.store.write() as connection:
            webhook_outbox.note_scans(connection, [row], AT_UTC_MS)
        deliver(open_backend)
    (scan,) = told(receiver)
    assert scan["data"] == {
        "site": "main", "gateway": "gate-1", "portal": "gate-1-door", "epoch": "000000000007",
        "seq": 3, "at_utc_ms": AT_UTC_MS - 5, "reason": "revoked", "credential": "00" * 8,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("act_name", "detail"),
    [
        ("release_policy", {}),
        ("directory_change", {"changed": "name"}),
        ("sign_in", {}),
        ("read_personal", {}),
    ],
)
def test_acts_that_tell_nobody_anything(act_name: str, detail: dict[str, str]) -> None:
    assert told_by(act_name, "x", detail) is None


def test_no_event_holds_words_that_somebody_typed() -> None:
    """Reasons, notes and names stay in the log; what is told is chosen field by field."""
    typed = dict.fromkeys(("reason", "note", "title", "name", "label", "why"), "Mei Lin")
    for name in (
        "revoke", "suspend", "restore", "bulk_revoke", "revoke_gateway", "order_posture",
        "end_posture", "move_order", "handle_alert", "issue", "directory_remove", "add_holder",
    ):  # fmt: skip
        found = told_by(name, "1", {**typed, "left": True, "order": 1, "version": 1})
        assert found is not None
        assert "Mei" not in str(found)


def test_nobody_has_others_told_of_what_they_may_not_see(open_backend: Backend) -> None:
    settings = WebhookSettings(
        name="x", url="https://example.org/", events=(EventType.SCAN_REFUSED,)
    )
    with pytest.raises(ForbiddenError) as refused:
        webhooks.add_webhook(open_backend, ADMIN, settings)
    assert refused.value.code == "event_not_yours"
    number, _ = webhooks.add_webhook(open_backend, SECURITY, settings)
    moved = WebhookSettings(name="x", url="https://evil.example/", events=(EventType.ALERT_OPENED,))
    with pytest.raises(ForbiddenError):
        webhooks.change_webhook(open_backend, ADMIN, number, moved)
    assert one(open_backend).shown == "example.org"
    assert all(needed_for(event) for event in EventType)


@pytest.mark.parametrize(
    "url",
    ["http://example.org/", "ftp://example.org/", "https://a:b@example.org/", "https:///x", "x"],
)
def test_addresses_that_are_none_are_refused(backend: Backend, url: str) -> None:
    with pytest.raises(InvalidError):
        add(backend, url, EventType.ALERT_OPENED)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "localhost", "[::1]", "10.0.0.1", "192.168.1.1", "172.16.0.1",
        "169.254.169.254", "[fe80::1]", "[fc00::1]", "100.64.0.1", "0.0.0.0", "[::ffff:10.0.0.1]",
        "[64:ff9b::a00:1]", "[2002:a00:1::]", "2130706433", "0x7f000001",
    ],
)  # fmt: skip
def test_no_webhook_reaches_inwards(host: str) -> None:
    request = WebRequest(url=f"https://{host}/", body=b"", headers={})
    with pytest.raises(SendError, match=r"not allowed|not known"):
        web_sending.post(request, allow_insecure=False, allow_private=False, within_s=2)


def test_a_receiver_of_alerts_may_still_stand_in_the_building() -> None:
    assert web_sending.is_allowed("192.168.1.1")
    assert not web_sending.is_allowed("192.168.1.1", allow_private=False)
    assert web_sending.is_allowed("8.8.8.8", allow_private=False)


def test_the_thread_delivers_and_one_that_hangs_delays_nobody(open_backend: Backend) -> None:
    held = threading.Event()

    def hang() -> None:
        held.wait(20)

    with (
        web_receiver(before=hang) as slow,
        web_receiver() as quick,
    ):
        add(open_backend, slow.address, EventType.CREDENTIAL_ISSUED)
        add(open_backend, quick.address, EventType.CREDENTIAL_ISSUED)
        deliveries = Deliveries(open_backend, look_s=0.05)
        deliveries.start()
        badge(open_backend)
        badge(open_backend)
        end = threading.Event()
        for _ in range(400):
            if len(quick.posted) == 2 and len(slow.posted) == 1:
                break
            end.wait(0.05)
        held.set()
        deliveries.stop()
        assert (len(quick.posted), len(slow.posted)) >= (2, 1)


def test_old_events_are_forgotten(open_backend: Backend, clock: StandingClock) -> None:
    with web_receiver() as receiver:
        add(open_backend, receiver.address)
        badge(open_backend)
        deliver(open_backend)
        clock.pass_s(webhook_delivering.KEEP_S - 1)
        assert webhook_delivering.prune(open_backend) == 0
        clock.pass_s(2)
        assert webhook_delivering.prune(open_backend) == 1
        assert shown.deliveries(open_backend.store, one(open_backend).id).items == ()


def test_who_lets_too_much_wait_is_switched_off(
    open_backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook_delivering, "MAX_WAITING", 2)
    add(open_backend, "https://example.org/x")
    for _ in range(3):
        badge(open_backend)
    webhook_delivering.prune(open_backend)
    assert (one(open_backend).is_on, one(open_backend).off_because) == (False, "3 events wait")


@pytest.fixture
def manager(open_backend: Backend) -> Iterator[httpx.Client]:
    accounts.create_operator(
        open_backend, ADMIN, name="sam", password="correct horse battery", role=Role.SECURITY
    )
    token = accounts.create_token(open_backend, ADMIN, operator="sam", label="t", lifetime_s=3600)
    with (
        running(create_app(open_backend), open_backend.feed) as at,
        httpx.Client(
            base_url=f"{at}{API_ROOT}",
            headers={"Authorization": f"Bearer {token}"},
            trust_env=False,
            timeout=20,
        ) as client,
    ):
        yield client


def test_the_interface_does_all_of_it(manager: httpx.Client, open_backend: Backend) -> None:
    with web_receiver(500, 200) as receiver:
        body = {"name": "bms", "url": receiver.address, "events": ["person.added"]}
        made = manager.post("/webhooks", json=body)
        assert made.status_code == 201
        at = f"/webhooks/{made.json()['id']}"
        row = manager.get(at)
        assert made.json()["secret"] not in row.text + manager.get("/webhooks").text
        assert row.json()["events"] == ["person.added"]
        holders.add_holder(open_backend, ISSUER, HolderFields(name="Mei Lin"))
        assert manager.post(f"{at}/test").status_code == 202
        deliver(open_backend)
        (waiting, tried) = manager.get(f"{at}/deliveries").json()["items"]
        assert (tried["state"], tried["attempts"], waiting["attempts"]) == ("waiting", 1, 0)
        assert tried["answer"] == "answered 500: "
        changed = {**body, "name": "building", "events": ["person.added", "person.left"]}
        assert manager.put(at, json=changed).status_code == 428
        match = {"If-Match": row.headers["ETag"]}
        assert manager.put(at, json=changed, headers=match).status_code == 204
        assert manager.put(at, json=changed, headers=match).status_code == 412
        assert manager.post(f"{at}/secret").json()["secret"].startswith("whsec_")
        assert manager.post(f"{at}/switch", json={"is_on": False}).status_code == 204
        assert manager.post(f"{at}/test").json()["code"] == "webhook_off"
        manager.post(f"{at}/switch", json={"is_on": True})
        again = manager.post(f"{at}/deliveries/{tried['id']}/resend")
        assert again.json() == {"resent": 1}
        assert manager.post(f"{at}/deliveries/999/resend").status_code == 404
        assert manager.post(f"{at}/resend").json() == {"resent": 0}
        assert "Mei" not in str(told(receiver))
        assert manager.delete(at).status_code == 204
        assert manager.get(at).status_code == 404
        types = manager.get("/webhook-events").json()["items"]
        assert {each["type"] for each in types} == {event.value for event in CHOICES}
