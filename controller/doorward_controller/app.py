"""The web application: the JSON interface under /api/v1, health at the root, the console around."""

from fastapi import FastAPI
from starlette.types import ASGIApp

from doorward_controller import console
from doorward_controller.api import (
    accounts,
    alerts,
    audit,
    backups,
    commands,
    credentials,
    devices,
    enrolments,
    forgiving,
    gateways,
    health,
    holders,
    keeping,
    keys,
    live,
    maintenance,
    maintenance_plans,
    metrics,
    occupancy,
    own_account,
    policy,
    policy_preview,
    postures,
    proposals,
    records,
    releases,
    repository,
    revocations,
    roll_outs,
    session,
    staff,
    versions,
    webhooks,
)
from doorward_controller.api.description import Interface
from doorward_controller.api.errors import install
from doorward_controller.api.idempotency import Idempotency
from doorward_controller.api.late import Late
from doorward_controller.api.limits import BodyLimit
from doorward_controller.api.plain_texts import PlainTexts
from doorward_controller.api.rates import Rates
from doorward_controller.console.demo_port import DemoControls
from doorward_controller.services.backend import Backend

API_ROOT = "/api/v1"
SCIM_ROOT = "/scim/v2"
VERSION = "1.0"

MODULES = (
    session,
    own_account,
    accounts,
    gateways,
    enrolments,
    records,
    occupancy,
    credentials,
    forgiving,
    holders,
    policy,
    policy_preview,
    postures,
    proposals,
    revocations,
    keys,
    keeping,
    audit,
    backups,
    live,
    maintenance,
    maintenance_plans,
    commands,
    roll_outs,
    releases,
    staff,
    alerts,
    devices,
    webhooks,
)
"""What the interface consists of; each has its operations in `router`."""


def create_app(backend: Backend, demo: DemoControls | None = None) -> FastAPI:
    """Returns the application. It starts no threads: intake and jobs run beside it.

    Args:
        backend: the controller's parts.
        demo: what the console's demonstration page acts on; None for no such page.
    """
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    app.state.backend = backend
    install(app)
    app.add_middleware(BodyLimit)
    app.add_middleware(metrics.Measured, backend=backend)
    app.include_router(health.router)
    app.include_router(metrics.router)
    app.mount(API_ROOT, _api(backend))
    app.router.routes.extend(repository.mounts(backend.config))
    app.mount(SCIM_ROOT, Late(lambda: _directory(backend)))
    console.mount(app, demo)
    return app


def _directory(backend: Backend) -> ASGIApp:
    from doorward_controller.api import scim  # noqa: PLC0415 (half a second of imports)

    return scim.application(backend)


def _api(backend: Backend) -> FastAPI:
    """An application of its own: what it does not know is its own 404, not the console's."""
    api = Interface(
        title="Doorward controller",
        version=VERSION,
        docs_url=None,  # its pages load scripts from other hosts; sites have none
        redoc_url=None,
    )
    api.state.backend = backend
    install(api)
    versions.install(api)
    api.add_middleware(Idempotency, backend=backend)
    api.add_middleware(PlainTexts)
    api.add_middleware(Rates, backend=backend)
    for module in MODULES:
        api.take(module.router)
    return api
