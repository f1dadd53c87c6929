"""Keeps the console's catalogue of sentences in step with its templates and modules.

python tools/console_messages.py update    adds new sentences to the .po file, drops unused ones
python tools/console_messages.py check     says which sentences are missing, unused or untranslated
"""

import argparse
import io
import sys
from pathlib import Path

from babel.messages import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

CONSOLE = Path(__file__).resolve().parent.parent / "controller/doorward_controller/console"
LOCALES = ("zh_Hans",)

_METHODS = [("**.py", "python"), ("templates/**.html", "jinja2")]
_OPTIONS = {
    "templates/**.html": {
        "trimmed": "true",
        "silent": "false",
        "encoding": "utf-8",
        "extensions": "jinja2.ext.do",
    }
}
_KEYWORDS = {"mark": None, "_": None, "gettext": None, "ngettext": (1, 2)}


_NOT_KEPT = tuple(
    f'"{name}:'
    for name in (
        "Generated-By",
        "Language-Team",
        "Last-Translator",
        "PO-Revision-Date",
        "POT-Creation-Date",
        "Project-Id-Version",
        "Report-Msgid-Bugs-To",
    )
)
"""Header lines that would change with every run or say nothing."""

_HEADER = "# The console's sentences. Kept in step by tools/console_messages.py."


def po_path(locale: str) -> Path:
    """Returns where a language's sentences are kept."""
    return CONSOLE / "locale" / locale / "LC_MESSAGES" / "console.po"


def extract() -> Catalog:
    """Returns every sentence that templates and modules show."""
    catalogue = Catalog(project="Doorward console", charset="utf-8")
    found = extract_from_dir(str(CONSOLE), _METHODS, _OPTIONS, _KEYWORDS, strip_comment_tags=True)
    for path, _, message, comments, context in sorted(found, key=lambda each: (each[0], each[1])):
        # Without line numbers, so that moving a line does not change the file.
        catalogue.add(message, None, [(path, 0)], auto_comments=comments, context=context)
    return catalogue


def load(locale: str) -> Catalog:
    """Returns what is translated; an empty catalogue where there is none yet."""
    if not po_path(locale).exists():
        return Catalog(locale=locale, charset="utf-8")
    with po_path(locale).open("rb") as source:
        return read_po(source, locale=locale)


def update(locale: str) -> None:
    """Writes the language's file anew: translations are kept, new sentences wait for one."""
    wanted, held = extract(), load(locale)
    fresh = Catalog(locale=locale, header_comment=_HEADER, charset="utf-8", fuzzy=False)
    for message in wanted:
        if not message.id:
            continue
        known = held.get(message.id, message.context)
        fresh.add(
            message.id,
            known.string if known else None,
            [(path, 0) for path, _ in dict.fromkeys(message.locations)],
            context=message.context,
        )
    target = po_path(locale)
    target.parent.mkdir(parents=True, exist_ok=True)
    out = io.BytesIO()
    write_po(out, fresh, width=100, sort_output=True, include_lineno=False, omit_header=False)
    text = out.getvalue().decode()
    kept = [line for line in text.splitlines() if not line.startswith(_NOT_KEPT)]
    target.write_text("\n".join(kept) + "\n", "utf-8")


def check(locale: str) -> list[str]:
    """Returns what is wrong, in sentences."""
    wanted = {message.id for message in extract() if message.id}
    held = {message.id: message.string for message in load(locale) if message.id}
    wrong = [f"{locale} lacks {text!r}" for text in wanted - held.keys()]
    wrong += [f"{locale} holds {text!r}, which nothing shows" for text in held.keys() - wanted]
    for text, translation in held.items():
        parts = translation if isinstance(translation, (list, tuple)) else (translation,)
        if not all(parts):
            wrong.append(f"{locale} has no translation of {text!r}")
    return sorted(wrong)


def main() -> int:
    """Runs the command; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("command", choices=["update", "check"])
    if parser.parse_args().command == "update":
        for locale in LOCALES:
            update(locale)
    wrong = [line for locale in LOCALES for line in check(locale)]
    print("\n".join(wrong) or "every sentence is translated")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
