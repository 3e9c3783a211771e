"""Claims as nanopublications (nanopub.net/guidelines): assertion, provenance, publication info.

=============  =========================================================================
assertion      the plain triple; a denial as ``owl:NegativePropertyAssertion``
provenance     the claim: document, passage, speaker, chain of relay, hedge, verdicts
pubinfo        when and by whom it was recorded, licence, version of the data
=============  =========================================================================

An assertion graph says what somebody said as if it were so. That is why nanopublications are
an export and never part of the store: its merged default graph would believe them all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from pyoxigraph import Literal, NamedNode, Quad, RdfFormat, parse, serialize

from kg.catalogue import View
from kg.errors import InvalidInput
from kg.exports.material import Material
from kg.mapping import RDF_TYPE

NP = "http://www.nanopub.org/nschema#"

Sign = Callable[[list[Quad]], list[Quad]]

_VALUES = ("ct:object", "ct:literal", "ct:quantity")
_PARTS = ("ct:attribution", "ct:span", "oa:hasSelector")
_LEFT_OUT = ("ct:subject", "ct:property", *_VALUES, "ct:rank", "ct:currentBasis")
_OF_A_DOCUMENT = ("dct:title", "dct:publisher", "dct:date", "schema:url")


def write_nanopubs(material: Material, out: BinaryIO) -> None:
    """Every open claim as a nanopublication, in TriG; signed where the material has a key."""
    key = material.nanopub_key
    sign: Sign = signer(Path(key), material.names.base) if key else list
    quads = (quad for pub in nanopubs(material) for quad in sign(pub))
    prefixes = material.names.prefixes | {"np": NP}
    serialize(quads, out, format=RdfFormat.TRIG, prefixes=prefixes)


def nanopubs(material: Material) -> Iterator[list[Quad]]:
    """The quads of one nanopublication after the other, in the order of the claims."""
    for claim in material.view.instances("ct:Claim"):
        yield nanopub(material, claim)


def nanopub(material: Material, claim: NamedNode) -> list[Quad]:
    """The nanopublication of ``claim``, named after the version of the data and the claim."""
    slug = material.view.slug(claim)
    writer = _Writer(material, NamedNode(f"{material.names.base}np/{material.version}/{slug}"))
    writer.head()
    writer.assertion(claim)
    writer.provenance(claim)
    writer.pubinfo(claim)
    return writer.quads


class _Writer:
    """``Head``, ``assertion``, ``provenance`` and ``pubinfo`` under the name of the whole."""

    def __init__(self, material: Material, name: NamedNode) -> None:
        self.material, self.name = material, name
        self.view: View = material.view
        self.quads: list[Quad] = []

    def part(self, name: str) -> NamedNode:
        return NamedNode(f"{self.name.value}/{name}")

    def add(self, graph: str, subject: NamedNode, predicate: str, *values: object) -> None:
        expand = self.material.names.expand
        term = NamedNode(NP + predicate[3:]) if predicate.startswith("np:") else expand(predicate)
        for value in values:
            if isinstance(value, NamedNode | Literal):
                self.quads.append(Quad(subject, term, value, self.part(graph)))

    def copy(self, graph: str, node: NamedNode, *predicates: str) -> None:
        """The triples of ``node`` with these predicates."""
        for predicate in predicates:
            self.add(graph, node, predicate, *self.view.objects(node, predicate))

    def copy_whole(self, graph: str, node: NamedNode, parts: tuple[str, ...] = ()) -> None:
        """All triples of ``node`` but its content and what is derived; of ``parts`` as well."""
        left_out = {self.material.names.expand(name) for name in _LEFT_OUT}
        for predicate, value in self.material.statements(node):
            if predicate not in left_out and isinstance(value, NamedNode | Literal):
                self.quads.append(Quad(node, predicate, value, self.part(graph)))
        for part in parts:
            for inner in self.view.nodes(node, part):
                self.copy_whole(graph, inner, parts)

    def head(self) -> None:
        kind = NamedNode(f"{NP}Nanopublication")
        self.quads.append(Quad(self.name, RDF_TYPE, kind, self.part("Head")))
        self.add("Head", self.name, "np:hasAssertion", self.part("assertion"))
        self.add("Head", self.name, "np:hasProvenance", self.part("provenance"))
        self.add("Head", self.name, "np:hasPublicationInfo", self.part("pubinfo"))

    def assertion(self, claim: NamedNode) -> None:
        subject = self.view.node(claim, "ct:subject")
        property_ = self.view.node(claim, "ct:property")
        value = next(term for name in _VALUES for term in self.view.objects(claim, name))
        graph = self.part("assertion")
        if self.view.node(claim, "ct:polarity") == self.material.names.expand("con:denied"):
            self._denial(subject, property_, value)
        elif subject and property_:
            self.quads.append(Quad(subject, property_, value, graph))
        for quantity in self.view.nodes(claim, "ct:quantity"):
            self.copy_whole("assertion", quantity)

    def _denial(self, subject: object, property_: object, value: object) -> None:
        node, literal = self.part("denial"), isinstance(value, Literal)
        kind = self.material.names.expand("owl:NegativePropertyAssertion")
        self.add("assertion", node, "rdf:type", kind)
        self.add("assertion", node, "owl:sourceIndividual", subject)
        self.add("assertion", node, "owl:assertionProperty", property_)
        target = "owl:targetValue" if literal else "owl:targetIndividual"
        self.add("assertion", node, target, value)

    def provenance(self, claim: NamedNode) -> None:
        assertion = self.part("assertion")
        documents = self.view.nodes(claim, "ct:inDocument")
        self.add("provenance", assertion, "prov:wasDerivedFrom", claim)
        self.add("provenance", assertion, "prov:hadPrimarySource", *documents)
        speakers = self.view.nodes(claim, "ct:speaker")
        self.add("provenance", assertion, "prov:wasAttributedTo", *speakers)
        self.copy_whole("provenance", claim, _PARTS)
        for document in [*documents, *self.view.nodes(claim, "ct:upstream")]:
            self.copy("provenance", document, *_OF_A_DOCUMENT)
        for assessment in self.view.subjects("ct:assesses", claim):
            self.copy_whole("provenance", assessment)
            for evidence in self.view.nodes(assessment, "ct:evidence"):
                self.copy("provenance", evidence, *_OF_A_DOCUMENT)

    def pubinfo(self, claim: NamedNode) -> None:
        names, dataset = self.material.names, self.material.dataset
        base = NamedNode(names.base)
        self.add("pubinfo", self.name, "dct:created", *self.view.objects(claim, "ct:recordedFrom"))
        self.add("pubinfo", self.name, "dct:creator", base)
        self.add("pubinfo", base, "rdfs:label", Literal("Chiptrail"))
        self.add("pubinfo", self.name, "dct:subject", claim)
        self.add("pubinfo", self.name, "dct:isPartOf", names.expand("g:dataset"))
        self.add("pubinfo", self.name, "ct:version", Literal(self.material.snapshot.version))
        if str(dataset.get("licence", "")).startswith("http"):
            self.add("pubinfo", self.name, "dct:license", NamedNode(str(dataset["licence"])))


def signer(key: Path, creator: str) -> Sign:
    """Signs with the RSA private key (PKCS #8, PEM) in the file ``key``; the result has a
    trusty URI (trustyuri.net), so that nothing in it can be changed unnoticed.

    Raises InvalidInput where the key cannot be used or the library is not installed.
    """
    try:
        from nanopub.nanopub import Nanopub
        from nanopub.nanopub_conf import NanopubConf
        from nanopub.profile import Profile, format_key
        from rdflib import ConjunctiveGraph
    except ImportError:
        message = "signing needs the package nanopub: pip install 'chiptrail[nanopub]'"
        raise InvalidInput(message) from None
    try:
        text = format_key(key.read_text(encoding="ascii"))
        profile = Profile(creator, "Chiptrail", text)
    except (OSError, ValueError) as error:
        raise InvalidInput(f"cannot sign with {key}: {error}") from None

    def sign(quads: list[Quad]) -> list[Quad]:
        graph = ConjunctiveGraph()
        graph.parse(data=(serialize(quads, format=RdfFormat.N_QUADS) or b""), format="nquads")
        publication = Nanopub(rdf=graph, conf=NanopubConf(profile=profile))
        publication.sign()
        return list(parse(publication.rdf.serialize(format="nquads"), RdfFormat.N_QUADS))

    return sign
