"""The data in the forms that others read: RDF, tables, and the formats of neighbouring fields.

===============  =========================================================================
`formats`        the table of them: what each is called and how it is written
`rdf`            N-Quads, TriG, JSON-LD: every named graph
`tables`         CSV: one long table, or a table for each collection
`nanopub`        each claim as a nanopublication, signed where there is a key
`claimreview`    each verdict as a schema.org ClaimReview
`ftm`            firms, persons and listings as FollowTheMoney entities and statements
`citation`       a record as something to cite: text, BibTeX, CSL-JSON
`dumps`          all of them as files, with sizes and checksums
`dcat`           what these files are, as a DCAT catalogue
`material`       the snapshot that they are written from
===============  =========================================================================
"""

from kg.exports.formats import EXPORTS, Export
from kg.exports.material import Material, short_version

__all__ = ["EXPORTS", "Export", "Material", "short_version"]
