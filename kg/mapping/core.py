"""Records → quads, as docs/data-model.md says.

Every subject written is remembered with the record that it came from, so that whatever is
later found wrong with a node can be shown in the file where somebody can mend it.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from pyoxigraph import Literal, NamedNode, Quad

from kg.namespaces import EXTERNAL_PREFIXES, Namespaces
from kg.records import Article, Header, Located, Published, Record, Records

RDF_TYPE = NamedNode(EXTERNAL_PREFIXES["rdf"] + "type")
XSD = EXTERNAL_PREFIXES["xsd"]

Value = NamedNode | Literal | str | bool | int | Decimal | datetime.date | None


def literal(value: bool | int | Decimal | datetime.date | str) -> Literal:
    """The RDF literal of a plain value; every number is an xsd:decimal.

    One number type, because the store would fold the integer types into one anyway and a query
    should not have to care which one a figure was typed as.
    """
    if isinstance(value, bool):
        return Literal(value)
    if isinstance(value, int | Decimal):
        return Literal(_decimal(Decimal(value)), datatype=NamedNode(XSD + "decimal"))
    if isinstance(value, datetime.datetime):
        text = value.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return Literal(text, datatype=NamedNode(XSD + "dateTime"))
    if isinstance(value, datetime.date):
        return Literal(value.isoformat(), datatype=NamedNode(XSD + "date"))
    return Literal(value)


def _decimal(number: Decimal) -> str:
    """As the store keeps it: no exponent, at most 18 decimals, no zero that says nothing."""
    text = f"{number:.18f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def english(text: str | None) -> Literal | None:
    return None if text is None else Literal(text, language="en")


def integer(value: int) -> Literal:
    return Literal(str(value), datatype=NamedNode(XSD + "integer"))


@dataclass
class Output:
    """The quads written so far, and the record behind each subject."""

    names: Namespaces
    quads: list[Quad] = field(default_factory=list)
    origins: dict[str, Located] = field(default_factory=dict)
    located: Located | None = None

    def node(
        self, iri: str, graph: str, properties: Mapping[str, Value | Iterable[Value]]
    ) -> NamedNode:
        """Write the node ``iri`` (a CURIE or an IRI) into ``g:<graph>``.

        Keys are CURIEs of properties (``a`` for rdf:type); strings as values are CURIEs, texts
        must be Literals; None values are left out; lists give several triples.
        """
        subject = self.resource(iri)
        where = self.names.expand(f"g:{graph}")
        if self.located is not None:
            self.origins.setdefault(subject.value, self.located)
        for key, values in properties.items():
            predicate = RDF_TYPE if key == "a" else self.names.expand(key)
            for value in values if isinstance(values, list | tuple) else (values,):
                if value is not None:
                    self.quads.append(Quad(subject, predicate, self.term(value), where))
        return subject

    @property
    def header(self) -> Header:
        """The header of the file that the record now mapped stands in."""
        return self.located.header if self.located else Header()

    def resource(self, iri: str) -> NamedNode:
        return NamedNode(iri) if iri.startswith(("http:", "https:")) else self.names.expand(iri)

    def term(self, value: Any) -> NamedNode | Literal:
        if isinstance(value, NamedNode | Literal):
            return value
        return self.resource(value) if isinstance(value, str) else literal(value)


@dataclass(frozen=True)
class Document:
    """What claims take from the article that they stand in."""

    graph: str
    published: Published | None

    @classmethod
    def of(cls, article: Article) -> Document:
        return cls(article.graph, article.published)


@dataclass(frozen=True)
class Context:
    """What the mapping of one record needs to know of the others."""

    documents: Mapping[str, Document]
    default_recorded: datetime.datetime


Writer = Callable[[Any, Output, Context], None]


def map_records(
    records: Records,
    names: Namespaces,
    recorded: datetime.datetime,
    writers: Mapping[type[Record], Writer],
    known: Mapping[str, Document] | None = None,
) -> Output:
    """All quads of ``records``. ``known``: articles outside of them that claims may cite."""
    documents = {article.id: Document.of(article) for article in records.of(Article)}
    context = Context(dict(known or {}) | documents, recorded)
    output = Output(names)
    for located in records:
        output.located = located
        writers[type(located.record)](located.record, output, context)
    output.located = None
    return output


def ids(prefix: str, slugs: Iterable[str | None]) -> list[Value]:
    return [f"{prefix}:{slug}" for slug in slugs if slug is not None]


def maybe(prefix: str, slug: str | None) -> str | None:
    return None if slug is None else f"{prefix}:{slug}"
