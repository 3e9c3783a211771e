"""What can be exported, and the file of each in the dumps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

from kg.exports import claimreview, ftm, nanopub, rdf, tables
from kg.exports.material import Material

Write = Callable[[Material, BinaryIO], None]


@dataclass(frozen=True)
class Export:
    """``file``: its name among the dumps, compressed where it ends in ``.gz``; "" where it is
    not one of them. ``media_type`` is that of the content, not of its compression.
    ``records``: needs a store with records. ``standard``: address of what it conforms to."""

    name: str
    file: str
    media_type: str
    title: str
    write: Write
    standard: str
    records: bool = True


EXPORTS = {
    export.name: export
    for export in (
        Export(
            "nq",
            "chiptrail.nq.gz",
            "application/n-quads",
            "Every named graph, N-Quads",
            rdf.write_nquads,
            "https://www.w3.org/TR/n-quads/",
            records=False,
        ),
        Export(
            "trig",
            "chiptrail.trig.gz",
            "application/trig",
            "Every named graph, TriG",
            rdf.write_trig,
            "https://www.w3.org/TR/trig/",
            records=False,
        ),
        Export(
            "jsonld",
            "chiptrail.jsonld.gz",
            "application/ld+json",
            "Every named graph, JSON-LD",
            rdf.write_jsonld,
            "https://www.w3.org/TR/json-ld11/",
            records=False,
        ),
        Export(
            "csv",
            "",
            "text/csv",
            "The records, one long CSV table",
            tables.write_long,
            "https://www.rfc-editor.org/rfc/rfc4180",
        ),
        Export(
            "tables",
            "chiptrail-csv.zip",
            "application/zip",
            "The records, a CSV table for each collection",
            tables.write_zip,
            "https://specs.frictionlessdata.io/tabular-data-package/",
        ),
        Export(
            "ftm",
            "chiptrail.ftm.json.gz",
            "application/x-ndjson",
            "Firms, authorities, persons and listings, FollowTheMoney entities",
            ftm.write_entities,
            "https://followthemoney.tech/",
        ),
        Export(
            "statements",
            "chiptrail-statements.csv.gz",
            "text/csv",
            "The same as FollowTheMoney statements, a row a value with its sources",
            ftm.write_statements,
            "https://followthemoney.tech/",
        ),
        Export(
            "nanopub",
            "chiptrail-nanopubs.trig.gz",
            "application/trig",
            "Each claim as a nanopublication (asserts what was said, true or not)",
            nanopub.write_nanopubs,
            "https://nanopub.net/guidelines/working_draft/",
        ),
        Export(
            "claimreview",
            "chiptrail-claimreview.jsonld.gz",
            "application/ld+json",
            "Each verdict as a schema.org ClaimReview",
            claimreview.write_reviews,
            "https://schema.org/ClaimReview",
        ),
    )
}
