"""For supervisors and load balancers: the process turns, and is fit for what it is for.

`/healthz` says that the process answers; a supervisor restarts it when it does not. `/readyz` says
that work may be sent here; a load balancer asks it. `/health/live`, `/health/ready`: the same.
"""

import shutil
from collections.abc import Callable

from fastapi import APIRouter, Response
from pydantic import BaseModel

from doorward_controller.api.deps import BackendDep
from doorward_controller.domain.liveliness import JOBS_STUCK_MS
from doorward_controller.errors import SchemaError, StoreError
from doorward_controller.services.backend import Backend
from doorward_controller.store.upgrade import check_schema

LEAST_FREE_BYTES = 200 * 1024 * 1024
"""With less nothing is promised: a record that cannot be written is not acknowledged."""

router = APIRouter(tags=["health"])


class PartBody(BaseModel):
    """One part: `code` says what is wrong with it, empty when nothing is."""

    ok: bool
    code: str = ""
    is_needed: bool = True


class ReadyBody(BaseModel):
    """What works. `ready` is whether every part is well without which nothing should be sent here.

    A broker that is away delays records and does not make us unready: the console still serves.
    """

    ready: bool
    database: bool
    broker: bool
    parts: dict[str, PartBody]


@router.get("/healthz", status_code=204)
@router.get("/health/live", status_code=204)
def live() -> None:
    """The process answers."""


@router.get("/readyz", responses={503: {"model": ReadyBody}})
@router.get("/health/ready", responses={503: {"model": ReadyBody}})
def ready(backend: BackendDep, response: Response) -> ReadyBody:
    """The database has our tables, the jobs turn, the disk has room; 503 when one is not so."""
    parts = {name: _part(name, look(backend)) for name, look in _LOOKS.items()}
    is_ready = all(part.ok or not part.is_needed for part in parts.values())
    if not is_ready:
        response.status_code = 503
    response.headers["Cache-Control"] = "no-store"
    return ReadyBody(
        ready=is_ready,
        database=parts["database"].ok,
        broker=parts["broker"].ok,
        parts=parts,
    )


def _part(name: str, code: str) -> PartBody:
    return PartBody(ok=not code, code=code, is_needed=name != "broker")


def _database(backend: Backend) -> str:
    try:
        check_schema(backend.store)
    except SchemaError:
        return "database_schema"
    except StoreError:
        return "database_away"
    return ""


def _broker(backend: Backend) -> str:
    return "" if backend.publisher.connected else "broker_away"


def _jobs(backend: Backend) -> str:
    """A process without jobs of its own has none that could be stuck."""
    turned_ms = backend.measures.jobs_turned_at_mono_ms
    if turned_ms is None or backend.clock.now().mono_ms - turned_ms < JOBS_STUCK_MS:
        return ""
    return "jobs_stuck"


def _disk(backend: Backend) -> str:
    try:
        free = shutil.disk_usage(backend.config.data_dir).free
    except OSError:
        return "disk_unreadable"
    return "" if free >= LEAST_FREE_BYTES else "disk_full"


_LOOKS: dict[str, Callable[[Backend], str]] = {
    "database": _database,
    "broker": _broker,
    "jobs": _jobs,
    "disk": _disk,
}
