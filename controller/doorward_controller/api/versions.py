"""Conditional requests (RFC 9110, section 13): nobody overwrites what they have not seen.

An endpoint says with `Shows(...)` what its answer is the version of, and with `Changes(...)` what
it changes. The first gives the version out as a strong ETag and answers 304 to who has it already;
the second compares `If-Match` within the act's own transaction, under a lock.

What shows something that moves by itself as well (an age, whether a device is there) is `moving`:
its tag has a second part that is another one each time. Such a tag never saves an answer, but
`If-Match` looks at its first part alone, which is of what people edit.
"""

import re
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from fastapi import Depends, FastAPI, Request, Response

from doorward_controller.api.deps import BackendDep, terms_of
from doorward_controller.errors import ActError
from doorward_controller.services.backend import Backend
from doorward_controller.store import versions
from doorward_controller.store.versions import RowsOf

_TAG = re.compile(r'(W/)?"([!#-~]*)"')
CONDITION = r'^(\*|(W/)?"[!#-~]*"([ \t]*,[ \t]*(W/)?"[!#-~]*")*)$'
MAX_CONDITION = 1000
"""Some dozens of tags; nobody has more versions of one thing at hand."""

_CONDITION = re.compile(CONDITION)


class ChangedMeanwhileError(ActError):
    """Somebody has changed what the caller looked at."""

    code = "changed_meanwhile"
    status = 412


class VersionNeededError(ActError):
    """The change would overwrite blindly: the caller must say what they looked at."""

    code = "version_needed"
    status = 428


class BadConditionError(ActError):
    """The condition is none."""

    code = "bad_condition"
    status = 400


class NotModified(Exception):  # noqa: N818  # an answer, no failure
    """The caller has it already."""

    def __init__(self, tag: str) -> None:
        """Keeps the tag that both have."""
        super().__init__(tag)
        self.tag = tag


@dataclass(frozen=True, slots=True, kw_only=True)
class Versioned:
    """A kind of thing that people edit.

    Attributes:
        name: begins its tags, so that a tag of one kind never fits another.
        parameter: of the path, which names one; empty where there is one only.
        moving: its answers hold what changes by itself.
        made_by_put: a change of what is not there makes it.
    """

    name: str
    rows: RowsOf
    parameter: str = ""
    moving: bool = False
    made_by_put: bool = False

    def tag(
        self, connection: sa.Connection, backend: Backend, request: Request, *, lock: bool = False
    ) -> str | None:
        """Returns the tag now, None when there is no such thing."""
        key = str(request.path_params.get(self.parameter, ""))
        found = versions.version(connection, self.rows, backend.config.site, key, lock=lock)
        return None if found is None else f"{self.name}-{found}"


RULES = Versioned(name="rules", rows=versions.rules)
POLICY = Versioned(name="policy", rows=versions.policy)
STAFF_LIST = Versioned(name="staff", rows=versions.staff_list, moving=True)
STAFF_MEMBER = Versioned(name="member", rows=versions.staff_member, parameter="member_id")
CONFIGURATION = Versioned(
    name="configuration", rows=versions.configuration, parameter="gateway", moving=True
)
DEVICE = Versioned(name="device", rows=versions.device, parameter="gateway", moving=True)
ACCOUNT = Versioned(name="account", rows=versions.account, parameter="name")
HOLDER = Versioned(name="holder", rows=versions.holder, parameter="holder_id")
CREDENTIAL = Versioned(
    name="credential", rows=versions.credential, parameter="credential_id", moving=True
)
ALERT_RULE = Versioned(name="rule", rows=versions.alert_rule, parameter="code", made_by_put=True)
RECEIVER = Versioned(name="receiver", rows=versions.alert_receiver, parameter="receiver_id")
ALERT = Versioned(name="alert", rows=versions.alert, parameter="alert_id", moving=True)
PLAN = Versioned(name="plan", rows=versions.plan, parameter="plan_id", moving=True)
PART = Versioned(name="part", rows=versions.part, parameter="part_id")
WORK_ORDER = Versioned(name="order", rows=versions.work_order, parameter="order_id", moving=True)
POSTURES = Versioned(name="postures", rows=versions.postures, moving=True)
PROPOSAL = Versioned(name="proposal", rows=versions.proposal, parameter="proposal_id")
WEBHOOK = Versioned(name="webhook", rows=versions.webhook, parameter="webhook_id", moving=True)
ROLL_OUT = Versioned(name="roll-out", rows=versions.roll_out, parameter="roll_out_id", moving=True)


