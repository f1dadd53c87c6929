"""Deliveries to receivers that are really there: signed, retried, and never held up by another."""

import base64
import hashlib
import hmac
import json
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import message_from_string, policy
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from doorward.reasons import Severity
from doorward_controller.broker.authority import Authority
from doorward_controller.config import Alerts
from doorward_controller.domain.alert_life import PAUSES_S
from doorward_controller.domain.alert_rules import Rule, RuleKind
from doorward_controller.domain.alert_texts import Fact, Tongue
from doorward_controller.domain.delivery_formats import (
    AlertMessage,
    ReceiverKind,
    WebRequest,
    dingtalk,
    robot_refusal,
    secret_bytes,
    signature,
    wecom,
)
from doorward_controller.errors import ForbiddenError, InvalidError, NotFoundError
from doorward_controller.queries import alerts
from doorward_controller.queries.alerts import DeliveryRow
from doorward_controller.services import alerting, mail_sending, receivers, web_sending
from doorward_controller.services.alerting import Raised
from doorward_controller.services.backend import Backend
from doorward_controller.services.delivering import Deliveries, attempt
from doorward_controller.services.mail_sending import MailRoute
from doorward_controller.services.receivers import ReceiverSettings
from doorward_controller.services.web_sending import SendError
from doorward_controller.store import receivers as rows
from doorward_controller.store.alert_tables import alert_receivers
from tests.controller.conftest import AUDITOR, SECURITY, StandingClock
from tests.fakes.receivers import dripping_server, mail_receiver, silent_server, web_receiver

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
MESSAGE = AlertMessage(
    id="alert-main-1", about="opened", at_utc_ms=1_790_000_000_000, title="Alarm · gate-1",
    lines=("Site: main",), data={"alert": 1},
)  # fmt: skip
FORCED = Rule(code="event.forced", kind=RuleKind.EVENT, what="forced", severity=Severity.ALARM)
WAIT_S = 15.0


def wait_for(what: Callable[[], bool]) -> None:
    end = time.monotonic() + WAIT_S
    while not what():
        assert time.monotonic() < end, "did not happen in time"
        time.sleep(0.02)


def opened_up(backend: Backend) -> Backend:
    """Lets webhooks go to this machine, which is where the receivers of these tests are."""
    object.__setattr__(
        backend,
        "config",
        backend.config.model_copy(update={"alerts": Alerts(allow_insecure_receivers=True)}),
    )
    return backend


def hook(backend: Backend, address: str, name: str = "hook", **more: object) -> int:
    settings = ReceiverSettings(
        name=name,
        kind=ReceiverKind.WEBHOOK,
        route={"url": f"{address}/hook", "secret": SECRET},
        **more,  # type: ignore[arg-type]
    )
    return receivers.add_receiver(backend, SECURITY, settings)


def raise_forced(backend: Backend, gateway: str = "gate-1", rule: Rule = FORCED) -> int:
    fact = Fact(kind=rule.kind, what=rule.what, place=f"{gateway} · door")
    raised = Raised(
        rule=rule, subject=f"{gateway}/door", gateway=gateway, severity=rule.severity, fact=fact
    )
    with backend.store.write() as connection:
        return alerting.raise_alert(connection, raised, backend.clock.now())


def deliver(backend: Backend, within_s: float = 5.0) -> list[bool]:
    """Makes every attempt that is due."""
    with backend.store.read() as connection:
        due = rows.due(connection, backend.clock.now().utc_ms)
    return [attempt(backend, each, within_s) for each in due]


def newest(backend: Backend) -> DeliveryRow:
    return alerts.deliveries(backend.store)[0]


def test_a_webhook_is_signed_as_the_standard_says(backend: Backend) -> None:
    opened_up(backend)
    with web_receiver(200) as receiver:
        hook(backend, receiver.address)
        raise_forced(backend)
        assert deliver(backend) == [True]
    (posted,) = receiver.posted
    headers, now_s = posted.headers, backend.clock.now().utc_s
    signed = f"{headers['webhook-id']}.{now_s}.".encode() + posted.body
    expected = base64.b64encode(hmac.digest(bytes(range(32)), signed, hashlib.sha256)).decode()
    assert headers["webhook-timestamp"] == str(now_s)
    assert headers["webhook-signature"] == f"v1,{expected}"
    said = json.loads(posted.body)
    assert said["type"] == "alert.opened"
    assert said["data"]["rule"] == "event.forced"
    assert said["data"]["title"].startswith("Alarm · gate-1 · door · Forced open")
    assert newest(backend).state == "delivered"
    assert newest(backend).answer == "answered 200"


