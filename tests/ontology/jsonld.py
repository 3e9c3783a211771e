"""The JSON-LD context, derived from the ontology."""

from __future__ import annotations

import json

from rdflib import OWL, RDF, RDFS, XSD, Graph, Namespace, URIRef

from tests.ontology.files import CT, PREFIXES, vocabulary

SCHEMA = Namespace(PREFIXES["schema"])
RENAMED = {"id": "entity", "unit": "units", "rule": "rules"}
"""Prefixes that would clash with a term of the same name, or nearly."""
EXTERNAL = {
    "label": ("rdfs:label", None),
    "comment": ("rdfs:comment", None),
    "seeAlso": ("rdfs:seeAlso", "@id"),
    "altLabel": ("skos:altLabel", None),
    "title": ("dct:title", None),
    "publisher": ("dct:publisher", "@id"),
    "creator": ("dct:creator", None),
    "date": ("dct:date", None),
    "language": ("dct:language", None),
    "identifier": ("dct:identifier", None),
    "source": ("dct:source", "@id"),
    "isReplacedBy": ("dct:isReplacedBy", "@id"),
    "url": ("schema:url", None),
    "legalName": ("schema:legalName", None),
    "wasDerivedFrom": ("prov:wasDerivedFrom", "@id"),
    "hasSource": ("oa:hasSource", "@id"),
    "hasSelector": ("oa:hasSelector", "@id"),
    "start": ("oa:start", "xsd:integer"),
    "end": ("oa:end", "xsd:integer"),
}
REVERSE = {
    "measurements": "of",
    "statuses": "chip",
    "listings": "listedParty",
    "assessments": "assesses",
    "links": "member",
    "claimsAsSubject": "subject",
    "claimsAsObject": "object",
    "spans": "hasSource",
}
"""Term → the property that it reads backwards: what a document nests in what it is about."""


def _coercion(graph: Graph, term: URIRef) -> str | None:
    """How JSON-LD types the values: "@id", a datatype, or not at all."""
    if (term, RDF.type, OWL.ObjectProperty) in graph:
        return "@id"
    kinds = set(graph.objects(term, RDFS.range)) | set(graph.objects(term, SCHEMA.rangeIncludes))
    kind = next(iter(kinds)) if len(kinds) == 1 else None
    plain = kind is None or kind in (XSD.string, XSD.boolean)
    return None if plain else f"xsd:{str(kind).removeprefix(str(XSD))}"


def _entry(name: str, coercion: str | None) -> str | dict[str, str]:
    return {"@id": name, "@type": coercion} if coercion else name


def context_text() -> str:
    """The text of ontology/context.jsonld."""
    graph = vocabulary()
    context: dict[str, object] = {"@version": 1.1, "id": "@id", "type": "@type"}
    context |= {RENAMED.get(prefix, prefix): PREFIXES[prefix] for prefix in sorted(PREFIXES)}
    context |= {name: _entry(*EXTERNAL[name]) for name in sorted(EXTERNAL)}
    for kind in (OWL.Class, OWL.DatatypeProperty, OWL.ObjectProperty):
        terms = (str(term) for term in graph.subjects(RDF.type, kind))
        for term in sorted(term for term in terms if term.startswith(CT)):
            coercion = None if kind == OWL.Class else _coercion(graph, URIRef(term))
            name = term.removeprefix(CT)
            context[name] = _entry(f"ct:{name}", coercion)
    for name, target in REVERSE.items():
        iri = EXTERNAL[target][0] if target in EXTERNAL else f"ct:{target}"
        context[name] = {"@reverse": iri, "@container": "@set"}
    return json.dumps({"@context": context}, indent=2, ensure_ascii=False) + "\n"
