"""Who may do what, and how far: the matrix that every act is held against."""

from collections.abc import Iterator

from doorward_controller.console import words
from doorward_controller.domain.permissions import (
    LIMITABLE,
    MATRIX,
    NOT_FOR_PROGRAMS,
    READS,
    SEPARATED,
    Action,
    Reach,
    Role,
    may,
    reach_of,
)
from tools.reference.markdown import MADE, table

REACHES = {
    Reach.OWN: "oneself",
    Reach.PLACE: "a place",
    Reach.SITE: "the whole site",
}


def text() -> str:
    """Returns the page."""
    return "\n".join(_page()) + "\n"


def _page() -> Iterator[str]:
    yield "# Permissions"
    yield ""
    yield MADE
    yield ""
    yield "Every page, endpoint and command asks this one matrix before it does or shows anything."
    yield "What the roles are there for, and how somebody is limited to zones, says"
    yield "[accounts](../accounts.md)."
    yield ""
    yield "*Reaches a place*: somebody limited to zones has it there, and nowhere else. *The whole"
    yield "site*: only for who is limited to nothing. A token holds at most what its owner's role"
    yield f"holds, without {_listed(NOT_FOR_PROGRAMS)}."
    yield ""
    yield "## Action by role"
    yield ""
    roles = tuple(Role)
    yield table(
        ("action", "what it is", "reaches", "changes", *(role.value for role in roles)),
        (
            (
                f"`{action.value}`",
                str(words.ACTIONS[action]),
                REACHES[reach_of(action)],
                "" if action in READS else "yes",
                *("●" if may(role, action) else "" for role in roles),
            )
            for action in Action
        ),
    )
    yield "## Roles"
    yield ""
    yield table(
        ("role", "name", "actions", "can be limited to zones"),
        (
            (
                f"`{role.value}`",
                str(words.ROLES[role]),
                str(len(MATRIX[role])),
                "yes" if role in LIMITABLE else "no",
            )
            for role in roles
        ),
    )
    yield "## Kept apart"
    yield ""
    yield "No role holds one of the first and one of the second; a test holds the matrix to it."
    yield ""
    yield table(
        ("who has one of", "has none of"),
        ((_listed(one), _listed(other)) for one, other in SEPARATED),
    )


def _listed(actions: frozenset[Action]) -> str:
    return ", ".join(f"`{action.value}`" for action in Action if action in actions)