@dataclass(frozen=True, slots=True)
class Showing:
    """A dependency of an endpoint whose answer has a version.

    The version is looked up before the answer: what changes in between makes the tag too old,
    which costs the caller a second look and never a lost change.
    """

    what: Versioned

    def __call__(self, request: Request, response: Response, backend: BackendDep) -> None:
        """Sets ETag. Raises NotModified or BadConditionError."""
        known = _condition(request, "If-None-Match")
        with backend.store.read() as connection:
            tag = self.what.tag(connection, backend, request)
        if tag is None:
            return  # the endpoint says so itself
        if self.what.moving:
            tag = f"{tag}.{backend.clock.now().utc_ms}"
        if known is not None and _names(known, tag, weakly=True):
            raise NotModified(f'"{tag}"')
        response.headers["ETag"] = f'"{tag}"'


@dataclass(frozen=True, slots=True)
class Changing:
    """A dependency of an endpoint that changes something.

    Attributes:
        needed: without a version the change is refused (428): it replaces what was there.
    """

    what: Versioned
    needed: bool = False

    def __call__(self, request: Request, backend: BackendDep) -> None:
        """Ties the change to its condition. Raises VersionNeededError or BadConditionError."""
        must, must_not = _condition(request, "If-Match"), _condition(request, "If-None-Match")
        if self.needed and must is None and must_not is None:
            raise VersionNeededError(
                "send the ETag of what you looked at as If-Match; this replaces it"
            )
        if must is None and must_not is None:
            return

        def check(connection: sa.Connection) -> None:
            tag = self.what.tag(connection, backend, request, lock=True)
            if tag is None and not self.what.made_by_put:
                return  # the act says that there is none
            fits = must is None or (tag is not None and _names(must, tag))
            if not fits or (must_not is not None and tag and _names(must_not, tag, weakly=True)):
                raise ChangedMeanwhileError("it was changed meanwhile; look at it again")

        terms_of(request).conditions.append(check)


def install(app: FastAPI) -> None:
    """Answers 304 where an endpoint found that its caller has the newest version."""
    app.add_exception_handler(NotModified, _not_modified)


def _not_modified(_: Request, err: Exception) -> Response:
    if not isinstance(err, NotModified):
        raise err
    return Response(status_code=304, headers={"ETag": err.tag})


def Shows(what: Versioned) -> Any:  # noqa: N802, ANN401  # reads as FastAPI's own Depends
    """Says of what an endpoint's answer shows the version."""
    return Depends(Showing(what))


def Changes(what: Versioned, *, needed: bool = False) -> Any:  # noqa: N802, ANN401
    """Says what an endpoint changes, and whether it must be told what the caller looked at."""
    return Depends(Changing(what, needed))


def _condition(request: Request, name: str) -> str | None:
    given = request.headers.get(name)
    if given is not None and not (len(given) <= MAX_CONDITION and _CONDITION.fullmatch(given)):
        raise BadConditionError(
            f'{name} must be "*" or tags in quotation marks, with commas between, as ETag gave them'
        )
    return given


def _names(header: str, tag: str, *, weakly: bool = False) -> bool:
    """Whether a list of tags names this one: for a look as a whole, for a change its first part."""
    if header.strip() == "*":
        return True
    for weak, given in _TAG.findall(header):
        if weakly and given == tag:
            return True
        if not weakly and not weak and given.partition(".")[0] == tag:
            return True
    return False
