"""A gateway that the controller knows, as its journal sees itself."""

from doorward_controller.domain.permissions import Actor, local_actor
from doorward_controller.services import enrolment
from doorward_controller.services.backend import Backend
from tests.fakes.journal_gateway import FIRST_EPOCH, JournalGateway


def enrolled(
    backend: Backend,
    name: str = "gate-1",
    *portals: str,
    actor: Actor | None = None,
    epoch: int = FIRST_EPOCH,
) -> JournalGateway:
    """Enrols a gateway, with a door of its name unless others are named; returns its journal."""
    journal = JournalGateway(
        name, intake_key=backend.keys.intake_public, site=backend.config.site, epoch=epoch
    )
    enrolment.enrol_gateway(
        backend,
        actor or local_actor(),
        gateway=name,
        record_key=journal.signer.public,
        portals=[
            enrolment.NewPortal(portal=portal, zone="site")
            for portal in portals or (f"{name}-door",)
        ],
    )
    return journal
