"""The SPARQL protocols as OpenAPI knows them: they are no routes of the framework."""

from __future__ import annotations

from typing import Any

from api.exchange import FORM_TYPE
from api.graphstore import ACCEPTED
from api.sparql import QUERY_TYPE
from api.update import UPDATE_TYPE
from kg.formats import GRAPH_FORMATS, RDF_FORMATS, RESULT_FORMATS

_RESULTS = [f.media_type for f in (*RESULT_FORMATS, *RDF_FORMATS)]
_GRAPHS = [media_type for media_type in ACCEPTED if not media_type.startswith("multipart")]
_VOID = [f.media_type for f in GRAPH_FORMATS]
_PROBLEM = {"$ref": "#/components/schemas/Problem"}
_DATASET = ("default-graph-uri", "named-graph-uri", "explain")
_USING = ("using-graph-uri", "using-named-graph-uri")

Json = dict[str, Any]


def describe(openapi: Json) -> Json:
    """``openapi`` with the protocols in it."""
    openapi["paths"] = _paths() | openapi["paths"]
    components = openapi.setdefault("components", {})
    components.setdefault("securitySchemes", {})["token"] = {"type": "http", "scheme": "bearer"}
    components.setdefault("schemas", {})["Problem"] = {
        "type": "object",
        "description": "RFC 9457; more members by kind: line, column, limit, offered, findings",
        "required": ["type", "title", "status", "detail"],
        "properties": {
            "type": {"type": "string"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string"},
        },
    }
    return openapi


def _paths() -> dict[str, Json]:
    dataset, using = _parameters(*_DATASET), _parameters(*_USING)
    graph = _parameters("graph", "default")
    by_post = _body(FORM_TYPE, QUERY_TYPE)
    write: Json = {"security": [{"token": []}]}
    return {
        "/sparql": {
            "get": _operation(
                "Query; without one, the service description",
                _RESULTS,
                parameters=[*_parameters("query"), *dataset],
            ),
            "post": _operation("Query", _RESULTS, parameters=dataset, requestBody=by_post),
        },
        "/update": {
            "post": _operation(
                "Update", parameters=using, requestBody=_body(FORM_TYPE, UPDATE_TYPE), **write
            )
        },
        "/data": {
            "get": _operation("A graph; all where none is named", _GRAPHS, parameters=graph),
            "put": _operation(
                "Replace a graph, or those of a dataset",
                parameters=graph,
                requestBody=_body(*_GRAPHS),
                **write,
            ),
            "post": _operation(
                "Add to a graph, or to those of a dataset",
                parameters=graph,
                requestBody=_body(*ACCEPTED),
                **write,
            ),
            "delete": _operation("Remove a graph", parameters=graph, **write),
        },
        "/.well-known/void": {"get": _operation("The dataset, in VoID", _VOID)},
    }


def _operation(summary: str, answers: list[str] | None = None, **more: Any) -> Json:
    done: Json = {"description": "Done"}
    if answers:
        done = {"description": "The answer", "content": {name: {} for name in answers}}
    refused = {
        "description": "A problem document",
        "content": {"application/problem+json": {"schema": _PROBLEM}},
    }
    responses = {"200" if answers else "204": done, "default": refused}
    return {"tags": ["SPARQL"], "summary": summary, "responses": responses, **more}


def _parameters(*names: str) -> list[Json]:
    return [{"name": name, "in": "query", "schema": {"type": "string"}} for name in names]


def _body(*media_types: str) -> Json:
    return {"required": True, "content": {name: {} for name in media_types}}
