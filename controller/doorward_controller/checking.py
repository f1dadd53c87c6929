"""What `doorward-controller check` looks at: each part by itself, with the words that mend it."""

import socket
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from doorward.health import Level
from doorward_controller import wiring
from doorward_controller.broker.errors import BrokerError
from doorward_controller.clock import SystemClock
from doorward_controller.config import Config
from doorward_controller.errors import ControllerError
from doorward_controller.ingest.link_paho import make_tls
from doorward_controller.services import audit_check, disk_room, site_certificates
from doorward_controller.services.key_vault import KeyVault
from doorward_controller.store.upgrade import check_schema

_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One part, and how it is."""

    what: str
    is_good: bool
    text: str


def check_everything(config: Config) -> list[Finding]:
    """Returns a finding for every part; never raises for a part that is broken."""
    return [
        _find("keys", lambda: _keys(config)),
        _find("database", lambda: _database(config)),
        _find("audit log", lambda: _audit(config)),
        _find("broker", lambda: _broker(config)),
        _find("room", lambda: _room(config)),
        _find("certificates", lambda: _certificates(config)),
        _find("intakes", lambda: _intakes(config)),
        _find("enrolment", lambda: _enrolment(config)),
        _find("outside sign-in", lambda: _provider(config)),
    ]


def _find(what: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding(what=what, is_good=True, text=look())
    except ControllerError as err:
        return Finding(what=what, is_good=False, text=err.message)


def _keys(config: Config) -> str:
    KeyVault.open(config.data_dir / "keys")
    return f"in {config.data_dir / 'keys'}"


def _database(config: Config) -> str:
    store = wiring.open_store(config)
    check_schema(store)
    return store.engine.url.render_as_string(hide_password=True)


def _audit(config: Config) -> str:
    public_key = KeyVault.open(config.data_dir / "keys").audit.public
    found = audit_check.verify(config, wiring.open_store(config), public_key)
    if found.finding is not None:
        raise ControllerError(f"{found.finding.sentence}; run `doorward-controller audit verify`")
    return f"unbroken, signed up to entry {found.vouched} of {found.entries}"


def _enrolment(config: Config) -> str:
    if not config.enrolment.url:
        return "gateways get their files by other ways (enrolment.url is not set)"
    try:
        wiring.certifier_of(config).ca_pem()
    except BrokerError as err:
        raise ControllerError(f"no gateway can be enrolled: {err}") from err
    return f"gateways ask at {config.enrolment.url}"


def _room(config: Config) -> str:
    found = disk_room.rooms(config)
    said = "; ".join(
        f"{each.folder}: {each.free_percent} % free ({each.free_bytes // 2**20} MB)"
        for each in found
    )
    if any(each.level() is Level.ALARM for each in found):
        raise ControllerError(f"{said}; make room: records wait at the gateways when it is full")
    return said


def _certificates(config: Config) -> str:
    found, now_s = site_certificates.certificates(config), SystemClock().now().utc_s
    said = "; ".join(
        f"{each.what} until {site_certificates.day_of(each)} ({each.where})" for each in found
    )
    if any(each.days_left(now_s) < 0 for each in found):
        raise ControllerError(f"one is over: {said}; docs/runbooks.md says how to renew it")
    return said or "none can be read from here"


def _intakes(config: Config) -> str:
    """Each process that hears the broker has a name of its own, which the broker has to let in."""
    names = (config.mqtt.client_id, *config.broker.more_controllers)
    folder = config.mqtt.cert_file.parent
    for name in config.broker.more_controllers:
        for file in (folder / f"{name}.pem", folder / f"{name}-key.pem"):
            if not file.exists():
                raise ControllerError(
                    f"{file} is missing: broker.more_controllers names {name}, and"
                    f" `serve --role ingest --identity {name}` needs a certificate of its own"
                )
    if missing := _kept_out(config, names):
        raise ControllerError(
            f"the broker's rules in {config.broker.access_file} do not let {', '.join(missing)} in:"
            " run `doorward-controller broker prepare`"
        )
    if len(names) > 1:
        return f"{', '.join(names)} may hear the broker, each as one process"
    more = (
        "; name further ones in broker.more_controllers to run `serve --role ingest --identity"
        " NAME` beside it"
    )
    is_for_one = config.sqlite_file is not None
    return f"{names[0]} alone may hear the broker{'' if is_for_one else more}"


def _kept_out(config: Config, names: Sequence[str]) -> list[str]:
    """Returns who is not in the rules, where the broker's rules are ours to write."""
    file = config.broker.access_file
    if file is None or not file.exists():
        return []
    try:
        lines = set(file.read_text(encoding="utf-8").splitlines())
    except OSError as err:
        raise ControllerError(f"{file}: cannot be read: {err.strerror or err}") from err
    return [name for name in names if f"user {name}" not in lines]


def _provider(config: Config) -> str:
    provider = wiring.provider_of(config, SystemClock())
    if provider is None:
        return "off; people sign in with accounts of this controller (oidc.issuer is not set)"
    config.oidc.client_secret()
    provider.check()
    return f"{config.oidc.issuer} answers; it must know {provider.redirect_uri}"


def _broker(config: Config) -> str:
    place = (config.mqtt.host, config.mqtt.port)
    where = f"{config.mqtt.host} port {config.mqtt.port}"
    context = make_tls(config.mqtt)
    try:
        with (
            socket.create_connection(place, _TIMEOUT_S) as plain,
            context.wrap_socket(plain, server_hostname=config.mqtt.host) as secure,
        ):
            return f"{where} answers with {secure.version()}"
    except ssl.SSLError as err:
        raise ControllerError(f"{where}: the certificate is not trusted: {err.reason}") from err
    except OSError as err:
        raise ControllerError(f"{where} does not answer: {err.strerror or err}") from err
