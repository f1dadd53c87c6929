"""Words and looks of the site's keys."""

from collections.abc import Mapping
from types import MappingProxyType

from doorward_controller.console.i18n import mark
from doorward_controller.console.words import Look

USES: Mapping[str, str] = MappingProxyType(
    {
        "root": mark("Root"),
        "issue": mark("Badges"),
        "policy": mark("Rules and lists"),
        "control": mark("Acknowledgements"),
        "command": mark("Commands and settings"),
        "intake": mark("Sealed records"),
    }
)
WHAT_FOR: Mapping[str, str] = MappingProxyType(
    {
        "root": mark("Signs which keys count. Keep it apart; it is changed by a new site only."),
        "issue": mark("Signs badges and passes. Gateways verify them without asking anybody."),
        "policy": mark("Signs rules, the revocation list and the list of guards."),
        "control": mark("Signs that records are stored, so that gateways let go of them."),
        "command": mark("Signs commands, which open doors, and settings."),
        "intake": mark(
            "Gateways seal their records to it."
            " A new one is given to gateways enrolled from now on."
        ),
    }
)
STATES: Mapping[str, Look] = MappingProxyType(
    {
        "waiting": Look(tone="info", icon="hourglass", word=mark("Waits for gateways")),
        "in_use": Look(tone="good", icon="circle-check", word=mark("In use")),
        "replaced": Look(tone="quiet", icon="history", word=mark("Replaced, still verifies")),
        "over": Look(tone="quiet", icon="clock-exclamation", word=mark("Over")),
        "withdrawn": Look(tone="bad", icon="ban", word=mark("Withdrawn")),
    }
)
REFUSALS: Mapping[str, str] = MappingProxyType(
    {
        "root_key_away": mark(
            "root.key, which signs keyrings, is not in this server's key folder."
            " Bring it back for this."
        ),
        "key_waits": mark("A new key waits already. It is used once every gateway holds it."),
        "key_not_waiting": mark("This key does not wait any more."),
        "no_key": mark("There is no such key."),
        "number_differs": mark("The number is not this key's. Nothing was changed."),
        "key_withdrawn": mark("This key is withdrawn already."),
        "key_is_root": mark("A root key cannot be withdrawn here."),
        "reason_missing": mark("Say why, in at most 200 characters."),
        "selection_changed": mark("More badges were issued since this was shown. Look again."),
        "second_person_needed": mark("This needs a second person: propose it."),
        "keyrings_full": mark("Keys were changed more often than gateways can follow."),
    }
)
