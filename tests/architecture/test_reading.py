"""What is written for people leads somewhere: links, anchors, tests and commands that it names."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest
import typer.main
from typer.core import TyperGroup

from doorward_controller.__main__ import app as controller
from doorward_controller.domain.alert_defaults import default_rules
from doorward_edge.__main__ import app as gateway
from tests.architecture.source import ROOT

DOCS = ROOT / "docs"
_NO_PAGE = DOCS / "adr" / "template.md"
PAGES = sorted(
    [
        *(page for page in DOCS.rglob("*.md") if page != _NO_PAGE),
        *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")),
        *(ROOT / folder / "README.md" for folder in ("hardware", "systemd")),
    ]
)
_FENCE = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
_CODE = re.compile(r"`[^`\n]*`")
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#{1,6} +(.+?)\s*$", re.MULTILINE)
_TEST = re.compile(r"(tests/[\w/]+\.py)(?:::(test_\w+))?")
_THREATS = DOCS / "threat-model.md"
_RUNBOOKS = (DOCS / "runbooks.md", DOCS / "runbooks.zh.md")


def _prose(page: Path) -> str:
    """Returns a page without what it quotes as code: brackets there are no links."""
    return _CODE.sub("", _FENCE.sub("", page.read_text("utf-8")))


@cache
def _anchors(page: Path) -> frozenset[str]:
    """Returns a page's anchors, as GitHub makes them of headings."""
    found: dict[str, int] = {}
    for heading in _HEADING.findall(_FENCE.sub("", page.read_text("utf-8"))):
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "")
        anchor = re.sub(r"[^\w\- ]", "", words.lower()).replace(" ", "-")
        found[anchor] = found.get(anchor, -1) + 1
    return frozenset(
        f"{anchor}-{number}" if number else anchor
        for anchor, count in found.items()
        for number in range(count + 1)
    )


def _wrong_links(page: Path) -> list[str]:
    wrong = []
    for link in _LINK.findall(_prose(page)):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        is_there = target.exists() and ROOT in (target, *target.parents)
        if not is_there or (anchor and anchor not in _anchors(target)):
            wrong.append(link)
    return wrong


@cache
def _tests_of(path: Path) -> frozenset[str]:
    tree = ast.parse(path.read_text("utf-8"))
    return frozenset(
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )


def _commands(program: typer.Typer) -> frozenset[str]:
    """Returns every command by its full name, groups too."""
    found = set()

    def below(name: str, group: TyperGroup) -> None:
        for each in group.commands:
            full = f"{name} {each}".strip()
            found.add(full)
            command = group.commands[each]
            if isinstance(command, TyperGroup):
                below(full, command)

    whole = typer.main.get_command(program)
    assert isinstance(whole, TyperGroup)
    below("", whole)
    return frozenset(found)


def _threats() -> list[tuple[str, ...]]:
    rows = re.findall(r"^\| (T-[A-Z]+\d+) \|(.+)\|$", _THREATS.read_text("utf-8"), re.MULTILINE)
    return [(name, *(cell.strip() for cell in rest.split(" | "))) for name, rest in rows]


def _id(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=_id)
def test_every_link_of_a_page_leads_to_a_file_and_a_heading_that_is_there(page: Path) -> None:
    assert _wrong_links(page) == []


def test_a_link_that_leads_nowhere_would_be_seen(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# Some *words*, `code`\n\n[a](#some-words-code) [b](#none) [c](away.md)\n")
    assert _wrong_links(page)[-2:] == ["#none", "away.md"]


@pytest.mark.parametrize("page", PAGES, ids=_id)
def test_every_test_that_a_page_names_is_there(page: Path) -> None:
    for file, function in _TEST.findall(page.read_text("utf-8")):
        assert (ROOT / file).exists(), file
        assert not function or function in _tests_of(ROOT / file), f"{file}::{function}"


def test_every_page_is_in_the_index_by_reader() -> None:
    index = DOCS / "README.md"
    linked = {(DOCS / link.partition("#")[0]).resolve() for link in _LINK.findall(_prose(index))}
    kept_elsewhere = {index, *(DOCS / "adr").glob("*.md")}
    assert sorted(_id(p) for p in set(DOCS.rglob("*.md")) - linked - kept_elsewhere) == []


def test_every_threat_has_a_control_a_test_and_what_remains() -> None:
    threats = _threats()
    names = [name for name, *_ in threats]
    assert len(names) > 30
    assert len(names) == len(set(names))
    for name, *cells in threats:
        assert len(cells) == 4, f"{name} has {len(cells)} cells after its name"
        _, control, test, remains = cells
        assert control, name
        assert remains, name
        assert _TEST.search(test), f"{name} names no test"


def test_every_file_that_the_threat_model_names_is_there() -> None:
    named = re.findall(
        r"`((?:doorward|edge|controller|systemd)/[\w./@-]+)`", _THREATS.read_text("utf-8")
    )
    assert named
    assert [name for name in named if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("page", _RUNBOOKS, ids=_id)
def test_every_command_and_alert_of_a_runbook_is_there(page: Path) -> None:
    text = page.read_text("utf-8")
    for name, program in (("doorward-controller", controller), ("doorward-edge", gateway)):
        known = _commands(program)
        used = re.findall(rf"{name} ([a-z][a-z-]*)((?: [a-z][a-z-]*)?)", text)
        assert used, name
        for first, second in used:
            assert first in known, f"{name} {first}"
            is_group = any(each.startswith(f"{first} ") for each in known)
            assert not (is_group and second) or f"{first}{second}" in known, f"{first}{second}"
    codes = re.findall(r"`((?:event|site|state|change|metric|rate)\.[a-z_.]+)`", text)
    assert codes
    assert sorted(set(codes) - {rule.code for rule in default_rules()}) == []
