"""What every part of SCIM needs: who may call, how it is answered, what a tag accepts."""

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Body, Depends, Header, Request
from fastapi.responses import Response
from scim2_models import Context, Resource, ResponseParameters

from doorward_controller.api.deps import Needs, SignInNeededError
from doorward_controller.api.scim_errors import ScimResponse
from doorward_controller.api.scim_models import tag_of
from doorward_controller.domain.permissions import Action, Actor
from doorward_controller.services.backend import Backend
from doorward_controller.services.directory import Matches

PAGE = 100

_needs = Needs(Action.PROVISION_PEOPLE)


def _program(request: Request, actor: Annotated[Actor, Depends(_needs)]) -> Actor:
    """A directory is a program: a browser that is signed in is none."""
    if not request.headers.get("Authorization"):
        raise SignInNeededError("send a bearer token")
    return actor


Directory = Annotated[Actor, Depends(_program)]
Tag = Annotated[str | None, Header()]
JsonBody = Annotated[dict[str, Any], Body()]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One resource, to be sent as far as the caller wants to have it."""

    resource: Resource[Any]
    asked: ResponseParameters[Any]
    version: int

    def send(self, status: int, context: Context) -> Response:
        """Returns the answer."""
        meta = self.resource.meta
        return ScimResponse(
            self.resource.model_dump(scim_ctx=context, response_parameters=self.asked),
            status_code=status,
            headers={
                "Location": str(meta.location) if meta else "",
                "ETag": tag_of(self.version),
            },
        )


def attributes_asked(request: Request) -> dict[str, str]:
    """Returns what an address says of the attributes that are wanted, or not."""
    return {k: v for k, v in request.query_params.items() if k.lower().endswith("attributes")}


def matches(tags: str | None) -> Matches:
    """Returns what an If-Match or If-None-Match accepts; everything when there is none."""
    named = {tag.strip().removeprefix("W/").strip('"') for tag in (tags or "*").split(",")}
    return lambda version: "*" in named or str(version) in named


def base_of(request: Request, backend: Backend) -> str:
    """Returns where the service is: as the settings say, else as the directory calls it."""
    root = str(request.scope["root_path"])
    called = str(request.base_url).removesuffix("/").removesuffix(root)
    return f"{backend.config.http.origin or called}{root}"
