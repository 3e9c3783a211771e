"""Documents over time: what one revision of the store takes over from the one before.

A catalogue holds every version of every document that its store has had. A version is in force
from the revision ``since`` up to, not with, ``until`` (NULL: still). Lists, filters, facets and
pages read old versions the way they read those in force.

``known_since`` is for questions about a past time: the first revision in which the version
counts. That is ``since``, but 0 for the first version of a record that says itself since when it
has been recorded (its own record time decides then, whenever it was brought in), and for what
came with the first revision.

What RDF says of a node is kept the same way, with a ``since`` and an ``until`` of its own.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from kg.catalogue.view import Json


@dataclass(frozen=True)
class Lineage:
    """Where a catalogue stands among the revisions of its store.

    ``before``: the catalogue of the revision before, None where it had none. ``first``: there
    was no revision before.
    """

    revision: int = 1
    first: bool = True
    before: Path | None = None


# What stayed as it was is the version that it was.
_KEEP = """
UPDATE entry SET since = old.since, known_since = old.known_since FROM before.entry AS old
WHERE old.collection = entry.collection AND old.slug = entry.slug AND old.until IS NULL
AND old.document = entry.document
AND old.valid_from IS entry.valid_from AND old.valid_to IS entry.valid_to
AND old.recorded_from IS entry.recorded_from AND old.recorded_to IS entry.recorded_to
"""

# The rest of what was in force ends now; what ended earlier is kept as it is.
_OLD_ENTRIES = """
INSERT INTO entry
SELECT old.id + :offset, old.collection, old.slug,
       old.valid_from, old.valid_to, old.recorded_from, old.recorded_to,
       old.since, COALESCE(old.until, :revision), old.known_since, old.nodes, old.document
FROM before.entry AS old
WHERE old.until IS NOT NULL OR NOT EXISTS (
    SELECT 1 FROM main.entry AS kept
    WHERE kept.collection = old.collection AND kept.slug = old.slug AND kept.since = old.since
)
"""

_OLD_FACETS = """
INSERT INTO facet
SELECT ended.id, old.field, old.value, old.collection, ended.until, old.slug, old.least, old.open
FROM before.facet AS old JOIN main.entry AS ended ON ended.id = old.entry + :offset
WHERE ended.until IS NOT NULL
"""

# Descriptions go by nodes, and have their own times: they may change when no document does.
_KEEP_DESCRIPTIONS = """
UPDATE description SET since = old.since FROM before.description AS old
WHERE old.node = description.node AND old.until IS NULL AND old.text = description.text
"""

_OLD_DESCRIPTIONS = """
INSERT INTO description
SELECT old.node, old.since, COALESCE(old.until, :revision), old.text
FROM before.description AS old
WHERE old.until IS NOT NULL OR NOT EXISTS (
    SELECT 1 FROM main.description AS kept WHERE kept.node = old.node AND kept.since = old.since
)
"""

_OLD_COLUMNS = "INSERT OR REPLACE INTO flat_column SELECT * FROM before.flat_column"

# A record that was closed in this revision, its successor taking its name, is a copy: until now
# it was known by that name.
_DATE = """
UPDATE entry SET known_since = CASE
    WHEN EXISTS (
        SELECT 1 FROM entry AS older WHERE older.collection = entry.collection
        AND older.slug = entry.slug AND older.until IS NOT NULL
    ) THEN :revision
    WHEN recorded_to IS NOT NULL AND EXISTS (
        SELECT 1 FROM entry AS original WHERE original.collection = entry.collection
        AND original.slug = json_extract(entry.document, '$.superseded_by.id')
        AND original.until = :revision AND original.recorded_from IS entry.recorded_from
    ) THEN :revision
    WHEN recorded_from IS NOT NULL OR :first THEN 0
    ELSE :revision
END
WHERE known_since IS NULL
"""


def take_over(connection: sqlite3.Connection, lineage: Lineage) -> None:
    """Join what was just inserted, all of it as new, with the versions of before."""
    named: dict[str, object] = {"revision": lineage.revision, "first": lineage.first}
    if lineage.before is not None:
        uri = f"{lineage.before.absolute().as_uri()}?mode=ro&immutable=1"
        connection.execute("ATTACH ? AS before", (uri,))
        ((named["offset"],),) = connection.execute("SELECT COALESCE(MAX(id), 0) FROM main.entry")
        connection.execute(_KEEP)
        connection.execute(_OLD_ENTRIES, named)
        connection.execute(_OLD_FACETS, named)
        connection.execute(_OLD_COLUMNS)
        connection.execute(_KEEP_DESCRIPTIONS)
        connection.execute(_OLD_DESCRIPTIONS, named)
    connection.execute(_DATE, named)
    connection.commit()
    if lineage.before is not None:
        connection.execute("DETACH before")


@dataclass(frozen=True)
class Difference:
    """A record before and after a revision; None where it was not, or is no more."""

    collection: str
    slug: str
    before: Json | None
    after: Json | None


_DIFFERENCES = """
SELECT new.collection, new.slug, old.document, new.document FROM entry AS new
LEFT JOIN entry AS old ON old.collection = new.collection AND old.slug = new.slug
AND old.until = :revision
WHERE new.since = :revision AND new.until IS NULL
UNION ALL
SELECT old.collection, old.slug, old.document, NULL FROM entry AS old
WHERE old.until = :revision AND NOT EXISTS (
    SELECT 1 FROM entry AS new WHERE new.collection = old.collection AND new.slug = old.slug
    AND new.until IS NULL
)
ORDER BY 1, 2
"""


def differences(path: Path, revision: int) -> Iterator[Difference]:
    """What ``revision``, whose catalogue stands at ``path``, has changed."""
    uri = f"{path.absolute().as_uri()}?mode=ro&immutable=1"
    with closing(sqlite3.connect(uri, uri=True)) as connection:
        for collection, slug, *texts in connection.execute(_DIFFERENCES, {"revision": revision}):
            before, after = (json.loads(text) if text else None for text in texts)
            yield Difference(collection, slug, before, after)


def counted(path: Path) -> dict[str, int]:
    """Collection → how many records are in force in it."""
    uri = f"{path.absolute().as_uri()}?mode=ro&immutable=1"
    sql = "SELECT collection, COUNT(*) FROM entry WHERE until IS NULL GROUP BY collection"
    with closing(sqlite3.connect(uri, uri=True)) as connection:
        return dict(connection.execute(sql))
