"""Gateways whose software is too old for what a policy uses (pure)."""

from collections.abc import Mapping
from dataclasses import dataclass

from doorward.policy import Policy
from doorward.policy_needs import NEEDS, Effect, Need, beyond, uses


@dataclass(frozen=True, slots=True, kw_only=True)
class TooOld:
    """A gateway that cannot read everything of a policy.

    Attributes:
        software: what it says it has; empty where it was never heard.
        needs: the first version that reads everything of it.
        effect: `refuse`: it goes on with the policy that it holds; `ignore`: it takes this one and
            leaves these fields out.
        fields: what it cannot read, as the bundle calls it.
        where: the zones and portals that use it.
    """

    gateway: str
    software: str
    needs: str
    effect: Effect
    fields: tuple[str, ...]
    where: tuple[str, ...]


def too_old(
    policy: Policy, software: Mapping[str, str], needs: tuple[Need, ...] = NEEDS
) -> tuple[TooOld, ...]:
    """Returns the gateways that are too old for a policy, by name.

    Args:
        policy: what is to be released.
        software: by gateway, what it said last.
        needs: what came to the format later.
    """
    used = uses(policy, needs)
    found = []
    for gateway, held in sorted(software.items()):
        missing = beyond(held, used)
        if missing:
            refuses = any(use.effect is Effect.REFUSE for use in missing)
            found.append(
                TooOld(
                    gateway=gateway,
                    software=held,
                    needs=str(max(use.since for use in missing)),
                    effect=Effect.REFUSE if refuses else Effect.IGNORE,
                    fields=tuple(use.field for use in missing),
                    where=tuple(sorted({name for use in missing for name in use.where})),
                )
            )
    return tuple(found)
