"""Taking claims back, and setting better ones in their place: records are closed, never deleted.

What is done to the graph stands in ``kg/queries/change``; here is who may be closed, why, and
what the successor says. Whoever applies the update checks and derives everything as for any
other write.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from string import Template
from typing import Any

from pydantic import ValidationError
from pyoxigraph import RdfFormat, Triple, serialize

from kg.catalogue import Catalogue, PageRequest
from kg.errors import Finding, InvalidData, InvalidInput, UnknownName
from kg.mapping import WRITERS, Document, literal, map_records
from kg.names import nearest
from kg.namespaces import Namespaces
from kg.records import Claim, Content, ExternalClaim, Header, Located, Published, Records
from kg.resources import query

RETRACT, SUPERSEDE = "retract", "supersede"
SUPERSEDED = "superseded"
GRAPH_QUERY = "change/graph.rq"

_SCHEME = "scheme-end-reasons"
_WHERE = "successor"

Json = Mapping[str, Any]


@dataclass(frozen=True)
class Closing:
    """An update that closes a record, and what to say of it.

    ``claim`` is an IRI; ``closed`` the id under which the old record is kept.
    """

    operation: str
    claim: str
    closed: str
    text: str


class Curator:
    """Closes records of the claims in ``catalogue``."""

    def __init__(self, catalogue: Catalogue, names: Namespaces) -> None:
        self._catalogue, self._names = catalogue, names

    def live(self, slug: str) -> Json:
        """The document of a claim in force.

        Raises UnknownName with the nearest ids, InvalidInput for a record that is closed.
        """
        document = self._catalogue.item("claims", slug)
        if "to" in document.get("recorded", {}):
            raise InvalidInput(f"{slug} is closed since {document['recorded']['to']}")
        return document

    def retract(self, document: Json, graph: str, end_reason: str) -> Closing:
        """``graph``: the IRI of the one that the claim stands in. Raises UnknownName."""
        if end_reason == SUPERSEDED:
            raise InvalidInput("a record is superseded by another one: supersede, do not retract")
        iri = document["iri"]
        text = self._text("change/retract.ru", document, graph, end_reason, _time(document))
        return Closing(RETRACT, iri, document["id"], text)

    def supersede(self, document: Json, graph: str, record: Json, end_reason: str) -> Closing:
        """``record``: the successor, with the fields of a claim record (docs/data-model.md).

        Raises InvalidData with every finding, UnknownName for a reason that there is not.
        """
        at = _time(document)
        lines = self._successor(document, record, at)
        closed = self._free_name(document["id"])
        closed_iri = f"<{self._names.expand(f'c:{closed}').value}>"
        more = {"closed": closed_iri, "successor": lines}
        text = self._text("change/supersede.ru", document, graph, end_reason, at, **more)
        return Closing(SUPERSEDE, document["iri"], closed, text)

    def _text(
        self,
        name: str,
        document: Json,
        graph: str,
        end_reason: str,
        at: datetime.datetime,
        **more: str,
    ) -> str:
        self._expect_reason(end_reason)
        terms = {
            "claim": f"<{document['iri']}>",
            "graph": f"<{graph}>",
            "reason": f"<{self._names.expand(f'con:{end_reason}').value}>",
            "at": str(literal(at)),
        }
        text = self._names.rebase(query(name))
        return self._names.sparql_prologue + Template(text).substitute(terms, **more)

    def _expect_reason(self, end_reason: str) -> None:
        request = PageRequest("concepts", {"scheme": [_SCHEME]})
        known = [item["id"] for item in self._catalogue.page(request).items]
        if end_reason not in known:
            raise UnknownName("end reason", end_reason, nearest(end_reason, known) or known)

    def _free_name(self, claim: str) -> str:
        """``c1-21-v1``, or the next one that nothing was ever called."""
        number = 1
        while self._catalogue.versions("claims", f"{claim}-v{number}"):
            number += 1
        return f"{claim}-v{number}"

    def _successor(self, document: Json, record: Json, at: datetime.datetime) -> str:
        """Its triples, one a line."""
        external = document["type"] == "ExternalClaim"
        made = _read(record, document["id"], ExternalClaim if external else Claim)
        kind = "external_claims" if external else "claims"
        source = None if external else document["source"]["id"]
        located = Located(kind, made, Header(source=source, recorded=at), _WHERE, None)
        known = {source: self._document(source)} if source else {}
        output = map_records(Records([located]), self._names, at, WRITERS, known)
        triples = [Triple(q.subject, q.predicate, q.object) for q in output.quads]
        return (serialize(triples, format=RdfFormat.N_TRIPLES) or b"").decode()

    def _document(self, source: str) -> Document:
        """What the claim has from the article that it stands in."""
        published = (self._catalogue.find("sources", source) or {}).get("published")
        if not published or not {"earliest", "latest", "basis"} <= published.keys():
            return Document("", None)
        dates = {"earliest": published["earliest"], "latest": published["latest"]}
        return Document("", Published(**dates, basis=published["basis"]["id"]))


def _read(record: Json, claim: str, kind: type[Content]) -> Content:
    """The record of the successor, which has the name of the claim."""
    if record.get("id", claim) != claim:
        raise InvalidInput(
            f"the successor keeps the name of what it succeeds: id is {claim}, not {record['id']!r}"
        )
    if set(record.get("record") or ()) - {"from"}:
        raise InvalidInput("the successor's own record is open: of 'record' it may have only from")
    try:
        return kind.model_validate({**record, "id": claim})
    except ValidationError as error:
        findings = [
            Finding(_WHERE, None, claim, f"{'.'.join(map(str, e['loc']))}: {e['msg']}", "record")
            for e in error.errors()
        ]
        raise InvalidData(findings) from None


def _time(document: Json) -> datetime.datetime:
    """Now; later than the record began, as record times are kept in whole seconds."""
    now = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
    began = document.get("recorded", {}).get("from")
    if began is None:
        return now
    second = datetime.timedelta(seconds=1)
    return max(now, datetime.datetime.fromisoformat(began) + second)
