"""Puts together what the gateway knows of people: the book, its disk, its link and its socket."""

import logging
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from doorward.events import EventCode
from doorward.ids import MAX_EPOCH, Epoch, PortalId
from doorward.messages import Applied
from doorward.times import Clock
from doorward_edge.adapters.policy_files import FolderOfPolicies
from doorward_edge.adapters.presence_files import PresenceFiles
from doorward_edge.config import EdgeConfig
from doorward_edge.enrolled import Enrolled, load_enrolled
from doorward_edge.inbox import Inbox
from doorward_edge.line_socket import Handler, LineSocket
from doorward_edge.pipeline import RulesInForce
from doorward_edge.ports import Notice
from doorward_edge.presence.book import Said, ToldBook
from doorward_edge.presence.errand import PresenceErrand
from doorward_edge.presence.fold_process import FoldInProcess
from doorward_edge.presence.folding import Identity, restore
from doorward_edge.presence.keeper import PresenceKeeper
from doorward_edge.presence.muster import RollCall, call_roll
from doorward_edge.scan import Scan
from doorward_edge.sync import PolicyKeeper

log = logging.getLogger(__name__)

ASK_S = 5.0
SOCKET = "gateway.sock"
UNTIL_TOLD_S = 10 * 365 * 86_400
"""Nothing is forgotten before a policy says after how long."""


@dataclass(slots=True, kw_only=True)
class SitePresence:
    """Everything about presence; a `CodeSource` only in that it begins and ends with those.

    Attributes:
        path: where the socket is, on which `handlers` answer.
    """

    book: ToldBook
    errand: PresenceErrand
    keeper: PresenceKeeper
    path: Path
    handlers: Mapping[str, Handler]
    socket: LineSocket | None = None

    def start(self, put: Callable[[PortalId, Scan], None]) -> None:
        """Begins to write, and to answer; without a socket the gateway runs all the same."""
        del put
        self.keeper.start()
        try:
            self.socket = LineSocket(self.path, self.handlers)
        except OSError as err:
            log.warning("socket.unusable path=%s error=%s", self.path, err)
        else:
            self.socket.start()

    def stats(self) -> Mapping[str, int]:
        """Returns how many messages of others did not count."""
        return {"presence_refused": self.errand.refused}

    def close(self) -> None:
        """Answers nobody any more; `keeper` is closed when nothing more happens."""
        if self.socket is not None:
            self.socket.close()


def presence_folder(config: EdgeConfig) -> Path:
    """Returns where the book is kept."""
    return config.data_dir / "presence"


def socket_path(config: EdgeConfig) -> Path:
    """Returns where the running gateway answers."""
    return config.data_dir / SOCKET


def open_site_presence(
    config: EdgeConfig, enrolled: Enrolled, rules: RulesInForce, inbox: Inbox, clock: Clock
) -> SitePresence:
    """Brings back the book; what is lost of it is told, and the gateway runs all the same."""
    files = PresenceFiles(presence_folder(config), enrolled.documents_key)

    def forget_s() -> int:
        known = rules.rules
        return known.policy.forget_s if known else UNTIL_TOLD_S

    book, notices = _open_book(config, files, forget_s(), clock)
    keeper = PresenceKeeper(
        config.gateway,
        files,
        FoldInProcess(
            folder=presence_folder(config),
            key=enrolled.documents_key,
            site=config.site,
            gateway=config.gateway,
            clock=clock,
            forget_s=forget_s,
        ),
        clock,
        notices,
    )

    def on_lost(why: str) -> None:
        book.note_lost()
        keeper.note_lost(why)

    errand = PresenceErrand(
        site=config.site,
        gateway=config.gateway,
        book=book,
        rules=rules,
        signer=enrolled.signer,
        clock=clock,
        post=inbox.post,
        note_sent=keeper.keep_sent,
        note_lost=on_lost,
    )

    def on_said(said: Said) -> None:
        keeper.keep(said)
        errand.note_said()

    book.on_said, book.on_learned = on_said, keeper.keep
    return SitePresence(
        book=book,
        errand=errand,
        keeper=keeper,
        path=socket_path(config),
        handlers={"muster": _muster_handler(config, book, rules, inbox, clock)},
    )


def _open_book(
    config: EdgeConfig, files: PresenceFiles, forget_s: int, clock: Clock
) -> tuple[ToldBook, tuple[Notice, ...]]:
    """Returns the book as it was kept, and what is to be told of it.

    Where something was lost, or nothing was ever kept, there is a snapshot that says so: what is
    missing at the next start is missed.
    """
    identity = Identity(
        site=config.site,
        gateway=config.gateway,
        epoch=Epoch(1 + secrets.randbelow(MAX_EPOCH)),
        forget_s=forget_s,
    )
    found = files.load()
    restored = restore(ToldBook, found, identity, clock.now())
    notices = []
    if restored.damage:
        log.error("presence.lost what=%s", restored.damage)
        notices.append(Notice(code=EventCode.PRESENCE_LOST, detail=restored.damage))
    if found.is_first or restored.damage:
        try:
            files.save(restored.book.to_wire(), found.through)
        except OSError as err:
            why = f"{presence_folder(config)}: {err.strerror or err}"
            notices.append(Notice(code=EventCode.PRESENCE_NOT_KEPT, detail=why))
    return restored.book, tuple(notices)


def _muster_handler(
    config: EdgeConfig, book: ToldBook, rules: RulesInForce, inbox: Inbox, clock: Clock
) -> Handler:
    """Returns what answers `doorward-edge muster`."""

    def muster(_: dict[str, Any]) -> dict[str, Any]:
        now = clock.now()
        found = inbox.call(lambda: book.muster(now), ASK_S)
        called = call_roll(found, rules.rules, site=config.site, gateway=config.gateway, now=now)
        return called.to_json()

    return muster


def kept_roll(config: EdgeConfig, clock: Clock) -> RollCall:
    """Returns who was inside when the gateway last ran. Nothing on the disk is changed.

    Raises:
        ConfigError: the gateway is not enrolled.
        OSError: nothing was kept.
    """
    enrolled, now = load_enrolled(config), clock.now()
    found = PresenceFiles(presence_folder(config), enrolled.documents_key).load()
    if found.is_first:
        raise OSError(f"{presence_folder(config)}: nothing is kept here; did this gateway ever run")
    keeper = PolicyKeeper(
        site=config.site,
        pinned=enrolled.keyring,
        files=FolderOfPolicies(config.data_dir / "policy"),
        floors=_NoFloors(),
    )
    keeper.load()
    identity = Identity(
        site=config.site, gateway=config.gateway, epoch=Epoch(1), forget_s=UNTIL_TOLD_S
    )
    book = restore(ToldBook, found, identity, now).book
    if keeper.rules is not None:
        book.follow(keeper.rules.policy)
    return call_roll(
        book.muster(now),
        keeper.rules,
        site=config.site,
        gateway=config.gateway,
        now=now,
        is_running=False,
    )


class _NoFloors:
    """For a look at rules that nobody goes by."""

    def floors(self) -> Applied:
        """Returns the lowest."""
        return Applied()

    def raise_floors(self, applied: Applied) -> None:
        """Keeps nothing."""
        del applied
