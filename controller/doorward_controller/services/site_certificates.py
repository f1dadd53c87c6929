"""Until when the broker's own certificates are good: its authority's, its server's, and ours to it.

When one of them ends, no gateway connects any more, all of them at once. Gateways' certificates
end by themselves one at a time and are watched by what the gateways report.
"""

import ssl
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography import x509

from doorward_controller.config import Config
from doorward_controller.domain.alert_defaults import CERTIFICATE_RULE
from doorward_controller.domain.alert_rules import Key
from doorward_controller.services import alerting, site_alerts
from doorward_controller.services.backend import Backend

DAY_S = 86_400
_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """A certificate of the site's own.

    Attributes:
        what: `authority`, `server` or `controller`.
        where: the file, or the address that showed it.
        ends_at_utc_s: when it ends.
    """

    what: str
    where: str
    ends_at_utc_s: int

    def days_left(self, now_utc_s: int) -> int:
        """Whole days; below 0 when it is over."""
        return (self.ends_at_utc_s - now_utc_s) // DAY_S


def files(config: Config) -> tuple[Certificate, ...]:
    """Returns what lies here; of several authorities in one file the first that ends."""
    return _known(
        _read("authority", str(config.mqtt.ca_file), config.mqtt.ca_file.read_bytes),
        _read("controller", str(config.mqtt.cert_file), config.mqtt.cert_file.read_bytes),
    )


def certificates(config: Config) -> tuple[Certificate, ...]:
    """Returns these, and what the broker shows; that takes up to five seconds."""
    where = f"{config.mqtt.host} port {config.mqtt.port}"
    return (*files(config), *_known(_read("server", where, lambda: _shown(config))))


def _known(*found: Certificate | None) -> tuple[Certificate, ...]:
    return tuple(each for each in found if each is not None)


def look(backend: Backend) -> int:
    """Raises an alert for each one that ends soon, ends those that were renewed."""
    found = certificates(backend.config)  # before the transaction: the network may take its time
    now_s = backend.clock.now().utc_s
    changed = 0
    with backend.store.write() as connection:
        for each in found:
            changed += site_alerts.settle_number(
                backend, connection, Key(CERTIFICATE_RULE, f"certificate-{each.what}"),
                each.where, each.days_left(now_s),
            )  # fmt: skip
    if changed:
        alerting.announce(backend)
    return changed


def _shown(config: Config) -> bytes:
    """What the broker shows to whoever asks, trusted or not: also when it is over."""
    place = (config.mqtt.host, config.mqtt.port)
    return ssl.get_server_certificate(place, timeout=_TIMEOUT_S).encode()


def _read(what: str, where: str, read: Callable[[], bytes]) -> Certificate | None:
    """What cannot be read now is no finding: others tell of a broker that is away."""
    try:
        held = x509.load_pem_x509_certificates(read())
    except (OSError, ValueError):
        return None
    ends = min(each.not_valid_after_utc for each in held)
    return Certificate(what=what, where=where, ends_at_utc_s=int(ends.timestamp()))


def day_of(certificate: Certificate) -> str:
    """Returns the day on which it ends, as people write it to each other everywhere."""
    return f"{datetime.fromtimestamp(certificate.ends_at_utc_s, UTC):%Y-%m-%d}"
