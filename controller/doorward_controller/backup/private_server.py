"""A PostgreSQL of our own for a while, which plays the log back up to a moment.

It listens on a socket in its own folder alone. As PostgreSQL refuses to run as root, root runs it
as whoever the folder around it belongs to, or as the account `postgres`.
"""

import os
import pwd
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy.engine import URL

from doorward_controller.errors import BackupError

_PLACES = "/usr/lib/postgresql"
_ACCOUNT = "postgres"
_START_S, _LOOK_S = 6 * 3600, 0.2
_SETTINGS = """# Written for a restore; the server's own settings are not needed to read its files.
listen_addresses = ''
unix_socket_directories = '{socket}'
unix_socket_permissions = 0700
hot_standby = off
archive_mode = off
ssl = off
fsync = off
logging_collector = off
log_destination = 'stderr'
restore_command = 'cp "{segments}/%f" "%p"'
recovery_target_time = '{until}'
recovery_target_inclusive = on
recovery_target_action = 'promote'
recovery_target_timeline = 'latest'
"""


@contextmanager
def played_back(cluster: Path, segments: Path, until_utc_s: int, like: URL) -> Iterator[str]:
    """Runs a base copy with the log up to a moment; gives its address, and ends it.

    Args:
        cluster: a base copy; it is changed.
        segments: the log.
        until_utc_s: what was committed later is not in it.
        like: names the role and the database.

    Raises:
        BackupError: the program is missing or of another version, the base copy is damaged, or
            the log does not lead there; in PostgreSQL's own words.
    """
    programs = _programs(cluster)
    socket = cluster.parent / "socket"
    socket.mkdir(mode=0o700, exist_ok=True)
    _hand_over(cluster)
    _run(cluster, programs / "pg_verifybackup", "--quiet", str(cluster))
    until = datetime.fromtimestamp(until_utc_s, UTC).isoformat()
    settings = _SETTINGS.format(socket=socket, segments=segments, until=until)
    (cluster / "postgresql.conf").write_text(settings, encoding="utf-8")
    (cluster / "postgresql.auto.conf").write_text("", encoding="utf-8")
    (cluster / "pg_hba.conf").write_text("local all all trust\n", encoding="utf-8")
    (cluster / "pg_ident.conf").write_text("", encoding="utf-8")
    (cluster / "recovery.signal").touch()
    (cluster / "standby.signal").unlink(missing_ok=True)
    _hand_over(cluster)
    log = cluster.parent / "server.log"
    control = ("--pgdata", str(cluster), "--wait", f"--timeout={_START_S}")
    try:
        _run(cluster, programs / "pg_ctl", "start", *control, "--log", str(log), log=log)
        _wait_until_open(cluster, programs, socket, log)
        yield like.set(
            host=None, port=None, password=None, query={"host": str(socket)}
        ).render_as_string(hide_password=False)
    finally:
        if (cluster / "postmaster.pid").exists():
            _run(cluster, programs / "pg_ctl", "stop", *control, "--mode=fast")


def _wait_until_open(cluster: Path, programs: Path, socket: Path, log: Path) -> None:
    """It takes nobody in before the moment is reached; a log that ends before ends the server."""
    pause = threading.Event()
    for _ in range(round(_START_S / _LOOK_S)):
        if (
            subprocess.run(  # noqa: S603  # our own arguments, and no shell
                (str(programs / "pg_isready"), "--quiet", "--host", str(socket)), check=False
            ).returncode
            == 0
        ):
            return
        if not (cluster / "postmaster.pid").exists():
            raise BackupError(f"postgres: {_last_words('', log)}", code="not_played_back")
        pause.wait(_LOOK_S)
    raise BackupError(f"the log was not played back within {_START_S // 3600} h")


def _programs(cluster: Path) -> Path:
    """Data files are read by the same major version alone."""
    try:
        major = (cluster / "PG_VERSION").read_text(encoding="utf-8").strip()
    except OSError as err:
        raise BackupError(f"{err.filename}: is missing from the base copy") from err
    found = Path(_PLACES) / major / "bin"
    if (found / "postgres").exists():
        return found
    beside = shutil.which("postgres")
    if beside is not None and f" {major}." in _version(beside):
        return Path(beside).resolve().parent
    raise BackupError(
        f"PostgreSQL {major} is not installed, and no other plays this log back: sudo apt-get"
        f" install postgresql-{major}",
        code="program_missing",
    )


def _version(program: str) -> str:
    done = subprocess.run(  # noqa: S603  # our own arguments, and no shell
        (program, "--version"), capture_output=True, text=True, check=False
    )
    return done.stdout


def _account(cluster: Path) -> pwd.struct_passwd | None:
    """Returns as whom a server runs; None for as ourselves."""
    if os.geteuid() != 0:
        return None
    owner = cluster.parent.parent.stat().st_uid
    try:
        return pwd.getpwuid(owner) if owner else pwd.getpwnam(_ACCOUNT)
    except KeyError as err:
        raise BackupError(f"there is no account {_ACCOUNT}, as which a server could run") from err


def _hand_over(cluster: Path) -> None:
    account = _account(cluster)
    if account is None:
        return
    for path in (cluster.parent, *cluster.parent.rglob("*")):
        os.chown(path, account.pw_uid, account.pw_gid, follow_symlinks=False)


def _run(cluster: Path, program: Path, *arguments: str, log: Path | None = None) -> None:
    account = _account(cluster)
    # To a file: a server that inherits a pipe of ours would keep us waiting for its end.
    said = cluster.parent / "said.txt"
    with said.open("w+", encoding="utf-8") as output:
        done = subprocess.run(  # noqa: S603  # our own arguments, and no shell
            (str(program), *arguments),
            cwd=cluster.parent,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            user=account.pw_uid if account else None,
            group=account.pw_gid if account else None,
            extra_groups=[] if account else None,
            env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8"},
            check=False,
        )
        output.seek(0)
        words = output.read()
    if done.returncode:
        raise BackupError(f"{program.name}: {_last_words(words, log)}", code="not_played_back")


def _last_words(words: str, log: Path | None) -> str:
    lines = words.splitlines()
    if log is not None and log.exists():
        logged = log.read_text(encoding="utf-8", errors="replace").splitlines()
        lines = [line for line in logged if "FATAL" in line or "PANIC" in line] or lines
    return lines[-1].strip() if lines else "no words"
