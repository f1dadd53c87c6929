"""Modules and functions stay small enough to be read: the limits stand in CONTRIBUTING.md."""

from tests.architecture.source import modules

MODULE_LINES = 600
FUNCTION_LINES = 80


def test_no_module_is_longer_than_600_lines() -> None:
    lengths = {module.name: module.text.count("\n") for module in modules()}
    assert len(lengths) > 30, "the search for modules found almost nothing"
    assert {name: lines for name, lines in lengths.items() if lines > MODULE_LINES} == {}


def test_no_function_is_longer_than_80_lines() -> None:
    lengths = {
        f"{module.name}:{function.lineno} {function.name}": (
            (function.end_lineno or function.lineno) - function.lineno + 1
        )
        for module in modules()
        for function in module.functions
    }
    assert {name: lines for name, lines in lengths.items() if lines > FUNCTION_LINES} == {}
