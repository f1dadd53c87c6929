"""The rule book: saved whole, every edition kept; nothing changes at a gate before a release."""

from doorward_controller.domain.permissions import Action, Actor
from doorward_controller.domain.rule_book import RuleBook
from doorward_controller.services.acting import act
from doorward_controller.services.backend import Backend
from doorward_controller.store import policies


def save_rules(backend: Backend, actor: Actor, book: RuleBook) -> None:
    """Saves a new edition. Raises ForbiddenError."""
    site = backend.config.site
    with act(backend, actor, Action.EDIT_RULES, name="save_rules", subject=site) as doing:
        policies.add_rule_book(
            doing.connection, site, book.model_dump_json(), doing.now.utc_s, actor.name
        )
        doing.detail.update(zones=len(book.zones), groups=len(book.groups), grants=len(book.grants))


def current(backend: Backend) -> RuleBook:
    """Returns the newest edition, released or not."""
    with backend.store.read() as connection:
        _, body = policies.newest_rule_book(connection, backend.config.site)
    return RuleBook.model_validate_json(body)
