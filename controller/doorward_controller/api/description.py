"""The interface as an application that describes itself, problems included, by OpenAPI 3.1."""

from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, FastAPI

from doorward_controller.api.errors import MEDIA_TYPE, Problem
from doorward_controller.api.interface_document import describe

PROBLEM_STATUSES = (400, 401, 403, 404, 409, 413, 422, 429, 503)
"""What every operation of the interface may answer besides its result."""

_REFERENCE = "#/components/schemas/{model}"
_FRAMEWORKS_OWN = ("HTTPValidationError", "ValidationError")
"""How FastAPI describes a value that is not allowed; here that is a problem like any other."""


class Interface(FastAPI):
    """Writes the problems into the description where they are asked for.

    As `responses` of an application, each of them would be a model of its own for each route: half
    a second and 1,400 models at the first request, for a description that hardly anyone reads.
    """

    def take(self, router: APIRouter) -> None:
        """Serves the routes as their module made them.

        `include_router` would build each anew at the first request; it is for routers that get a
        prefix or a dependency at their inclusion, and ours have theirs already.
        """
        self.router.routes.extend(router.routes)

    def openapi(self) -> dict[str, Any]:
        """Returns the description; it is made at the first call and kept."""
        document = super().openapi()
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        if Problem.__name__ not in schemas:
            for name in _FRAMEWORKS_OWN:
                schemas.pop(name, None)
            schemas.update(_problem_schemas())
            for operations in document["paths"].values():
                for operation in operations.values():
                    _add_problems(operation["responses"])
            describe(document, self.routes)
        return document


def _problem_schemas() -> dict[str, Any]:
    schema = Problem.model_json_schema(ref_template=_REFERENCE)
    return {**schema.pop("$defs"), Problem.__name__: schema}


def _add_problems(responses: dict[str, Any]) -> None:
    schema = {"$ref": _REFERENCE.format(model=Problem.__name__)}
    for status in PROBLEM_STATUSES:
        known = str(responses.get(str(status), ""))
        if not known or _FRAMEWORKS_OWN[0] in known:
            responses[str(status)] = {
                "description": HTTPStatus(status).phrase,
                "content": {MEDIA_TYPE: {"schema": schema}},
            }
