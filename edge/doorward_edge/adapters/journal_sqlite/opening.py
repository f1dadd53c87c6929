"""Opens the journal in a folder: new, left in order, left by a crash, or damaged."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from doorward.events import EventCode
from doorward.ids import Epoch, GatewayId
from doorward_edge.adapters.journal_sqlite import wal
from doorward_edge.adapters.journal_sqlite.carve import Found, carve
from doorward_edge.adapters.journal_sqlite.files import (
    CLOSING,
    INSTALLING,
    OPEN,
    WAL_BYTES,
    Files,
)
from doorward_edge.adapters.journal_sqlite.index import EpochIndex
from doorward_edge.adapters.journal_sqlite.rows import PAGE_BYTES, EpochRow
from doorward_edge.adapters.journal_sqlite.salvage import Salvage, salvage
from doorward_edge.adapters.journal_sqlite.store import DamagedError, Store
from doorward_edge.ports import JournalUnavailableError, Notice


@dataclass(slots=True)
class Opened:
    """An open journal and what was found; the last of `epochs` is the one that grows."""

    store: Store
    unlock: Callable[[], None]
    epochs: list[EpochIndex]
    notices: list[Notice]


def open_journal(
    files: Files, gateway: GatewayId, capacity_bytes: int, draw: Callable[[int], bytes]
) -> Opened:
    """Opens the journal, saving first what can be saved of a damaged one.

    Raises:
        JournalBusyError: another process has it.
        JournalForeignError: it is another gateway's or a newer version's.
        JournalUnavailableError: the folder cannot be written.
    """
    try:
        files.disk.make_folder(files.folder, 0o777)
        unlock = files.lock()
    except OSError as err:
        raise unavailable(files.folder, err) from err
    try:
        notices: list[Notice] = []
        _settle_files(files, gateway, notices)
        store, epochs = _open_or_save(files, gateway, capacity_bytes, notices)
        if not epochs or notices:
            epochs.append(_new_epoch(store, epochs, draw))
        return Opened(store, unlock, epochs, notices)
    except OSError as err:
        unlock()
        raise unavailable(files.folder, err) from err
    except BaseException:
        unlock()
        raise


def unavailable(folder: Path, err: OSError) -> JournalUnavailableError:
    """Returns the journal's error for one of the folder's."""
    return JournalUnavailableError(f"journal in {folder} cannot be written: {err.strerror or err}")


def close_journal(files: Files, opened: Opened) -> None:
    """Folds the log in and leaves the journal in order. Raises JournalError or OSError."""
    try:
        files.set_state(CLOSING)
        opened.store.close()
        files.set_state("")
    finally:
        opened.unlock()


def _settle_files(files: Files, gateway: GatewayId, notices: list[Notice]) -> None:
    """Ends an installation that a crash cut short, and makes a journal where there is none."""
    if files.state() == INSTALLING:
        files.install()
    if files.exists(files.database):
        return
    if files.state() or files.exists(files.log):
        aside = files.put_aside()
        notices.append(
            Notice(code=EventCode.JOURNAL_MISSING, detail=f"its log is kept as {aside.name}-wal")
        )
    _discard(files, files.fresh)
    Store.create(files.fresh, gateway, files.disk).close()
    files.install()


def _open_or_save(
    files: Files, gateway: GatewayId, capacity_bytes: int, notices: list[Notice]
) -> tuple[Store, list[EpochIndex]]:
    left = _examine(files)
    reason = left.damage
    if not reason:
        try:
            opened = _open(files, gateway, capacity_bytes, left.torn)
        except DamagedError as err:
            reason = str(err)
        else:
            if left.torn:
                notices.append(
                    Notice(code=EventCode.JOURNAL_END_TORN, detail=files.keep_torn(left.torn))
                )
            return opened
    files.disk.remove(files.reserve)
    aside = files.put_aside()
    _discard(files, files.fresh)
    saved = salvage(files.disk, [aside, Path(f"{aside}-wal")], files.fresh, gateway)
    files.install()
    notices.append(Notice(code=EventCode.JOURNAL_DAMAGED, detail=_told(reason, saved, aside)))
    return _open(files, gateway, capacity_bytes)


def _examine(files: Files) -> wal.Finding:
    state, _, length = files.state().partition(" ")
    if state == OPEN and length.isdecimal():
        return wal.examine(_log(files), PAGE_BYTES, int(length))
    if state not in {"", CLOSING}:
        return wal.Finding("how the journal was left cannot be read")
    # A log that is still there was being folded in, or belongs to a start that went no further.
    data = _log(files)
    return wal.Finding() if data is None else wal.examine(data, PAGE_BYTES, 0)


def _log(files: Files) -> bytes | None:
    return files.disk.read(files.log) if files.exists(files.log) else None


def _open(
    files: Files, gateway: GatewayId, capacity_bytes: int, torn: bytes = b""
) -> tuple[Store, list[EpochIndex]]:
    """Opens a journal that looks sound; `torn` is what its log ends in.

    Raises:
        DamagedError: it is not sound, or the torn end holds a whole record.
    """
    files.prepare_log()
    files.set_state(f"{OPEN} {min(WAL_BYTES, files.disk.size(files.log))}")
    inspected = Store.inspect(files.database, files.disk)
    try:
        inspected.check_owner(gateway)
        epochs = inspected.load(gateway)
        _look_for_records(torn, epochs)
    finally:
        inspected.close()
        files.disk.remove(files.index_of_log)
    return Store.open(files.database, capacity_bytes, files.disk), epochs


def _look_for_records(torn: bytes, epochs: list[EpochIndex]) -> None:
    """Raises DamagedError when a record lies in the torn end that the journal does not show."""
    found = Found()
    carve(torn, found)
    heads = {index.ordinal: index.head for index in epochs}
    for rows in found.records.values():
        if rows[0].seq > heads.get(rows[0].ordinal, 0):
            raise DamagedError(f"record {rows[0].seq} lies in a damaged end of the log")


def _new_epoch(store: Store, epochs: list[EpochIndex], draw: Callable[[int], bytes]) -> EpochIndex:
    ordinal = max((index.ordinal for index in epochs), default=0) + 1
    epoch = Epoch(int.from_bytes(draw(6)))
    with store.transaction("beginning an epoch"):
        store.add_epoch(EpochRow(ordinal, epoch))
    return EpochIndex(ordinal=ordinal, epoch=epoch)


def _told(reason: str, saved: Salvage, aside: Path) -> str:
    return (
        f"{reason}; {saved.saved} records saved, {saved.lost} lost, {saved.unreadable} unreadable; "
        f"kept as {aside.name}"
    )[:512]


def _discard(files: Files, path: Path) -> None:
    """Deletes a journal that never came into place, with what SQLite left beside it."""
    for name in (path.name, f"{path.name}-journal", f"{path.name}-wal"):
        files.disk.remove(path.with_name(name))
