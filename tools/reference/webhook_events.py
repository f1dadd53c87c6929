"""`docs/reference/webhook-events.md`: everything that webhooks can be told of."""

from doorward_controller.console.webhook_words import EVENTS
from doorward_controller.domain.webhook_events import CHOICES, needed_for
from tools.reference.markdown import MADE, table


def text() -> str:
    """Returns the page."""
    rows = (
        (f"`{event.value}`", EVENTS[event.value], f"`{needed_for(event).value}`")
        for event in CHOICES
    )
    head = ("type", "says", "right that it takes to have others told")
    return (
        f"# Events that webhooks tell of\n\n{MADE}\nHow they are delivered: "
        "[integrations.md](../integrations.md). `data` always has `site`.\n\n" + table(head, rows)
    )
