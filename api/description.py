"""OpenAPI for what depends on the data: the lists with their fields, and real examples.

The framework knows ``/api/{collection}``; a reader wants ``/api/chips`` with what chips can be
filtered by. Fields and examples are those of the catalogue in force.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from typing import Any

from api.asof import PARAMETERS as TIMES
from api.history import PARAMETERS as CHANGED_BY
from api.history import SORTS, as_change, as_list, as_revision
from api.lists import GENERAL, RANGED, RENAMED, is_range
from api.parameters import DEFAULT_LIMIT, MAX_LIMIT
from api.service import Service
from kg.catalogue import COLLECTIONS, Catalogue, PageRequest
from kg.errors import ChiptrailError
from kg.history import KINDS, NATURES, ChangeRequest
from kg.policy.desk import Ask

Json = dict[str, Any]

_FORMS = ("text/csv", "text/turtle", "application/ld+json")
_PROBLEM = "application/problem+json"
_PROBLEM_SCHEMA = {"$ref": "#/components/schemas/Problem"}
_SCHEMAS: dict[str, Json] = {
    "limit": {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT},
    "valid_at": {"type": "string", "format": "date"},
    "known_at": {"type": "string", "format": "date"},
    "cursor": {"type": "string"},
    "version": {"type": "string", "pattern": "^[0-9a-f]{16,64}$"},
    "fields": {"type": "string"},
}
_TEXT: Json = {"type": "string"}
_DAY: Json = {"type": "string", "format": "date"}
_OTHERS: dict[str, dict[str, tuple[str, Json, bool]]] = {
    "/api/search": {
        "q": ("names, part numbers, words", _TEXT | {"minLength": 1, "maxLength": 500}, True),
        "type": ("classes to find, separated by commas", _TEXT, False),
        "limit": (GENERAL["limit"], _SCHEMAS["limit"], False),
        "cursor": (GENERAL["cursor"], _SCHEMAS["cursor"], False),
        "fields": (GENERAL["fields"], _SCHEMAS["fields"], False),
        **{name: (GENERAL[name], _SCHEMAS[name], False) for name in TIMES},
    },
    "/api/control-status/diff": {
        "destination": ("ISO code, slug or name of a place", _TEXT, True),
        "from": ("the earlier day", _DAY, True),
        "to": ("the later day", _DAY, True),
        "known_at": (GENERAL["known_at"], _SCHEMAS["known_at"], False),
    },
    "/api/revisions": {
        "limit": (GENERAL["limit"], _SCHEMAS["limit"], False),
        "cursor": (GENERAL["cursor"], _SCHEMAS["cursor"], False),
        "sort": (CHANGED_BY["sort"], {"type": "string", "enum": list(SORTS)}, False),
    },
    "/api/party-status": {
        "firm": ("slug, alias or name of a firm", _TEXT, False),
        "owner": ("an owner of a firm that has no record; may be repeated", _TEXT, False),
        "ownership": ("percent of it, for each owner", _TEXT, False),
        "date": ("the day in question", _DAY, True),
        "known_at": (GENERAL["known_at"], _SCHEMAS["known_at"], False),
    },
}
"""Path → parameter → its meaning, its schema and whether it must be given."""

_WELL_KNOWN_QUESTION = Ask(
    chip="nvidia-h20", destination="CN", date=datetime.date(2025, 4, 9), end_user_hq="CN"
)


def describe(openapi: Json, service: Service) -> Json:
    """``openapi`` with a path for each collection, and a problem document for every mistake.

    A store without a catalogue keeps the general paths.
    """
    catalogue = _catalogue(service)
    if catalogue is not None:
        openapi["paths"] = dict(_paths(openapi["paths"], catalogue))
        _add_control_status(openapi["paths"], service)
        _add_history(openapi["paths"], service)
    for path, parameters in _OTHERS.items():
        openapi["paths"][path]["get"]["parameters"] = [
            _parameter(name, meaning, schema) | {"required": required}
            for name, (meaning, schema, required) in parameters.items()
        ]
    content = openapi["paths"]["/api/search"]["get"]["responses"]["200"].setdefault("content", {})
    content |= {form: {} for form in _FORMS}
    for operations in openapi["paths"].values():
        for operation in operations.values():
            _add_problem(operation)
    return openapi


def _catalogue(service: Service) -> Catalogue | None:
    try:
        return service.catalogue
    except ChiptrailError:
        return None


def _paths(paths: Mapping[str, Json], catalogue: Catalogue) -> Iterator[tuple[str, Json]]:
    for path, operations in paths.items():
        if path == "/api/{collection}":
            yield from ((f"/api/{c}", {"get": _list(catalogue, c)}) for c in COLLECTIONS)
        elif path == "/api/{collection}/{slug}":
            yield from ((f"/api/{c}/{{slug}}", {"get": _item(catalogue, c)}) for c in COLLECTIONS)
        else:
            yield path, operations


def _list(catalogue: Catalogue, collection: str) -> Json:
    example = _example(catalogue, collection)
    body: Json = {"items": [example] if example else [], "next": None}
    count = catalogue.counts().get(collection, 0)
    body |= {"count": count, "count_truncated": False}
    return {
        "tags": ["REST"],
        "summary": f"A list of {collection}",
        "operationId": f"list_{collection}",
        "parameters": [*_filters(catalogue, collection), *_general(catalogue, collection)],
        "responses": {"200": _answer(_LIST_SCHEMA, body)},
    }


def _item(catalogue: Catalogue, collection: str) -> Json:
    example = _example(catalogue, collection)
    slug: Json = {
        "name": "slug",
        "in": "path",
        "required": True,
        "description": "id or alias; may end in .csv, .ttl or .jsonld",
        "schema": {"type": "string"},
    }
    if example:
        slug["example"] = example["id"]
    return {
        "tags": ["REST"],
        "summary": f"One of the {collection}, by its id or an alias",
        "operationId": f"get_{collection}",
        "parameters": [slug, *_of_item()],
        "responses": {"200": _answer(_HEAD_SCHEMA, example)},
    }


def _of_item() -> Iterator[Json]:
    for name in ("fields", "valid_at", "known_at", "version"):
        yield _parameter(name, GENERAL[name], _SCHEMAS[name])


_HEAD_SCHEMA: Json = {
    "type": "object",
    "required": ["id"],
    "properties": {
        "id": {"type": "string"},
        "iri": {"type": "string"},
        "type": {"type": "string"},
        "label": {"type": "string"},
    },
}
_LIST_SCHEMA: Json = {
    "type": "object",
    "required": ["items", "next", "count", "count_truncated"],
    "properties": {
        "items": {"type": "array", "items": _HEAD_SCHEMA},
        "next": {"type": ["string", "null"]},
        "count": {"type": "integer"},
        "count_truncated": {"type": "boolean"},
        "facets": {"type": "object"},
    },
}


def _example(catalogue: Catalogue, collection: str) -> Json | None:
    items = catalogue.page(PageRequest(collection, limit=1)).items
    return items[0] if items else None


def _answer(schema: Json, example: Json | None) -> Json:
    content: Json = {"application/json": {"schema": schema}}
    if example is not None:
        content["application/json"]["example"] = example
    return {"description": "The answer", "content": content | {form: {} for form in _FORMS}}


# --- parameters -----------------------------------------------------------------------------------


def _filters(catalogue: Catalogue, collection: str) -> Iterator[Json]:
    fields = catalogue.fields.get(collection, {})
    for name, held in sorted(fields.items()):
        yield _parameter(name, "one of these values, separated by commas", {"type": "string"})
        if held in RANGED:
            kind = {"type": "number"} if held == "number" else {"type": "string", "format": "date"}
            yield _parameter(f"{name}_min", "at least", kind)
            yield _parameter(f"{name}_max", "at most", kind)
    for name, meant in RENAMED.get(collection, {}).items():
        if meant in fields or is_range(meant, fields):
            yield _parameter(name, f"the same as {meant}", _TEXT if meant in fields else _DAY)


def _general(catalogue: Catalogue, collection: str) -> Iterator[Json]:
    fields = sorted(catalogue.fields.get(collection, {}))
    sorts = [sign + name for name in ("id", *fields) for sign in ("", "-")]
    for name, meaning in GENERAL.items():
        if name == "sort":
            yield _parameter(name, meaning, {"type": "string", "enum": sorts})
        elif name == "facets":
            yield _parameter(name, meaning, _several(fields))
        else:
            yield _parameter(name, meaning, _SCHEMAS[name])


def _several(names: list[str]) -> Json:
    return {"type": "array", "minItems": 1, "items": {"type": "string", "enum": names}}


def _parameter(name: str, meaning: str, schema: Mapping[str, Any]) -> Json:
    written: Json = {"name": name, "in": "query", "description": meaning, "schema": schema}
    commas = {"style": "form", "explode": False} if schema.get("type") == "array" else {}
    return written | commas


# --- other routes ---------------------------------------------------------------------------------


def _add_control_status(paths: Mapping[str, Json], service: Service) -> None:
    """The question with its parameters, and the answer to a well-known one, as it is now."""
    operation = paths["/api/control-status"]["get"]
    schema = Ask.model_json_schema()
    required = schema["required"]
    operation["parameters"] = [
        _parameter(name, field.pop("description", ""), field) | {"required": name in required}
        for name, field in schema["properties"].items()
    ]
    try:
        example = service.desk.control_status(_WELL_KNOWN_QUESTION).model_dump(mode="json")
    except ChiptrailError:
        return
    operation["responses"]["200"]["content"] = {"application/json": {"example": example}}


def _add_history(paths: Mapping[str, Json], service: Service) -> None:
    """What changed, with its parameters and real examples."""
    feed = "/api/changes.{form}"
    for path in ("/api/changes", feed):
        known = paths[path]["get"].get("parameters", [])
        paths[path]["get"]["parameters"] = [
            *(parameter for parameter in known if parameter["in"] == "path"),
            *(_parameter(name, meaning, _of_change(name)) for name, meaning in CHANGED_BY.items()),
        ]
    changes = service.history.changes(ChangeRequest(newest_first=True, limit=1))
    revisions = service.history.revisions(True, None, 1)
    _set_example(paths["/api/changes"], as_list([*map(as_change, changes.items)], changes, None))
    _set_example(
        paths["/api/revisions"], as_list([*map(as_revision, revisions.items)], revisions, None)
    )
    _content(paths["/api/changes"])["text/event-stream"] = {}
    for path in ("/api/changes", feed):
        _content(paths[path]).update({"text/csv": {}, "application/atom+xml": {}})
    _set_choices(paths[feed], "form", ["json", "csv", "atom"])
    _set_choices(paths["/api/{collection}/{slug}/history"], "collection", list(COLLECTIONS))


def _content(operations: Json) -> Json:
    """What the answer to GET may be, by media type."""
    found: Json = operations["get"]["responses"]["200"]["content"]
    return found


def _set_example(operations: Json, example: Json) -> None:
    _content(operations)["application/json"] = {"schema": _LIST_SCHEMA, "example": example}


def _set_choices(operations: Json, name: str, values: list[str]) -> None:
    for parameter in operations["get"]["parameters"]:
        if parameter["name"] == name:
            parameter["schema"] = {"type": "string", "enum": values}


def _of_change(name: str) -> Json:
    choices = {"nature": NATURES, "kind": KINDS, "sort": SORTS}
    if name == "limit":
        return _SCHEMAS["limit"]
    if name in choices:
        return {"type": "string", "enum": list(choices[name])}
    return {"type": "string"}


def _add_problem(operation: Json) -> None:
    example = {
        "type": "about:blank",
        "title": "Bad Request",
        "status": 400,
        "detail": f"limit must be a whole number from 1 to {MAX_LIMIT}, not '501'",
    }
    refused = {
        "description": "A problem document",
        "content": {_PROBLEM: {"schema": _PROBLEM_SCHEMA, "example": example}},
    }
    operation["responses"].setdefault("default", refused)
