"""Every named graph, in the formats that carry graphs."""

from __future__ import annotations

from typing import BinaryIO

from pyoxigraph import RdfFormat, Triple, serialize

from kg.exports.material import Material


def write_nquads(material: Material, out: BinaryIO) -> None:
    serialize(material.quads(), out, format=RdfFormat.N_QUADS)


def write_trig(material: Material, out: BinaryIO) -> None:
    prefixes = material.names.prefixes
    serialize(material.quads(), out, format=RdfFormat.TRIG, prefixes=prefixes)


def write_jsonld(material: Material, out: BinaryIO) -> None:
    # JSON-LD has no triple terms; somebody's own graphs may hold some.
    quads = (quad for quad in material.quads() if not isinstance(quad.object, Triple))
    serialize(quads, out, format=RdfFormat.JSON_LD, prefixes=material.names.prefixes)
