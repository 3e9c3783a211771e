"""Firms, authorities, persons and their listings as FollowTheMoney (followthemoney.tech).

Two forms: entities, a JSON object a line; and statements, a row for each value with the sources
that it rests on, so that what two data sets say of one firm can be told apart.

Claims are not facts: FollowTheMoney gets to know which article says something about whom
(``Documentation``, with our claims' addresses), never what it says.
"""

from __future__ import annotations

import csv
import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from io import TextIOWrapper
from typing import BinaryIO

from pyoxigraph import Literal, NamedNode

from kg.catalogue import View
from kg.exports.dates import interval
from kg.exports.material import Material

DATASET = "chiptrail"

PARTIES = {
    "Company": "Company",
    "GovernmentBody": "PublicBody",
    "Organization": "Organization",
    "Person": "Person",
    "Source": "LegalEntity",
}
"""Class → schema. A ``ct:Source`` is whoever is quoted; only those that publish are parties."""

DOCUMENTS = {
    "SourceDocument": "Article",
    "UpstreamReport": "Article",
    "Reference": "Document",
    "Evidence": "Document",
}

TYPES = {
    "name": "name",
    "alias": "name",
    "country": "country",
    "topics": "topic",
    "notes": "text",
    "summary": "text",
    "wikidataId": "identifier",
    "leiCode": "identifier",
    "cikCode": "identifier",
    "ticker": "identifier",
    "authorityId": "identifier",
    "sourceUrl": "url",
    "publishedAt": "date",
    "date": "date",
    "startDate": "date",
    "endDate": "date",
    "listingDate": "date",
} | dict.fromkeys(("proof", "entity", "owner", "asset", "subject", "object", "document"), "entity")
"""Property → its type; every other property that is written is a ``string``."""

_PARTY_VALUES = {
    "name": ("rdfs:label", "schema:legalName"),
    "alias": ("skos:altLabel",),
    "notes": ("rdfs:comment",),
}
_IDENTIFIERS = {
    "wikidataId": ("ct:wikidataId",),
    "leiCode": ("ct:lei",),
    "cikCode": ("ct:cik",),
    "ticker": ("ct:ticker",),
}
_LISTING_VALUES = {
    "summary": ("ct:listedName",),
    "authorityId": ("ct:citation",),
    "provisions": ("ct:licenceRequirementText", "ct:reviewPolicyText"),
    "startDate": ("ct:listedFrom",),
    "listingDate": ("ct:listedFrom",),
    "endDate": ("ct:listedTo",),
}
_OF_A_COMPANY = ("cikCode", "ticker")
_LINGUISTIC = ("name", "text", "string")
_LEI = re.compile(r"[0-9A-Z]{18}[0-9]{2}")
_LANGUAGES = {"en": "eng", "zh": "zho"}

COLUMNS = (
    "canonical_id",
    "entity_id",
    "prop",
    "prop_type",
    "schema",
    "value",
    "dataset",
    "origin",
    "lang",
    "original_value",
    "external",
    "first_seen",
    "last_seen",
    "id",
)


@dataclass(frozen=True)
class Value:
    """``original``: as the record has it, where ``text`` is another form of it.

    ``origin``: slugs of the sources that it rests on.
    """

    prop: str
    text: str
    original: str = ""
    language: str = ""
    origin: tuple[str, ...] = ()

    @property
    def type(self) -> str:
        return TYPES.get(self.prop, "string")


