"""Time comes from a clock that is passed in; few modules may read the machine's own.

ruff bans the same calls as one writes; this test also sees the modules that are exempt from that
rule for another reason.
"""

import ast

from tests.architecture.source import Module, product_modules

READS = {
    *("time.time", "time.time_ns", "time.monotonic", "time.monotonic_ns", "time.sleep"),
    *("datetime.now", "datetime.utcnow", "datetime.datetime.now", "datetime.datetime.utcnow"),
}
MAY_READ = {
    "edge/doorward_edge/adapters/clock_system.py",
    "controller/doorward_controller/clock.py",
}


def _clock_reads(module: Module) -> list[str]:
    calls = [node.func for node in ast.walk(module.tree) if isinstance(node, ast.Call)]
    return [f"{module.name}:{call.lineno}" for call in calls if ast.unparse(call) in READS]


def test_only_the_clock_adapters_read_the_clock() -> None:
    read = [place for m in product_modules() if m.name not in MAY_READ for place in _clock_reads(m)]
    assert read == []
