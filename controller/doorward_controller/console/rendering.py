"""Templates to pages: the Jinja environments, one for each language, and what they all know."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from doorward.events import event_text
from doorward.reasons import REASON_TEXTS, Reason
from doorward_controller.console import fleet_words, words
from doorward_controller.console.assets import edition
from doorward_controller.console.i18n import Language, translations
from doorward_controller.domain.fleet_state import Condition
from doorward_controller.domain.permissions import Action

_CODES = frozenset(reason.value for reason in Reason)
_PIECES_AT_ONCE = 400
"""Of a template's own pieces: some 10 kB of a table."""

TEMPLATES = Path(__file__).parent / "templates"


@cache
def environment(language: Language) -> Environment:
    """Returns the environment whose templates speak `language`."""
    env = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n", "jinja2.ext.do"],
    )
    env.policies["ext.i18n.trimmed"] = True
    catalogue = translations(language)
    env.install_gettext_translations(catalogue, newstyle=True)  # type: ignore[attr-defined]
    env.globals.update(
        edition=edition(),
        look=fleet_words.look,
        words=words,
        fleet_words=fleet_words,
        Action=Action,
        Condition=Condition,
        Language=Language,
        reason_text=lambda code: reason_text(code, language),
        reason_next=lambda code: reason_next(code, language),
        word_of=lambda table, key: catalogue.gettext(table[key]) if key in table else str(key),
    )
    return env


def reason_text(code: str | None, language: Language) -> str:
    """Returns a reason, passage or event in words; a newer gateway's code is shown as it is."""
    if not code:
        return ""
    text = REASON_TEXTS[Reason(code)] if code in _CODES else event_text(code)
    if text is None:
        return code
    return text.zh if language is Language.CHINESE else text.en


def reason_next(code: str | None, language: Language) -> str:
    """Returns what the person at the gate can do about it."""
    if not code or code not in _CODES:
        return ""
    text = REASON_TEXTS[Reason(code)]
    return text.next_zh if language is Language.CHINESE else text.next_en


def render(language: Language, template: str, context: dict[str, object]) -> Markup:
    """Returns the page; a name that the context lacks is an error, never an empty place."""
    return Markup(environment(language).get_template(template).render(context))  # noqa: S704  # autoescaped


def render_pieces(language: Language, template: str, context: dict[str, object]) -> Iterator[str]:
    """Yields the page as it is made: its beginning is there before its end is known."""
    stream = environment(language).get_template(template).stream(context)
    stream.enable_buffering(_PIECES_AT_ONCE)
    return iter(stream)
