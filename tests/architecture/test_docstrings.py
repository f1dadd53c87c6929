"""Every module says what it holds; the kit, which security rests on, documents all it offers."""

import ast
from collections.abc import Iterator

from tests.architecture.source import DISTRIBUTIONS, Module, modules


def test_every_module_has_a_docstring() -> None:
    assert [m.name for m in modules() if m.text.strip() and not ast.get_docstring(m.tree)] == []


def test_every_public_class_and_function_of_the_kit_has_a_docstring() -> None:
    kit = modules(DISTRIBUTIONS["doorward"])
    assert kit
    lacking = [
        f"{module.name}:{node.lineno} {node.name}"
        for module in kit
        for node in _public(module)
        if not ast.get_docstring(node)
    ]
    assert lacking == []


def _public(module: Module) -> Iterator[ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef]:
    """Yield the public definitions of a module and the public methods of its public classes."""
    kinds = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    pending: list[ast.AST] = [module.tree]
    while pending:
        for node in ast.iter_child_nodes(pending.pop()):
            if isinstance(node, kinds) and not node.name.startswith("_"):
                yield node
                if isinstance(node, ast.ClassDef):
                    pending.append(node)
