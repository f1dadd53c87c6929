"""What can be set at a gateway from afar."""

from doorward.twin import SETTABLE
from tools.reference.markdown import MADE, table

_HEAD = """\
`*` stands for the name of a camera, a portal or a signal. Bounds are those of
[the gateway's settings](gateway-settings.md); how a setting is sent and what becomes of it, in
[commands and settings](../commands.md).
"""


def text() -> str:
    """Returns the page."""
    rows = ((f"`{name}`", meaning) for name, meaning in SETTABLE.items())
    return f"# Settings from afar\n\n{MADE}\n{_HEAD}\n" + table(("setting", "meaning"), rows)
