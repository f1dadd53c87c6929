"""The rules of alerts: the program's own, which somebody may change, and those somebody adds."""

from doorward_controller.domain.alert_defaults import default_rules
from doorward_controller.domain.alert_rules import Rule
from doorward_controller.domain.permissions import Action, Actor
from doorward_controller.errors import ConflictError, InvalidError, NotFoundError
from doorward_controller.services.acting import act
from doorward_controller.services.backend import Backend
from doorward_controller.store import alerts, receivers

MAX_OWN_RULES = 200
_DEFAULT_CODES = frozenset(rule.code for rule in default_rules())


def is_own(code: str) -> bool:
    """Says whether a rule is the program's own."""
    return code in _DEFAULT_CODES


def save_rule(backend: Backend, actor: Actor, rule: Rule) -> None:
    """Keeps a rule in place of the one with its code. Raises ForbiddenError, InvalidError."""
    with act(
        backend, actor, Action.EDIT_ALERT_RULES, name="save_alert_rule", subject=rule.code
    ) as doing:
        known = {each.id for each in receivers.ladder(doing.connection)}
        for step in rule.steps:
            if step.receiver_id not in known:
                raise InvalidError(f"there is no receiver {step.receiver_id}", code="no_receiver")
        held = {each.code for each in alerts.changed_rules(doing.connection)}
        if rule.code not in held and len(held) >= MAX_OWN_RULES:
            raise ConflictError(f"there are {MAX_OWN_RULES} changed rules already")
        alerts.save_rule(doing.connection, rule, by=actor.name, now_s=doing.now.utc_s)
        doing.detail.update(kind=rule.kind.value, what=rule.what, is_on=rule.is_on)


def drop_rule(backend: Backend, actor: Actor, code: str) -> None:
    """Forgets a change: the program's own rule counts again, an added one is gone.

    Raises ForbiddenError or NotFoundError.
    """
    with act(
        backend, actor, Action.EDIT_ALERT_RULES, name="drop_alert_rule", subject=code[:64]
    ) as doing:
        if not alerts.drop_rules(doing.connection, [code]):
            raise NotFoundError(f"rule {code[:64]} was neither added nor changed")
