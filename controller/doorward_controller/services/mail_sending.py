"""Hands alerts over as e-mail: encrypted by STARTTLS or TLS, except to a relay on this machine."""

import smtplib
import ssl
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate

from doorward_controller.domain.delivery_formats import AlertMessage
from doorward_controller.services.web_sending import ATTEMPT_S, SendError, cut_off_after

TLS_PORT = 465
_HERE = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True, kw_only=True)
class MailRoute:
    """By which server, from whom, to whom."""

    host: str
    port: int
    sender: str
    to: tuple[str, ...]
    user: str = ""
    password: str = ""


def send(route: MailRoute, message: AlertMessage, *, within_s: float = ATTEMPT_S) -> str:
    """Sends a message; returns what the server answered. Raises SendError."""
    try:
        with _server(route, within_s) as server:
            if server.sock is None:
                raise SendError("the server is not connected")
            with cut_off_after(server.sock, within_s):
                _secure(server, route)
                if route.user:
                    server.login(route.user, route.password)
                refused = server.send_message(_letter(route, message))
        if refused:
            raise SendError(f"{len(refused)} of {len(route.to)} addresses were refused")
        return f"taken by {route.host}"
    except smtplib.SMTPAuthenticationError as err:
        raise SendError(f"the server refuses the account: {err.smtp_code}") from err
    except smtplib.SMTPResponseException as err:
        said = (
            err.smtp_error
            if isinstance(err.smtp_error, str)
            else err.smtp_error.decode("utf-8", "replace")
        )
        raise SendError(f"{err.smtp_code} {said[:200]}") from err
    except smtplib.SMTPRecipientsRefused as err:
        raise SendError("every address was refused") from err
    except TimeoutError as err:
        raise SendError("no answer in time") from err
    except (OSError, smtplib.SMTPException) as err:
        raise SendError(str(err.strerror or str(err) or type(err).__name__)) from err


def _server(route: MailRoute, within_s: float) -> smtplib.SMTP:
    if route.port == TLS_PORT:
        context = ssl.create_default_context()
        return smtplib.SMTP_SSL(route.host, route.port, timeout=within_s, context=context)
    return smtplib.SMTP(route.host, route.port, timeout=within_s)


def _secure(server: smtplib.SMTP, route: MailRoute) -> None:
    """Without encryption only to a relay on this machine; never a password in the clear."""
    server.ehlo()
    if isinstance(server, smtplib.SMTP_SSL):
        return
    if server.has_extn("starttls"):
        server.starttls(context=_context(route))
        server.ehlo()
    elif route.host not in _HERE:
        raise SendError("the server offers no STARTTLS; the message was not sent")


def _context(route: MailRoute) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if route.host in _HERE:
        # A relay on this machine has a certificate in another name, if any that can be checked.
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _letter(route: MailRoute, message: AlertMessage) -> EmailMessage:
    letter = EmailMessage()
    letter["Subject"] = message.title
    letter["From"] = route.sender
    letter["To"] = ", ".join(route.to)
    letter["Date"] = formatdate(message.at_utc_ms / 1000)
    domain = route.sender.rpartition("@")[2] or "doorward"
    letter["Message-ID"] = f"<{message.id}@{domain}>"
    letter["Auto-Submitted"] = "auto-generated"
    letter.set_content("\n".join(message.lines) + "\n")
    return letter
