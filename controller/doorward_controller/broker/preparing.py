"""Makes what a site's own Mosquitto needs before its first start: certificates, rules, settings.

What is there already stays: an authority is made once, and rules that the controller has written
since know more than the first ones. Only the broker's certificate is made anew, when it is to be
reached under other names, and its settings, when they are to say something else.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509

from doorward_controller.broker.access import AccessRules
from doorward_controller.broker.authority import Authority
from doorward_controller.broker.configuration import BrokerFiles, configuration_text
from doorward_controller.broker.dynamic_security import FIRST_STATE
from doorward_controller.broker.errors import CertificateError

CONFIGURATION, PLUGIN_STATE = "mosquitto.conf", "dynamic-security.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerPlan:
    """What is to be made.

    Attributes:
        authority_dir: where the authority lies, or will.
        rules_file: the broker's rules, which the controller keeps from then on.
        rules: the first ones.
        controllers: names of the certificates for controllers, one for each connection.
        names: under which gateways and controllers reach the broker.
        host: address to listen on.
        port: port to listen on.
        installed: where each file lies for the broker itself, once it is put there.
        run_as: the broker's account.
        valid_for: how long a new authority lasts.
    """

    authority_dir: Path
    rules_file: Path
    rules: AccessRules
    controllers: tuple[str, ...]
    names: tuple[str, ...]
    host: str
    port: int
    installed: BrokerFiles
    run_as: str
    valid_for: timedelta


def prepare(plan: BrokerPlan, now: datetime) -> list[Path]:
    """Makes what is missing or is to be otherwise; returns the files that are new.

    Raises:
        CertificateError: the authority cannot be read, or something cannot be written.
    """
    folder = plan.rules_file.parent
    made: list[Path] = []
    try:
        folder.mkdir(mode=0o750, parents=True, exist_ok=True)
        authority = _authority(plan, now, made)
        made += [
            authority.issue_controller(now=now, name=name).certificate_file
            for name in plan.controllers
            if not (plan.authority_dir / f"{name}.pem").exists()
        ]
        if not _is_for(plan.authority_dir / "server.pem", plan.names):
            made.append(_server(plan, authority, now))
        if not plan.rules_file.exists():
            made.append(_written(plan.rules_file, plan.rules.to_text()))
        if not (folder / PLUGIN_STATE).exists():
            made.append(_written(folder / PLUGIN_STATE, FIRST_STATE))
        text = configuration_text(
            plan.installed, host=plan.host, port=plan.port, run_as=plan.run_as
        )
        settings = folder / CONFIGURATION
        if not settings.exists() or settings.read_text("utf-8") != text:
            made.append(_written(settings, text))
    except OSError as err:
        raise CertificateError(f"{err.filename or folder}: {err.strerror or err}") from err
    return made


def _authority(plan: BrokerPlan, now: datetime, made: list[Path]) -> Authority:
    if (plan.authority_dir / "ca.pem").exists():
        return Authority.load(plan.authority_dir)
    authority = Authority.create(plan.authority_dir, now=now, valid_for=plan.valid_for)
    made.append(authority.ca_file)
    return authority


def _server(plan: BrokerPlan, authority: Authority, now: datetime) -> Path:
    """Makes the broker's certificate; one for other names goes."""
    for name in ("server.pem", "server-key.pem"):
        (plan.authority_dir / name).unlink(missing_ok=True)
    return authority.issue_server(now=now, names=plan.names).certificate_file


def _is_for(file: Path, names: Sequence[str]) -> bool:
    try:
        certificate = x509.load_pem_x509_certificate(file.read_bytes())
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (FileNotFoundError, ValueError, x509.ExtensionNotFound):
        return False
    said = {*found.get_values_for_type(x509.DNSName)}
    said |= {str(address) for address in found.get_values_for_type(x509.IPAddress)}
    return said == {_plain(name) for name in names}


def _plain(name: str) -> str:
    try:
        return str(ip_address(name))
    except ValueError:
        return name


def _written(file: Path, text: str) -> Path:
    fresh = file.with_name(f"{file.name}.new")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as opened:
        opened.write(text)
    fresh.replace(file)
    return file