def test_the_standards_own_example_gives_its_signature() -> None:
    key = secret_bytes("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    body = b'{"test": 2432232314}'
    found = signature(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)
    assert found == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_what_fails_is_tried_again_with_the_same_id_until_it_is_taken(
    backend: Backend, clock: StandingClock
) -> None:
    opened_up(backend)
    with web_receiver(500, 503, 200) as receiver:
        hook(backend, receiver.address)
        alert_id = raise_forced(backend)
        assert deliver(backend) == [False]
        assert (newest(backend).state, newest(backend).answer) == ("waiting", "answered 500: ")
        assert deliver(backend) == []
        clock.pass_s(PAUSES_S[0])
        assert deliver(backend) == [False]
        clock.pass_s(PAUSES_S[1])
        assert deliver(backend) == [True]
    assert (newest(backend).state, newest(backend).attempts) == ("delivered", 3)
    assert len({each.headers["webhook-id"] for each in receiver.posted}) == 1
    assert [each.alert_id for each in alerts.deliveries(backend.store)] == [alert_id]


def test_what_is_never_taken_is_given_up_and_shown(backend: Backend, clock: StandingClock) -> None:
    opened_up(backend)
    with web_receiver(500) as receiver:
        hook(backend, receiver.address)
        alert_id = raise_forced(backend)
        for pause_s in (*PAUSES_S, 1):
            deliver(backend)
            clock.pass_s(pause_s)
    assert (newest(backend).state, newest(backend).attempts) == ("failed", len(PAUSES_S) + 1)
    assert alerts.history(backend.store, alert_id)[0].what == "not_delivered"
    assert len(receiver.posted) == len(PAUSES_S) + 1


def test_a_receiver_that_hangs_holds_up_nobody_else(sqlite_backend: Backend) -> None:
    backend = opened_up(sqlite_backend)
    release = threading.Event()

    def hold() -> None:
        release.wait(WAIT_S)

    with (
        web_receiver(200, before=hold) as slow,
        web_receiver(200) as quick,
        silent_server() as silent,
    ):
        hook(backend, slow.address, "slow")
        hook(backend, silent, "silent")
        hook(backend, quick.address, "quick")
        deliveries = Deliveries(backend, look_s=0.02, within_s=WAIT_S)
        deliveries.start()
        for n in range(5):
            raise_forced(backend, f"gate-{n}")
        wait_for(lambda: len(quick.posted) == 5)
        assert len(slow.posted) == 1
        release.set()
        wait_for(lambda: len(slow.posted) == 5)
        deliveries.stop()


@pytest.mark.parametrize("server", [silent_server, dripping_server])
def test_an_attempt_ends_in_time_however_slowly_it_is_answered(
    server: Callable[[], object],
) -> None:
    with server() as address:  # type: ignore[attr-defined]
        request = WebRequest(url=f"{address}/", body=b"{}", headers={})
        began = time.monotonic()
        with pytest.raises(SendError):
            web_sending.post(request, allow_insecure=True, within_s=0.4)
        assert time.monotonic() - began < 5


def test_a_redirection_is_not_followed() -> None:
    with web_receiver(302) as receiver:
        request = WebRequest(url=f"{receiver.address}/", body=b"{}", headers={})
        assert web_sending.post(request, allow_insecure=True).status == 302
    assert len(receiver.posted) == 1


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/hook",
        "ftp://example.org/",
        "https://user:word@example.org/",
        "https:///hook",
        "https://example.org:99999/",
        "https://example.org/a b",
        "https://[::1/",
        "file:///etc/passwd",
        "",
    ],
)
def test_an_address_that_is_not_allowed_is_refused(url: str) -> None:
    with pytest.raises(SendError):
        web_sending.check_url(url, allow_insecure=False)


@pytest.mark.parametrize(
    ("address", "is_allowed"),
    [
        ("127.0.0.1", False),
        ("127.9.9.9", False),
        ("::1", False),
        ("::ffff:127.0.0.1", False),
        ("169.254.169.254", False),
        ("fe80::1%eth0", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("10.1.2.3", True),
        ("93.184.216.34", True),
        ("2606:2800:220:1::1", True),
    ],
)
def test_only_other_machines_may_be_posted_to(address: str, *, is_allowed: bool) -> None:
    assert web_sending.is_allowed(address) is is_allowed


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]", "2130706433"])
def test_a_name_of_this_machine_is_not_posted_to(host: str) -> None:
    request = WebRequest(url=f"https://{host}/", body=b"{}", headers={})
    with pytest.raises(SendError, match=r"not allowed|not known"):
        web_sending.post(request, allow_insecure=False)


