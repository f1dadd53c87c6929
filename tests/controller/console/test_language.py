"""Both languages are whole: no sentence without translation, no text outside of the catalogue."""

import re
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from babel.messages.pofile import read_po
from jinja2.lexer import Lexer

from doorward.events import EventCode, Passage
from doorward.reasons import Reason
from doorward_controller.console import words
from doorward_controller.console.i18n import Language, Reader, choose_language
from doorward_controller.console.rendering import TEMPLATES, environment, reason_text
from doorward_controller.domain.intake_reasons import ALARMS, QuarantineReason
from doorward_controller.domain.permissions import Action, Role
from tools import console_messages, vendor_assets

NOW_MS = 1_790_000_000_000
NOT_WORDS = {"Doorward", "PNG", "SVG", "PDF", "CSV", "JSON", "XLSX", "kill -9", "s"}
"""Names and units that are the same in every language."""

SERVICES = Path(console_messages.CONSOLE).parent / "services"


@pytest.mark.parametrize("locale", console_messages.LOCALES)
def test_every_sentence_is_translated_and_none_is_left_over(locale: str) -> None:
    assert console_messages.check(locale) == []


@pytest.mark.parametrize("locale", console_messages.LOCALES)
def test_a_translation_takes_the_same_values_as_its_sentence(locale: str) -> None:
    with console_messages.po_path(locale).open("rb") as source:
        catalogue = read_po(source, locale=locale)
    for message in catalogue:
        if message.id and isinstance(message.id, str):
            names = sorted(re.findall(r"%\((\w+)\)s|</?(\w+)", message.id))
            assert sorted(re.findall(r"%\((\w+)\)s|</?(\w+)", str(message.string))) == names


@pytest.mark.parametrize("path", sorted(TEMPLATES.rglob("*.html")), ids=lambda path: path.name)
def test_no_template_holds_text_that_escapes_translation(path: Path) -> None:
    """What remains without Jinja's tags, HTML's tags and translated blocks has no letters."""
    lexer = Lexer(environment(Language.ENGLISH))
    source = path.read_text("utf-8")
    untranslated = re.sub(r"{%-? *trans\b.*?endtrans *-?%}", "", source, flags=re.DOTALL)
    untranslated = re.sub(r"{% block body_class %}.*", "", untranslated)
    data = "".join(
        token[2] if token[1] == "data" else "\x00" for token in lexer.tokeniter(untranslated, None)
    )
    spoken = re.findall(
        r'\s(?:aria-label|title|alt|placeholder)="([^"\x00]*[A-Za-z][^"\x00]*)"', data
    )
    bare = [text.strip(" \n\x00·–/&;") for text in re.split(r"<[^>]*>", data)]
    assert [text for text in (*spoken, *bare) if re.search("[A-Za-z一-鿿]", text)] == [
        text for text in bare if text in NOT_WORDS
    ]


def test_every_state_role_action_and_reason_has_a_word() -> None:
    assert {role.value for role in Role} == words.ROLES.keys()
    assert {action.value for action in Action} == words.ACTIONS.keys()
    assert {reason.value for reason in QuarantineReason} == words.LOOKS["quarantine"].keys()
    reds = {name for name, look in words.LOOKS["quarantine"].items() if look.tone == "bad"}
    assert reds == {alarm.value for alarm in ALARMS}
    for language in Language:
        for code in (*Reason, *Passage, *EventCode):
            assert reason_text(code.value, language) not in {"", code.value}


def test_every_act_that_the_audit_log_knows_has_a_word() -> None:
    named = set[str]()
    for path in SERVICES.glob("*.py"):
        text = path.read_text("utf-8")
        named |= set(re.findall(r'act\([^)]*\bname="(\w+)"', text))
        named |= set(re.findall(r'actor, "(\w+)"', text))
        unnamed = re.findall(r"\bact\(\s*backend,\s*actor,\s*Action\.(\w+)(?![^)]*name=)", text)
        named |= {Action[name].value for name in unnamed}
    assert len(named) > 10
    assert named <= words.ACTS.keys()


@pytest.mark.parametrize(
    ("cookie", "header", "language"),
    [
        (None, None, Language.ENGLISH),
        (None, "zh-TW,en;q=0.5", Language.CHINESE),
        (None, "fr, en;q=0.3, zh;q=0.9", Language.CHINESE),
        (None, "fr,de", Language.ENGLISH),
        (None, "zh;q=0,en", Language.ENGLISH),
        (None, "zh;q=rubbish", Language.ENGLISH),
        (None, ",;q=;;" * 500, Language.ENGLISH),
        ("zh-Hans", "en", Language.CHINESE),
        ("en", "zh", Language.ENGLISH),
        ("klingon", "zh", Language.CHINESE),
    ],
)
def test_the_readers_choice_comes_first_then_the_browsers(
    cookie: str | None, header: str | None, language: Language
) -> None:
    assert choose_language(cookie, header) is language


def reader(language: Language) -> Reader:
    return Reader(language=language, zone=ZoneInfo("Asia/Shanghai"), now_ms=NOW_MS)


@pytest.mark.parametrize(
    ("age_s", "english", "chinese"),
    [
        (2, "just now", "刚刚"),
        (120, "2 minutes ago", "2分钟前"),
        (3600 * 5, "5 hours ago", "5小时前"),
        (-86_400 * 3, "in 3 days", "3天后"),
    ],
)
def test_ages_are_said_in_the_readers_language(age_s: int, english: str, chinese: str) -> None:
    at_ms = NOW_MS - age_s * 1000
    assert reader(Language.ENGLISH).age(at_ms) == english
    assert reader(Language.CHINESE).age(at_ms) == chinese


def test_times_are_the_sites_and_name_their_zone() -> None:
    assert reader(Language.ENGLISH).clock_time(NOW_MS) == "22:13:20"
    assert reader(Language.ENGLISH).full_time(NOW_MS) == "21 Sep 2026, 22:13:20 +0800"
    assert reader(Language.CHINESE).full_time(NOW_MS) == "2026年9月21日 22:13:20 +0800"
    assert reader(Language.CHINESE).clock_time(NOW_MS - 86_400_000) == "9月20日 22:13"


def test_the_vendored_files_are_the_ones_that_the_readme_describes() -> None:
    assert vendor_assets.verify() == []


def test_nothing_of_our_own_names_another_host() -> None:
    for folder in (TEMPLATES, TEMPLATES.parent / "static"):
        for path in folder.rglob("*"):
            if path.is_file() and "vendor" not in path.parts:
                text = path.read_text("utf-8").replace("http://www.w3.org/2000/svg", "")
                assert not re.search(r"https?://|//[a-z]+\.[a-z]", text), path
