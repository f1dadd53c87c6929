"""What `doorward-controller check` looks at: each part by itself, with the words that mend it."""

import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass

from doorward_controller import wiring
from doorward_controller.broker.errors import BrokerError
from doorward_controller.config import Config
from doorward_controller.errors import ControllerError
from doorward_controller.ingest.link_paho import make_tls
from doorward_controller.services import audit_check
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
        _find("enrolment", lambda: _enrolment(config)),
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