@dataclass
class Entity:
    id: str
    schema: str
    values: list[Value] = field(default_factory=list)

    def add(self, prop: str, *texts: str | None, origin: Iterable[str] = ()) -> None:
        given = tuple(origin)
        self.values += [Value(prop, text, origin=given) for text in texts if text]

    @property
    def properties(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for value in self.values:
            texts = found.setdefault(value.prop, [])
            if value.text not in texts:
                texts.append(value.text)
        return found


def write_entities(material: Material, out: BinaryIO) -> None:
    """``entities.ftm.json``: an entity a line."""
    first, last = _seen(material)
    for entity in entities(material):
        line = {
            "id": entity.id,
            "schema": entity.schema,
            "properties": entity.properties,
            "datasets": [DATASET],
            "first_seen": first,
            "last_seen": last,
        }
        out.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")


def write_statements(material: Material, out: BinaryIO) -> None:
    """``statements.csv``: a value a row, with its sources as ``origin``."""
    first, last = _seen(material)
    text = TextIOWrapper(out, encoding="utf-8", newline="", write_through=True)
    writer = csv.DictWriter(text, COLUMNS, dialect="unix")
    writer.writeheader()
    for entity in entities(material):
        done: set[str] = set()
        for value in entity.values:
            row = _statement(entity, value) | {"first_seen": first, "last_seen": last}
            if row["id"] not in done:
                writer.writerow(row)
                done.add(row["id"])
    text.detach()


def _seen(material: Material) -> tuple[str, str]:
    """When the records were made, and the day that they are of."""
    dataset = material.dataset
    return str(dataset.get("recorded", ""))[:19], str(dataset.get("as_of", ""))


def _statement(entity: Entity, value: Value) -> dict[str, str]:
    return {
        "canonical_id": entity.id,
        "entity_id": entity.id,
        "prop": value.prop,
        "prop_type": value.type,
        "schema": entity.schema,
        "value": value.text,
        "dataset": DATASET,
        "origin": " ".join(value.origin),
        "lang": value.language,
        "original_value": value.original,
        "external": "false",
        "id": _statement_id(entity.id, value),
    }


def _statement_id(entity: str, value: Value) -> str:
    """The key that followthemoney computes for the same statement."""
    key = f"{DATASET}.{entity}.{value.prop}.{value.text}"
    if value.language:
        key += f"@{value.language}"
    return hashlib.sha1(key.encode(), usedforsecurity=False).hexdigest()


# --- what there is ----------------------------------------------------------------------------


def entities(material: Material) -> Iterator[Entity]:
    """Documents, parties, and what ties them; every reference is to an entity of the export."""
    view = material.view
    parties = dict(_parties(view))
    for node, schema in _of(view, DOCUMENTS):
        yield _document(view, node, schema)
    for node, schema in parties.items():
        yield _party(view, node, schema)
    for node in view.instances("ct:ListingEntry"):
        yield _listing(view, node)
    yield from _ownerships(view, parties)
    yield from _mentions(view, parties)


def _parties(view: View) -> Iterator[tuple[NamedNode, str]]:
    for node, schema in _of(view, PARTIES):
        if schema != PARTIES["Source"] or view.subjects("dct:publisher", node):
            yield node, schema


def _of(view: View, schemata: dict[str, str]) -> Iterator[tuple[NamedNode, str]]:
    for name, schema in schemata.items():
        for node in view.instances(f"ct:{name}"):
            yield node, schema


def identifier(view: View, node: NamedNode) -> str:
    """``chiptrail-huawei``, ``chiptrail-src-csl-2026-07-31``, ``chiptrail-huawei-listing4``."""
    prefix, _, slug = view.names.shorten(node.value).partition(":")
    slug = slug.replace("#", "-").replace("/", "-")
    return f"{DATASET}-{slug}" if prefix == "id" else f"{DATASET}-{prefix}-{slug}"


def _document(view: View, node: NamedNode, schema: str) -> Entity:
    entity, slug = Entity(identifier(view, node), schema), view.slug(node)
    publisher = view.node(node, "dct:publisher")
    entity.add("title", view.label(node), origin=[slug])
    entity.add("fileName", view.value(node, "dct:identifier") or slug)
    entity.add("author", view.value(node, "dct:creator"), origin=[slug])
    entity.add("publisher", view.label(publisher) if publisher else None, origin=[slug])
    entity.add("sourceUrl", *_urls(view, node), origin=[slug])
    entity.add("summary", *view.values(node, "rdfs:comment"))
    prop = "publishedAt" if schema == "Article" else "date"
    texts = [view.value(node, f"ct:published{end}") for end in ("Earliest", "Latest")]
    for text in dict.fromkeys([view.value(node, "dct:date"), *texts]):
        for date in dict.fromkeys(interval(str(text)) or ()):
            original = str(text) if date != str(text) else ""
            entity.values.append(Value(prop, date, original, origin=(slug,)))
    return entity


def _party(view: View, node: NamedNode, schema: str) -> Entity:
    entity, sources = Entity(identifier(view, node), schema), _sources(view, node)
    wanted = _PARTY_VALUES | {
        prop: found
        for prop, found in _IDENTIFIERS.items()
        if schema == "Company" or prop not in _OF_A_COMPANY
    }
    _copy(view, node, entity, wanted, sources)
    _country(view, node, entity, sources)
    if view.subjects("ct:listedParty", node):
        entity.add("topics", "export.control", origin=sources)
    entity.add("sourceUrl", node.value)
    _proof(view, node, entity)
    return entity


def _listing(view: View, node: NamedNode) -> Entity:
    entity, sources = Entity(identifier(view, node), "Sanction"), _sources(view, node)
    party, program = view.node(node, "ct:listedParty"), view.node(node, "ct:list")
    entity.add("entity", identifier(view, party) if party else None, origin=sources)
    entity.add("program", view.label(program) if program else None, origin=sources)
    _copy(view, node, entity, _LISTING_VALUES, sources)
    entity.add("sourceUrl", *(url for n in _nodes(view, node) for url in _urls(view, n)[:1]))
    _proof(view, node, entity)
    return entity


def _ownerships(view: View, parties: dict[NamedNode, str]) -> Iterator[Entity]:
    """Stakes with their percentage, and parents without one."""
    for asset in parties:
        for node in view.nodes(asset, "ct:hasOwnership"):
            owner = view.node(node, "ct:owner")
            if owner in parties and parties[asset] == "Company":
                yield _stake(view, node, owner, asset)
        parent = view.node(asset, "ct:parent")
        if parent in parties:
            yield _parent(view, parent, asset, parties[asset])


def _stake(view: View, node: NamedNode, owner: NamedNode, asset: NamedNode) -> Entity:
    entity, sources = Entity(identifier(view, node), "Ownership"), _sources(view, node)
    entity.add("owner", identifier(view, owner), origin=sources)
    entity.add("asset", identifier(view, asset), origin=sources)
    percent = view.value(node, "ct:percent")
    entity.add("percentage", None if percent is None else str(percent), origin=sources)
    entity.add("startDate", view.value(node, "ct:validFrom"), origin=sources)
    entity.add("endDate", view.value(node, "ct:validTo"), origin=sources)
    _proof(view, node, entity)
    return entity


def _parent(view: View, parent: NamedNode, child: NamedNode, schema: str) -> Entity:
    """Only companies are assets; a bureau's department is tied to it by an UnknownLink."""
    owned, sources = schema == "Company", _sources(view, child)
    entity = Entity(f"{identifier(view, child)}-parent", "Ownership" if owned else "UnknownLink")
    entity.add("owner" if owned else "subject", identifier(view, parent), origin=sources)
    entity.add("asset" if owned else "object", identifier(view, child), origin=sources)
    entity.add("role", "parent", origin=sources)
    return entity


def _mentions(view: View, parties: dict[NamedNode, str]) -> Iterator[Entity]:
    """Which document makes which claims about which party."""
    claims: dict[tuple[NamedNode, NamedNode], list[NamedNode]] = defaultdict(list)
    for claim in view.instances("ct:Claim"):
        about = {*view.nodes(claim, "ct:subject"), *view.nodes(claim, "ct:object")}
        for party in sorted(about & parties.keys(), key=str):
            for document in view.nodes(claim, "ct:inDocument"):
                claims[document, party].append(claim)
    for (document, party), made in claims.items():
        name = f"{identifier(view, document)}-about-{view.slug(party)}"
        entity, slug = Entity(name, "Documentation"), view.slug(document)
        entity.add("document", identifier(view, document), origin=[slug])
        entity.add("entity", identifier(view, party), origin=[slug])
        entity.add("role", "makes claims about", origin=[slug])
        entity.add("recordId", *(view.slug(claim) for claim in made), origin=[slug])
        entity.add("sourceUrl", *(claim.value for claim in made), origin=[slug])
        yield entity


def _copy(
    view: View,
    node: NamedNode,
    entity: Entity,
    wanted: dict[str, tuple[str, ...]],
    origin: tuple[str, ...],
) -> None:
    """Literals of ``node``: property of the entity → predicates that it is taken from."""
    for prop, predicates in wanted.items():
        linguistic = TYPES.get(prop, "string") in _LINGUISTIC
        for predicate in predicates:
            for term in view.objects(node, predicate):
                if isinstance(term, Literal) and _plausible(prop, term.value):
                    language = _LANGUAGES.get(term.language or "", "") if linguistic else ""
                    value = Value(prop, term.value, language=language, origin=origin)
                    entity.values.append(value)


def _plausible(prop: str, text: str) -> bool:
    """False for an LEI whose check digits are wrong (ISO 17442), which readers would refuse."""
    if prop != "leiCode":
        return True
    digits = "".join(str(int(character, 36)) for character in text if character.isalnum())
    return bool(_LEI.fullmatch(text)) and int(digits) % 97 == 1


def _country(view: View, node: NamedNode, entity: Entity, origin: tuple[str, ...]) -> None:
    for place in view.nodes(node, "ct:country"):
        code = view.value(place, "ct:isoCode")
        if code:
            value = Value("country", code.lower(), view.label(place), origin=origin)
            entity.values.append(value)


def _nodes(view: View, node: NamedNode) -> list[NamedNode]:
    return view.nodes(node, "dct:source")


def _sources(view: View, node: NamedNode) -> tuple[str, ...]:
    return tuple(view.slug(source) for source in _nodes(view, node))


def _proof(view: View, node: NamedNode, entity: Entity) -> None:
    for source in _nodes(view, node):
        entity.add("proof", identifier(view, source), origin=[view.slug(source)])


def _urls(view: View, node: NamedNode) -> list[str]:
    nodes = [*view.nodes(node, "schema:url"), *view.nodes(node, "rdfs:seeAlso")]
    return [found.value for found in nodes]
