"""Records → quads, as docs/data-model.md says."""

from kg.mapping.claims import CLAIM_WRITERS
from kg.mapping.core import (
    RDF_TYPE,
    Context,
    Document,
    Output,
    Value,
    Writer,
    english,
    integer,
    literal,
    map_records,
)
from kg.mapping.sources import SOURCE_WRITERS
from kg.mapping.things import THING_WRITERS, measurement_name

WRITERS = SOURCE_WRITERS | THING_WRITERS | CLAIM_WRITERS

__all__ = [
    "RDF_TYPE",
    "WRITERS",
    "Context",
    "Document",
    "Output",
    "Value",
    "Writer",
    "english",
    "integer",
    "literal",
    "map_records",
    "measurement_name",
]
