"""Every MQTT topic and who speaks on it."""

from collections.abc import Iterator

from doorward import topics
from doorward.ids import GatewayId, SiteId
from tools.reference.markdown import MADE, table

_SITE, _GATEWAY = SiteId("site"), GatewayId("gateway")


def text() -> str:
    """Returns the page."""

    def rows() -> Iterator[tuple[str, ...]]:
        for up in topics.Up:
            message_id = "id" if up is topics.Up.OUTCOME else ""
            yield f"`{topics.up(_SITE, _GATEWAY, up, message_id)}`", "gateway to controller"
        for down in topics.Down:
            message_id = "id" if down is topics.Down.COMMAND else ""
            yield f"`{topics.down(_SITE, _GATEWAY, down, message_id)}`", "controller to gateway"
        for kind in topics.Policy:
            yield f"`{topics.policy(_SITE, kind)}`", "controller to the whole site, retained"
        yield f"`{topics.presence(_SITE)}`", "among the gateways of a site"
        yield f"`{topics.CONTROLLER_STATE}`", "controller to all, retained"

    return (
        f"# Topics\n\n{MADE}\n`site`, `gateway` and `id` stand for names. What the bodies are is "
        "in [the protocol](../protocol.md).\n\n" + table(("topic", "direction"), rows())
    )
