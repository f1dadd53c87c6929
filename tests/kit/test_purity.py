"""The kit's trust modules know no clock, no chance, no files and no network: all is an argument."""

import ast
from pathlib import Path

import pytest

import doorward

FOLDER = Path(doorward.__file__).parent
ALLOWED = {
    "array", "bisect", "collections", "dataclasses", "enum", "functools", "hashlib", "io",
    "itertools", "operator", "re", "struct", "sys", "typing", "zlib", "cbor2",
    "cryptography", "doorward",
}  # fmt: skip
TRUST = (
    "ids", "errors", "times", "canonical", "topics", "envelope", "keys", "base45", "sticker",
    "credential", "reasons", "events", "status", "schedule", "roster", "policy",
    "policy_draft", "policy_rules", "policy_fields", "policy_header", "decision", "verdict",
    "presence_port", "presence_message", "presence", "presence_doors", "presence_muster",
    "presence_outbox", "presence_places", "presence_senders", "presence_snapshot",
    "presence_state", "presence_uses", "knowledge", "postures", "subject", "entitlement",
    "restraints",
)  # fmt: skip


def imported(tree: ast.AST) -> set[str]:
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
    return found


@pytest.mark.parametrize("name", TRUST)
def test_module_imports_nothing_that_reaches_outside(name: str) -> None:
    tree = ast.parse((FOLDER / f"{name}.py").read_text(encoding="utf-8"))
    assert {module.split(".")[0] for module in imported(tree)} <= ALLOWED
    called = {
        node.func.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    assert not called & {"open", "print", "input", "exec", "eval", "__import__"}


@pytest.mark.parametrize("name", TRUST)
def test_module_makes_no_key_and_draws_no_number(name: str) -> None:
    tree = ast.parse((FOLDER / f"{name}.py").read_text(encoding="utf-8"))
    named = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    named |= {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    assert not named & {"generate", "generate_private_key", "urandom", "getrandom", "token_bytes"}
