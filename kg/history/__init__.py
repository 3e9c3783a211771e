"""What happened to a store: every revision with its time, its authors, its reasons and changes.

``log`` is the file and appends to it, ``reading`` finds in it, ``changes`` and ``statuses`` say
what a revision changed, ``recording`` puts that together when a generation is published.
"""

from kg.history.changes import KINDS, NATURES
from kg.history.log import FILE as HISTORY_FILE
from kg.history.log import Act, Change, Evaluated, Log, as_text
from kg.history.reading import FIELDS, ChangeRequest, History, Row, Rows, read_since

__all__ = [
    "FIELDS",
    "HISTORY_FILE",
    "KINDS",
    "NATURES",
    "Act",
    "Change",
    "ChangeRequest",
    "Evaluated",
    "History",
    "Log",
    "Row",
    "Rows",
    "as_text",
    "read_since",
]
