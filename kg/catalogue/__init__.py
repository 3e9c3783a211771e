"""The read side of the REST layer: what it says of each record, prepared when a snapshot is made.

``documents`` writes JSON documents from the graph, ``description`` what RDF says; ``store`` keeps
them in SQLite beside the triples and finds them again. All belong to one snapshot, so REST and
SPARQL cannot tell different facts.
"""

from kg.catalogue.description import Description
from kg.catalogue.documents import COLLECTIONS, entries
from kg.catalogue.entry import Entry
from kg.catalogue.flat import flatten
from kg.catalogue.listing import PageRequest
from kg.catalogue.reconcile import Candidate, Question, Reconciler, Wish
from kg.catalogue.search import Found, Hit, Search
from kg.catalogue.store import FILE as CATALOGUE_FILE
from kg.catalogue.store import Catalogue, Count, Page, Version, is_readable, write_catalogue
from kg.catalogue.versions import Difference, Lineage, counted, differences
from kg.catalogue.view import View

__all__ = [
    "CATALOGUE_FILE",
    "COLLECTIONS",
    "Candidate",
    "Catalogue",
    "Count",
    "Description",
    "Difference",
    "Entry",
    "Found",
    "Hit",
    "Lineage",
    "Page",
    "PageRequest",
    "Question",
    "Reconciler",
    "Search",
    "Version",
    "View",
    "Wish",
    "counted",
    "differences",
    "entries",
    "flatten",
    "is_readable",
    "write_catalogue",
]
