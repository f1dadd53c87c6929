"""For supervisors: alive, and ready to do what it is for."""

from fastapi import APIRouter, Response
from pydantic import BaseModel

from doorward_controller.api.deps import BackendDep
from doorward_controller.errors import StoreError
from doorward_controller.store.upgrade import check_schema

router = APIRouter(tags=["health"])


class ReadyBody(BaseModel):
    """What works. A broker that is away delays records; it does not make us unready."""

    ready: bool
    database: bool
    broker: bool


@router.get("/health/live", status_code=204)
def live() -> None:
    """The process answers."""


@router.get("/health/ready", responses={503: {"model": ReadyBody}})
def ready(backend: BackendDep, response: Response) -> ReadyBody:
    """The database answers and has our tables."""
    try:
        check_schema(backend.store)
        database = True
    except StoreError:
        database = False
        response.status_code = 503
    return ReadyBody(ready=database, database=database, broker=backend.publisher.connected)
