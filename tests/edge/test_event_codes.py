"""Every code that is declared is told somewhere; that none is told undeclared, the types say."""

from pathlib import Path

import doorward_edge
from doorward.events import EventCode

EDGE = Path(doorward_edge.__file__).parent


def test_every_declared_event_is_told_by_the_gateway() -> None:
    source = "\n".join(path.read_text("utf-8") for path in EDGE.rglob("*.py"))
    silent = [code.name for code in EventCode if f"EventCode.{code.name}" not in source]
    assert silent == []
