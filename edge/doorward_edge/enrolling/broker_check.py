"""Whether the broker takes a certificate, tried by TLS alone.

Nothing is said in MQTT: a second connection by this gateway's name would end the one that works.
"""

import socket
import ssl

from doorward_edge.adapters.broker_paho import BrokerAddress, tls_context

CONNECT_S = 5.0
ALERT_S = 1.5
"""With TLS 1.3 a certificate that is refused shows in the first bytes after the handshake."""


def problem_with(address: BrokerAddress) -> str:
    """Returns why the broker does not take it, or "" when it does."""
    try:
        context = tls_context(address)
        with (
            socket.create_connection((address.host, address.port), CONNECT_S) as plain,
            context.wrap_socket(plain, server_hostname=address.host) as secure,
        ):
            secure.settimeout(ALERT_S)
            try:
                first = secure.recv(1)
            except TimeoutError:
                return ""
            return "" if first else "the broker ended the connection"
    except ssl.SSLError as err:
        return (
            f"{address.host}:{address.port}: {(err.reason or str(err)).lower().replace('_', ' ')}"
        )
    except OSError as err:
        return f"{address.host}:{address.port}: {err.strerror or err}"
