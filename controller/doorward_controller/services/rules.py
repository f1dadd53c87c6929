"""The rule book: saved whole, every edition kept; nothing changes at a gate before a release."""

from dataclasses import dataclass

from doorward_controller.domain.permissions import Action, Actor
from doorward_controller.domain.rule_book import RuleBook
from doorward_controller.domain.rule_edits import Edit, InUseError, TakenError, put_whole
from doorward_controller.errors import ConflictError, InvalidError, NotFoundError
from doorward_controller.services.acting import Act, act
from doorward_controller.services.backend import Backend
from doorward_controller.store import policies


@dataclass(frozen=True, slots=True, kw_only=True)
class Edition:
    """A rule book and its number."""

    number: int
    book: RuleBook


def save_rules(backend: Backend, actor: Actor, book: RuleBook) -> None:
    """Saves a new edition. Raises ForbiddenError."""
    site = backend.config.site
    with act(backend, actor, Action.EDIT_RULES, name="save_rules", subject=site) as doing:
        _save(doing, site, book, actor.name)


def change_rules(backend: Backend, actor: Actor, edit: Edit, seen: int) -> None:
    """Saves an edition with one change in it; others who change something else do not mind.

    Args:
        backend: the controller's parts.
        actor: who changes it.
        edit: the change.
        seen: the edition that the actor looked at.

    Raises:
        ForbiddenError: the role does not allow it.
        ConflictError: the part was changed meanwhile, is in use, or is there already.
        InvalidError: the book would not be one.
        NotFoundError: there is no such edition.
    """
    site = backend.config.site
    with act(backend, actor, Action.EDIT_RULES, name="save_rules", subject=site) as doing:
        policies.lock_site(doing.connection, site)
        number, body = policies.newest_rule_book(doing.connection, site)
        newest = RuleBook.model_validate_json(body)
        if number != seen and edit.part(_edition(doing, site, seen)) != edit.part(newest):
            raise ConflictError(f"{edit.about} was changed meanwhile", code="changed_meanwhile")
        book = _made(edit, newest)
        doing.detail["part"] = edit.about
        if book != newest:
            _save(doing, site, book, actor.name)


def go_back(backend: Backend, actor: Actor, seen: int) -> None:
    """Saves what is released as the newest edition: what was changed since is laid aside.

    Raises ForbiddenError, NotFoundError before the first release, or ConflictError.
    """
    with backend.store.read() as connection:
        released = policies.newest_bundle(connection, backend.config.site)
    if released is None:
        raise NotFoundError("nothing was released yet", code="no_release")
    change_rules(backend, actor, put_whole(edition(backend, released.rule_book_id).book), seen)


def current(backend: Backend) -> RuleBook:
    """Returns the newest edition, released or not."""
    return edition(backend).book


def edition(backend: Backend, number: int | None = None) -> Edition:
    """Returns an edition, by default the newest. Raises NotFoundError."""
    with backend.store.read() as connection:
        found = policies.rule_book(connection, backend.config.site, number)
    if found is None:
        raise NotFoundError(f"there is no rule book {number}", code="no_rule_book")
    return Edition(number=found[0], book=RuleBook.model_validate_json(found[1]))


def _edition(doing: Act, site: str, number: int) -> RuleBook:
    found = policies.rule_book(doing.connection, site, number)
    if found is None:
        raise NotFoundError(f"there is no rule book {number}", code="no_rule_book")
    return RuleBook.model_validate_json(found[1])


def _made(edit: Edit, book: RuleBook) -> RuleBook:
    try:
        return edit.made(book)
    except InUseError as err:
        raise ConflictError(str(err), code="rule_in_use") from err
    except TakenError as err:
        raise ConflictError(str(err), code="rule_taken") from err
    except ValueError as err:
        raise InvalidError(f"{edit.about}: {err}", code="rules_unfit") from err


def _save(doing: Act, site: str, book: RuleBook, saved_by: str) -> None:
    policies.add_rule_book(
        doing.connection, site, book.model_dump_json(), doing.now.utc_s, saved_by
    )
    doing.detail.update(zones=len(book.zones), groups=len(book.groups), grants=len(book.grants))