@pytest.fixture(scope="module")
def server_tls(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    folder: Path = tmp_path_factory.mktemp("authority")
    now = datetime.now(UTC)
    authority = Authority.create(folder, now=now, valid_for=timedelta(days=1))
    server = authority.issue_server(now=now)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(server.certificate_file, server.key_file)
    return context


def route(port: int, host: str = "127.0.0.1", **more: str) -> MailRoute:
    return MailRoute(
        host=host, port=port, sender="doorward@example.org", to=("a@example.org", "b@example.org"),
        **more,
    )  # fmt: skip


def test_a_letter_goes_by_starttls_where_it_is_offered(server_tls: ssl.SSLContext) -> None:
    with mail_receiver(server_tls) as mail:
        said = mail_sending.send(route(mail.port, user="u", password="p"), MESSAGE)
    assert said == "taken by 127.0.0.1"
    ((sender, to, text, is_encrypted),) = mail.letters
    assert (sender, to, is_encrypted) == (
        "doorward@example.org", ["a@example.org", "b@example.org"], True,
    )  # fmt: skip
    letter = message_from_string(text, policy=policy.default)
    assert letter["subject"] == "Alarm · gate-1"
    assert letter["auto-submitted"] == "auto-generated"
    assert letter["message-id"] == "<alert-main-1@example.org>"
    assert "Site: main" in letter.get_content()
    assert mail.accounts


def test_only_a_relay_on_this_machine_may_do_without_encryption() -> None:
    with mail_receiver() as mail:
        assert mail_sending.send(route(mail.port), MESSAGE)
        assert [letter[3] for letter in mail.letters] == [False]
    # An address of the loopback that is not among those that count as this machine.
    with mail_receiver(host="127.0.0.2") as mail, pytest.raises(SendError, match="STARTTLS"):
        mail_sending.send(route(mail.port, host="127.0.0.2"), MESSAGE)
    assert mail.letters == []


def test_a_certificate_that_does_not_hold_is_refused_elsewhere(
    server_tls: ssl.SSLContext,
) -> None:
    with mail_receiver(server_tls, host="127.0.0.2") as mail:
        with pytest.raises(SendError, match="certificate"):
            mail_sending.send(route(mail.port, host="127.0.0.2"), MESSAGE)
        assert mail.letters == []


@pytest.mark.parametrize("code", [421, 550])
def test_a_server_that_refuses_says_so(code: int) -> None:
    with mail_receiver(refuses=code) as mail, pytest.raises(SendError, match=str(code)):
        mail_sending.send(route(mail.port), MESSAGE)


def test_a_mail_server_that_says_nothing_does_not_hold_us() -> None:
    with silent_server() as address:
        port = urlsplit(address).port or 0
        with pytest.raises(SendError):
            mail_sending.send(route(port), MESSAGE, within_s=0.3)


def test_robots_get_the_json_of_their_makers() -> None:
    asked = wecom("https://example.org/send?key=k", MESSAGE)
    assert json.loads(asked.body) == {"msgtype": "text", "text": {"content": MESSAGE.text}}
    long = replace(MESSAGE, lines=("门" * 5000,))
    assert len(json.loads(wecom("https://x.org", long).body)["text"]["content"].encode()) <= 2048
    signed = dingtalk("https://example.org/send?access_token=t", "SEC1", MESSAGE, 1_700_000_000_000)
    query = parse_qs(urlsplit(signed.url).query)
    expected = hmac.digest(b"SEC1", b"1700000000000\nSEC1", hashlib.sha256)
    assert query["sign"] == [base64.b64encode(expected).decode()]
    assert query["timestamp"] == ["1700000000000"]
    assert "sign" not in dingtalk("https://example.org/send", "", MESSAGE, 1).url


@pytest.mark.parametrize(
    ("answer", "refusal"),
    [
        ('{"errcode":0,"errmsg":"ok"}', ""),
        ('{"errcode":310000,"errmsg":"sign not match"}', "errcode 310000: sign not match"),
        ("<html>", "the answer is not a robot's"),
        ("[]", "the answer is not a robot's"),
    ],
)
def test_a_robot_that_answers_200_may_still_refuse(answer: str, refusal: str) -> None:
    assert robot_refusal(answer) == refusal


@pytest.mark.parametrize("kind", [ReceiverKind.WECOM, ReceiverKind.DINGTALK])
def test_a_refusal_of_a_robot_is_a_failure(sqlite_backend: Backend, kind: ReceiverKind) -> None:
    backend = opened_up(sqlite_backend)
    with web_receiver(200, text='{"errcode": 93000, "errmsg": "invalid key"}') as receiver:
        settings = ReceiverSettings(
            name="robot", kind=kind, route={"url": receiver.address}, language=Tongue.CHINESE
        )
        receivers.add_receiver(backend, SECURITY, settings)
        raise_forced(backend)
        assert deliver(backend) == [False]
    assert newest(backend).answer == "errcode 93000: invalid key"
    assert "被强行打开" in json.loads(receiver.posted[0].body)["text"]["content"]


def test_a_test_message_is_sent_and_shown(backend: Backend) -> None:
    opened_up(backend)
    with web_receiver(200) as receiver:
        receiver_id = hook(backend, receiver.address)
        receivers.test_receiver(backend, SECURITY, receiver_id)
        assert deliver(backend) == [True]
    assert json.loads(receiver.posted[0].body)["type"] == "alert.test"
    assert (newest(backend).about, newest(backend).alert_id) == ("test", None)


def test_what_is_secret_is_sealed_and_gone_after_removal(backend: Backend) -> None:
    opened_up(backend)
    receiver_id = hook(backend, "http://127.0.0.1:9")
    with backend.store.read() as connection:
        sealed = bytes(connection.execute(alert_receivers.select()).one().sealed)
        held = rows.find(connection, receiver_id)
    assert SECRET.encode() not in sealed
    assert b"127.0.0.1" not in sealed
    assert held is not None
    assert receivers.route_of(backend, held)["secret"] == SECRET
    changed = ReceiverSettings(name="new", kind=ReceiverKind.WEBHOOK, route={"secret": ""})
    receivers.change_receiver(backend, SECURITY, receiver_id, changed)
    with backend.store.read() as connection:
        held = rows.find(connection, receiver_id)
    assert held is not None
    assert (held.name, receivers.route_of(backend, held)["secret"]) == ("new", SECRET)
    raise_forced(backend)
    receivers.remove_receiver(backend, SECURITY, receiver_id)
    with backend.store.read() as connection:
        assert bytes(connection.execute(alert_receivers.select()).one().sealed) == b""
    assert deliver(backend) == [False]
    assert newest(backend).state == "failed"
    assert alerts.receivers(backend.store) == ()
    with pytest.raises(NotFoundError):
        receivers.remove_receiver(backend, SECURITY, receiver_id)


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        (ReceiverKind.WEBHOOK, {"url": "https://x.org", "secret": "short"}),
        (ReceiverKind.WEBHOOK, {"url": "http://x.org", "secret": SECRET}),
        (ReceiverKind.EMAIL, {"to": "nobody", "from": "a@b.org", "host": "mail"}),
        (ReceiverKind.EMAIL, {"to": "a@b.org\r\nBcc: c@d.org", "from": "a@b.org", "host": "m"}),
        (ReceiverKind.EMAIL, {"to": "a@b.org", "from": "a@b.org", "host": "m", "port": "0"}),
        (ReceiverKind.WECOM, {}),
    ],
)
def test_a_receiver_that_cannot_be_reached_is_refused(
    sqlite_backend: Backend, kind: ReceiverKind, given: dict[str, str]
) -> None:
    settings = ReceiverSettings(name="x", kind=kind, route=given)
    with pytest.raises(InvalidError):
        receivers.add_receiver(sqlite_backend, SECURITY, settings)


def test_only_who_may_set_rules_may_set_receivers(sqlite_backend: Backend) -> None:
    settings = ReceiverSettings(
        name="x", kind=ReceiverKind.WECOM, route={"url": "https://example.org/"}
    )
    with pytest.raises(ForbiddenError):
        receivers.add_receiver(sqlite_backend, AUDITOR, settings)


def test_a_discreet_alert_goes_only_to_who_gets_such_and_says_nothing(backend: Backend) -> None:
    opened_up(backend)
    duress = Rule(
        code="event.duress_signalled", kind=RuleKind.EVENT, what="duress_signalled",
        severity=Severity.ALARM, is_discreet=True,
    )  # fmt: skip
    with web_receiver(200) as open_one, web_receiver(200) as quiet_one:
        hook(backend, open_one.address, "open")
        hook(backend, quiet_one.address, "quiet", gets_discreet=True)
        raise_forced(backend, rule=duress)
        assert deliver(backend) == [True]
    assert open_one.posted == []
    (posted,) = quiet_one.posted
    for secret in (b"duress", b"gate-1", b"door "):
        assert secret not in posted.body
