"""HTML pages: what the graph says of a thing, plainly, with every value a link."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from fastapi.templating import Jinja2Templates

from api.service import Service
from api.things import Thing, grouped

_HERE = Path(__file__).parent
templates = Jinja2Templates(_HERE / "templates")

Binding = dict[str, dict[str, str]]

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; connect-src 'self';"
    " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


def page(request: Request, template: str, **context: Any) -> HTMLResponse:
    service: Service = request.app.state.service
    response = templates.TemplateResponse(
        request, template, {"dataset": service.snapshot.facts.get("dataset"), **context}
    )
    response.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
    return response


def render_thing(
    request: Request,
    service: Service,
    thing: Thing,
    statements: Sequence[Binding],
    inverse: Sequence[Binding],
    claims: Mapping[str, Any] | None,
) -> HTMLResponse:
    groups = [
        (_label(service, rows[0], "property"), [_value(service, row, "value") for row in rows])
        for rows in grouped(statements, "property")
    ]
    links = [
        (
            _label(service, rows[0], "property"),
            rows[0]["count"]["value"],
            [_value(service, row, "subject") for row in rows],
        )
        for rows in grouped(inverse, "property")
    ]
    return page(
        request,
        "thing.html",
        thing=thing,
        title=_title(service, thing, statements),
        kinds=[text for label, values in groups if label == "type" for text, _, _ in values],
        groups=[(label, values) for label, values in groups if label not in ("type", "label")],
        links=links,
        claims=claims,
        address=partial(_address, service),
    )


async def ontology_sections(service: Service) -> list[tuple[str, list[dict[str, str]]]]:
    """Kinds of terms, each with its terms."""
    terms = await service.select("documents/ontology.rq")
    return [
        (kind, [_term(service, row) for row in rows])
        for kind, rows in ((r[0]["kind"]["value"], r) for r in grouped(terms, "kind"))
    ]


async def render_ontology(request: Request, service: Service) -> HTMLResponse:
    sections = await ontology_sections(service)
    return page(request, "ontology.html", title="The Chiptrail ontology", sections=sections)


def _term(service: Service, row: Binding) -> dict[str, str]:
    curie = service.names.shorten(row["term"]["value"])
    keys = ("label", "definition", "domain", "range")
    found = {key: row[key]["value"] if key in row else "" for key in keys}
    for key in ("domain", "range"):
        found[key] = service.names.shorten(found[key])
    iri = row["term"]["value"]
    return found | {"iri": iri, "curie": curie, "anchor": curie.partition(":")[2]}


def _title(service: Service, thing: Thing, statements: Sequence[Binding]) -> str:
    wanted = [service.names.expand(p).value for p in ("rdfs:label", "ct:paraphrase")]
    for row in statements:
        if row["property"]["value"] in wanted:
            return row["value"]["value"]
    return thing.slug


def _label(service: Service, row: Binding, key: str) -> str:
    labelled = row.get(f"{key}Label")
    if labelled:
        return labelled["value"]
    return service.names.shorten(row[key]["value"]).partition(":")[2] or row[key]["value"]


def _value(service: Service, row: Binding, key: str) -> tuple[str, str | None, str]:
    """Text, address (None for a literal) and a small note: the language or the datatype."""
    term = row[key]
    if term["type"] == "uri":
        iri = term["value"]
        text = _label(service, row, key)
        return text, _address(service, iri), service.names.shorten(iri)
    note = term.get("xml:lang") or term.get("datatype", "").rpartition("#")[2]
    return term["value"], None, note


def _address(service: Service, iri: str) -> str | None:
    """Where ``iri`` can be followed to: here if it is ours, itself if it is on the web."""
    if iri.startswith(service.names.base):
        return "/" + iri.removeprefix(service.names.base)
    return iri if iri.startswith(("http://", "https://")) else None
