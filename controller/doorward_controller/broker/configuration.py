"""Mosquitto's configuration file, as pure text with the reason for every line."""

from dataclasses import dataclass
from pathlib import Path

PACKET_LIMIT_BYTES = 32 * 1024 * 1024
"""A policy bundle of 1,000,000 credentials is about 20 MB; a batch of records is 256 KiB at most.
Mosquitto has one limit for all. Whoever sends more is disconnected when the packet's length is
read, before memory is taken for it; `message_size_limit` would first read all of it."""

QUEUED_MESSAGES = 20_000
QUEUED_BYTES = 256 * 1024 * 1024
"""For one client that is away. What no longer fits is dropped by the broker; the gateways' journals
still hold it and send it again, so these bound memory and not what is kept."""

INFLIGHT_MESSAGES = 8_000
"""Unacknowledged messages to one client. The controller acknowledges after its commit and commits
what is in flight in groups, so the default of 20 would bound the intake of the whole fleet. It is
more than the controller lets wait, so that fresh scans pass a backlog there, and do not wait here.
"""

AUTOSAVE_S = 30
"""How often the broker writes its state down. Not on every change: each write is the whole state,
a 20 MB policy included. What a killed broker forgets is said again: records by the gateways until
the controller acknowledges them, retained documents by the controller when it reconnects."""

FORGET_AFTER = "14d"
"""A session of a client that has not been seen for so long is dropped with its queue."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerFiles:
    """Where everything that the configuration names lies.

    Attributes:
        ca_file: certificate of the authority whose certificates are let in.
        certificate_file: the server's own.
        key_file: the server's private key.
        crl_file: the authority's list of revoked certificates; must exist, may be empty.
        acl_file: as written by `AccessRules.to_text`.
        state_dir: the broker writes its state here.
        pid_file: the broker writes its process number here.
        plugin: the dynamic security plugin, by which connections are ended; None without.
        plugin_file: what the plugin knows; must exist, and the broker writes to it.
    """

    ca_file: Path
    certificate_file: Path
    key_file: Path
    crl_file: Path
    acl_file: Path
    state_dir: Path
    pid_file: Path
    plugin: Path | None = None
    plugin_file: Path | None = None


def configuration_text(
    files: BrokerFiles, *, host: str, port: int, run_as: str | None = None
) -> str:
    """Returns the content of `mosquitto.conf`.

    Args:
        files: what the configuration names.
        host: address to listen on.
        port: port to listen on.
        run_as: the account that a broker started by root changes to; None leaves it to Mosquitto.
    """
    sections = (
        "# Written by doorward-controller; changes here are lost.",
        f"user {run_as}" if run_as else "",
        _LISTENER.format(host=host, port=port),
        _tls(files),
        _IDENTITY.format(acl_file=files.acl_file),
        _control(files),
        _state(files),
        _LIMITS,
        _LOG,
    )
    return "\n\n".join(section.strip() for section in sections if section) + "\n"


_LISTENER = """
listener {port} {host}
protocol mqtt
# Without it Nagle's algorithm and delayed acknowledgements add 40 ms to small messages.
set_tcp_nodelay true
"""


def _tls(files: BrokerFiles) -> str:
    return f"""
# TLS 1.2 is the oldest; its ciphers are forward secret and authenticated. TLS 1.3 has no others.
tls_version tlsv1.2
ciphers ECDHE+AESGCM:ECDHE+CHACHA20
cafile {files.ca_file}
certfile {files.certificate_file}
keyfile {files.key_file}
crlfile {files.crl_file}
require_certificate true
"""


_IDENTITY = """
# The name in the certificate is the user and the client id, whatever the client claims: nobody can
# take over the session of another.
use_identity_as_username true
use_username_as_clientid true
allow_anonymous false
acl_file {acl_file}
"""


def _control(files: BrokerFiles) -> str:
    told = f"pid_file {files.pid_file}"
    if files.plugin is None:
        return told
    return f"""
# Whoever keeps the list of revoked certificates tells this process to read it anew.
{told}
# To end the connection of a gateway that was revoked; a new list alone would not. The plugin knows
# nobody, so who may connect, and say what, stays with the lines above.
plugin {files.plugin}
plugin_opt_config_file {files.plugin_file}
"""


def _state(files: BrokerFiles) -> str:
    return f"""
persistence true
persistence_location {files.state_dir}
autosave_interval {AUTOSAVE_S}
autosave_on_changes false
persistent_client_expiration {FORGET_AFTER}
"""


_LIMITS = f"""
max_packet_size {PACKET_LIMIT_BYTES}
max_queued_messages {QUEUED_MESSAGES}
max_queued_bytes {QUEUED_BYTES}
max_inflight_messages {INFLIGHT_MESSAGES}
queue_qos0_messages false
allow_zero_length_clientid false
"""

_LOG = """
log_dest stderr
log_timestamp_format %Y-%m-%dT%H:%M:%S
log_type error
log_type warning
log_type notice
log_type information
connection_messages true
"""
