"""Shutting a gateway out of the broker for good: certificate list, rules, and its open connection.

The first two are files that the broker reads when it is told to; the third goes over the
controller's own connection, so the broker may also be another machine's, where something there
watches the files.
"""

import os
import signal
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from secrets import token_hex
from typing import Protocol

from doorward.ids import GatewayId, SiteId
from doorward_controller.broker import dynamic_security
from doorward_controller.broker.access import (
    AccessRules,
    HomeAssistantAccess,
    controllers_in,
)
from doorward_controller.broker.authority import Authority
from doorward_controller.broker.errors import BrokerError, GateError

ANSWER_S = 3.0
_OWNER_ONLY = 0o600


@dataclass(frozen=True, slots=True, kw_only=True)
class GateFiles:
    """What of the broker's files this controller keeps; None for what somebody else keeps.

    Attributes:
        site: the broker's one site.
        controllers: names of certificates that may say and hear everything of ours.
        access_file: the rules, written whole.
        authority_dir: where the authority's key, its certificates and its list lie.
        pid_file: names the process that is told to read both anew; None where it is told by
            somebody who watches the files.
        home_assistant: what it may hear, where the settings ask for it.
    """

    site: SiteId
    controllers: tuple[str, ...]
    access_file: Path | None = None
    authority_dir: Path | None = None
    pid_file: Path | None = None
    home_assistant: HomeAssistantAccess | None = None


class Exchange(Protocol):
    """Says something to the broker itself and waits for its answer."""

    def exchange(
        self, topic: str, wire: bytes, *, answers_on: str, mark: str, timeout_s: float
    ) -> bytes | None:
        """Returns the first answer with the mark in it, or None when none came in time."""
        ...


class BrokerGatekeeper:
    """Keeps revoked gateways out of one Mosquitto."""

    def __init__(self, files: GateFiles, link: Exchange) -> None:
        """Touches nothing yet."""
        self._files = files
        self._link = link

    def shut_out(self, revoked: Sequence[GatewayId], now: datetime) -> None:
        """Puts all of them on the list and into the rules; has the broker read what is new.

        Doing it again changes nothing and tells the broker nothing.

        Raises:
            BrokerError: something of it is not in our hands, or failed; the rest was done.
        """
        problems: list[str] = []
        changed = False
        for step in (self._write_rules, self._write_list):
            try:
                changed |= step(revoked, now, problems)
            except (BrokerError, OSError) as err:
                problems.append(str(err))
        if changed:
            self._reload(problems)
        if problems:
            raise GateError("; ".join(problems))

    def throw_out(self, gateway: GatewayId) -> None:
        """Ends the gateway's connection, if it has one. Raises BrokerError when it is not sure."""
        mark = token_hex(8)
        answer = self._link.exchange(
            dynamic_security.REQUESTS,
            dynamic_security.throwing_out(gateway, mark),
            answers_on=dynamic_security.ANSWERS,
            mark=mark,
            timeout_s=ANSWER_S,
        )
        if answer is None:
            raise GateError(
                f"the broker did not answer within {ANSWER_S:.0f} s when told to disconnect"
                f" {gateway}; it needs its dynamic security plugin, and we the right to use it"
            )
        problem = dynamic_security.outcome(answer, mark)
        if problem:
            raise GateError(f"the broker did not disconnect {gateway}: {problem[:200]}")

    def _write_rules(
        self, revoked: Sequence[GatewayId], _now: datetime, _problems: list[str]
    ) -> bool:
        file = self._files.access_file
        if file is None:
            raise GateError("the broker's rules are kept elsewhere (broker.access_file is not set)")
        before = file.read_text("utf-8") if file.exists() else ""
        rules = AccessRules(
            site=self._files.site,
            controllers=tuple(dict.fromkeys((*self._files.controllers, *controllers_in(before)))),
            revoked=tuple(sorted(revoked)),
            home_assistant=self._files.home_assistant,
        )
        text = rules.to_text()
        if before == text:
            return False
        _replace(file, text)
        return True

    def _write_list(self, revoked: Sequence[GatewayId], now: datetime, problems: list[str]) -> bool:
        folder = self._files.authority_dir
        if folder is None:
            raise GateError(
                "the list of revoked certificates is kept elsewhere (broker.authority_dir is not"
                " set): put the gateway's certificate on it there"
            )
        listing = Authority.load(folder).revoke_gateways(revoked, now=now)
        if listing.missing:
            problems.append(
                f"{folder} holds no certificate of {', '.join(listing.missing)[:200]}: put it on"
                " the list of revoked ones where it was made"
            )
        return listing.is_new

    def _reload(self, problems: list[str]) -> None:
        file = self._files.pid_file
        if file is None:
            return
        try:
            tell_broker(file)
        except GateError as err:
            problems.append(str(err))


def tell_broker(pid_file: Path) -> None:
    """Has the broker read its lists anew. Raises GateError."""
    try:
        os.kill(_broker_pid(pid_file), signal.SIGHUP)
    except (GateError, OSError) as err:
        raise GateError(f"the broker was not told to read its lists anew: {err}") from err


def _broker_pid(file: Path) -> int:
    """Returns the broker's process. A number that went to another program is not signalled."""
    text = file.read_text("ascii", "replace").strip()
    if not text.isdigit():
        raise GateError(f"{file} holds no process number")
    name = Path(f"/proc/{text}/comm").read_text("utf-8", "replace").strip()
    if name != "mosquitto":
        raise GateError(f"{file} names process {text}, which is {name!r} and not mosquitto")
    return int(text)


def _replace(file: Path, text: str) -> None:
    """Writes the file whole; who could read the old one can read the new one."""
    before = file.stat() if file.exists() else None
    fresh = file.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY), "w") as out:
        if before is not None:
            with suppress(PermissionError):
                os.fchown(out.fileno(), -1, before.st_gid)
            os.fchmod(out.fileno(), before.st_mode & 0o777)
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    fresh.replace(file)
