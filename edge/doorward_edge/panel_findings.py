"""What `doorward-edge check` says of the gateway's pages, and of words and tones."""

import ssl
import stat
from collections.abc import Iterator
from pathlib import Path

from cryptography import x509

from doorward_edge.config import EdgeConfig, PanelSection
from doorward_edge.findings import Finding
from doorward_edge.perception import PerceptionError, perception_of

SOON_S = 30 * 86_400


def examine_panel(config: EdgeConfig, now_utc_s: int | None) -> Iterator[Finding]:
    """Yields a finding for each part; nothing of pages where the site has none.

    Args:
        config: what the installer set.
        now_utc_s: None where the clock cannot be believed; windows are not looked at then.
    """
    yield _perception(config)
    panel = config.panel
    if panel is None:
        return
    if panel.cert_file:
        yield _certificate(panel, now_utc_s)
    if panel.kiosk_port:
        address = f"http://127.0.0.1:{panel.kiosk_port}/screen/{config.portals[0].id}"
        yield Finding(name="screen", is_well=True, said=f"for this machine at {address}")


def _perception(config: EdgeConfig) -> Finding:
    try:
        perception_of(config.perception)
    except PerceptionError as err:
        return Finding(
            name="words and tones", is_well=False, said=str(err), mend="edit the configuration"
        )
    return Finding(name="words and tones", is_well=True, said="every signal can be told apart")


def _certificate(panel: PanelSection, now_utc_s: int | None) -> Finding:
    said = _problem_of(panel, now_utc_s)
    if said:
        said_what, mend = said
        return Finding(name="pages", is_well=False, said=said_what, mend=mend)
    shown = f"https://{panel.hosts[0]}:{panel.port}/"
    return Finding(name="pages", is_well=True, said=f"for the network at {shown}")


def _problem_of(panel: PanelSection, now_utc_s: int | None) -> tuple[str, str] | None:
    key = Path(panel.key_file)
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(panel.cert_file, key)
        certificate = x509.load_pem_x509_certificate(Path(panel.cert_file).read_bytes())
        mode = key.stat().st_mode
    except (OSError, ValueError) as err:
        why = (err.strerror if isinstance(err, OSError) else None) or str(err)
        return f"{panel.cert_file} and {panel.key_file}: {why}", "put both files there"
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        return f"{key} can be read by others", f"chmod 600 {key}"
    lacking = [host for host in panel.hosts if host.lower() not in _names_of(certificate)]
    if lacking:
        said = f"{panel.cert_file} does not hold {', '.join(lacking)}, which panel.hosts names"
        return said, "have a certificate made for every name that browsers type"
    return _untimely(certificate, panel.cert_file, now_utc_s)


def _untimely(
    certificate: x509.Certificate, file: str, now_utc_s: int | None
) -> tuple[str, str] | None:
    ends = certificate.not_valid_after_utc
    if now_utc_s is None or ends.timestamp() > now_utc_s + SOON_S:
        return None
    said = f"{file} ends {ends:%Y-%m-%d}, browsers refuse it from then on"
    return said, "have a new certificate made"


def _names_of(certificate: x509.Certificate) -> frozenset[str]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return frozenset()
    hosts = (name.lower() for name in names.get_values_for_type(x509.DNSName))
    addresses = (str(each) for each in names.get_values_for_type(x509.IPAddress))
    return frozenset((*hosts, *addresses))
