"""What the command line does with a store: prepare, load, query, export, back up, restore."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from pyoxigraph import (
    BlankNode,
    DefaultGraph,
    Literal,
    NamedNode,
    Quad,
    QueryBoolean,
    QuerySolutions,
    QueryTriples,
    Store,
    Triple,
    serialize,
)

from kg import exports, snapshots
from kg.build import Progress, build, build_empty, build_plain, named_quads, quiet
from kg.config import Settings
from kg.derive import describe_dataset
from kg.desks import Desks
from kg.errors import Conflict, Forbidden, InvalidInput, InvalidQuery, NotFound
from kg.formats import by_name
from kg.history.log import Act
from kg.intake import DatasetInfo, Intake, builtin_info, intake_of, read_base, read_rdf
from kg.namespaces import Namespaces
from kg.policy.answers import ControlStatus
from kg.policy.desk import Ask, read_ask
from kg.resources import digest
from kg.serving import inspect
from kg.serving.planner import explain
from kg.snapshots import Snapshot
from kg.yamlfile import read_utf8

Term = NamedNode | BlankNode | Literal | Triple

EXPORTS = tuple(exports.EXPORTS)
"""Names of the formats that :func:`export` writes."""


NOBODY = Act("")
"""Who does it, and why, where that is not said."""

_OWN = "own:"
"""Before the digest of records that are not those of the built-in base."""


def prepare(
    settings: Settings, empty: bool, progress: Progress = quiet, by: Act = NOBODY
) -> Snapshot:
    """The store in force; where there is none, the built-in base is built (or an empty store).

    A store that holds nothing but an older state of the built-in base is built anew. ``by``:
    author and reason, for the log.
    """
    found = snapshots.current(settings.store)
    if found is None and empty:
        return build_empty(Namespaces(settings.base), settings.store, by)
    if found is not None and not _is_outdated(found):
        return found
    return build_records(settings, None, progress, by=by)


def _is_outdated(snapshot: Snapshot) -> bool:
    made_from = snapshot.facts.get("made_from")
    if made_from is None or made_from.startswith(_OWN) or _has_more(snapshot):
        return False
    return bool(made_from != digest())


def _has_more(snapshot: Snapshot) -> bool:
    """Whether a store holds what no records do: loads, imports, writes through HTTP."""
    facts = snapshot.facts
    return "group" in facts or (facts.get("made_from") is None and bool(facts.get("quads")))


def build_records(
    settings: Settings,
    examples: Path | None,
    progress: Progress = quiet,
    discard: bool = False,
    by: Act = NOBODY,
) -> Snapshot:
    """Build the store from records (default: the built-in base).

    Raises Conflict where the store in force holds more than records, unless that is to be
    discarded; InvalidData with every finding.
    """
    found = snapshots.current(settings.store)
    if found is not None and _has_more(found) and not discard:
        raise Conflict(
            f"{settings.store} holds what was loaded or written since it was built: back it up,"
            " then build with --discard, or build into another --store"
        )
    intake = read_base(Namespaces(settings.base), examples)
    merge = settings.default_graph == "union"
    act = replace(by, operation="build")
    made_from = digest() if examples is None else f"{_OWN}{digest(examples)}"
    return build(intake, settings.store, progress, merge, made_from, act, found)


def load(
    settings: Settings,
    files: Sequence[Path],
    graph: str | None,
    progress: Progress = quiet,
    by: Act = NOBODY,
) -> Snapshot:
    """Add files to the store in force and derive everything anew, all or nothing.

    ``graph``: IRI for triples that name no graph; without one they go to ``g:loaded``, or to
    the default graph where that is the store's own. Raises InvalidData with every finding.
    """
    names, act = Namespaces(settings.base), replace(by, operation="load", about=graph)
    snapshot = prepare(settings, False, progress, by)
    if "dataset" not in snapshot.facts:
        return _load_plain(settings, snapshot, files, graph, act)
    intake = stored_intake(snapshot, names)
    progress("read")
    intake.add_files(files, NamedNode(graph) if graph else names.expand("g:loaded"))
    merge = settings.default_graph == "union"
    return build(intake, settings.store, progress, merge, act=act, parent=snapshot)


def _load_plain(
    settings: Settings, snapshot: Snapshot, files: Sequence[Path], graph: str | None, act: Act
) -> Snapshot:
    """Add files to a store that holds somebody's own data and no knowledge base."""
    names, merge = Namespaces(settings.base), settings.default_graph == "union"
    unnamed = names.expand("g:loaded") if merge else DefaultGraph()
    quads = list(Store.read_only(str(snapshot.store)))
    for file in files:
        quads += read_rdf(file, names, NamedNode(graph) if graph else unnamed)
    if merge:
        quads += [Quad(quad.subject, quad.predicate, quad.object) for quad in quads]
    return build_plain(quads, names, settings.store, merge, act, snapshot)


def stored_intake(snapshot: Snapshot, names: Namespaces) -> Intake:
    """What a store asserts, as if it had just been read."""
    store = Store.read_only(str(snapshot.store))
    info = snapshot.facts.get("dataset")
    known = DatasetInfo.model_validate(info) if info else builtin_info()
    intake = intake_of(named_quads(store), names, known)
    if not info:
        intake.quads += describe_dataset(names, known.as_of, known.version)
    return intake


def query_text(argument: str) -> str:
    """The query itself, or the content of the file that ``argument`` names."""
    looks_like_a_file = "{" not in argument and Path(argument).suffix in (".rq", ".sparql")
    if not looks_like_a_file:
        return argument
    if not Path(argument).is_file():
        raise InvalidInput(f"no such file: {argument}")
    return read_utf8(Path(argument))


def run_query(settings: Settings, text: str, format_name: str | None, out: BinaryIO) -> None:
    """Run a query over the store in force and write its results.

    ``format_name``: a name of kg.formats, or ``table``; None chooses by the form of the query.
    Raises InvalidQuery with the position of a mistake, InvalidInput for a format that cannot
    carry the answer; Forbidden for SERVICE.
    """
    names = Namespaces(settings.base)
    prologue = names.sparql_prologue
    if inspect(text, settings.limits).remote:  # the engine would follow it, wherever it leads
        raise Forbidden("SERVICE is for a server whose settings list its target")
    try:
        results = _open(settings).query(prologue + text)
    except SyntaxError as error:
        raise InvalidQuery(_without_prologue(str(error), prologue.count("\n"))) from None
    graph = isinstance(results, QueryTriples)
    name = format_name or ("ttl" if graph else "table")
    wanted = by_name("csv" if name == "table" else name)
    if wanted is None or (wanted.kind == "results") == graph:
        raise InvalidInput(f"{name} cannot carry the answer of this query")
    if isinstance(results, QueryTriples):
        out.write(serialize(results, format=wanted.rdf, prefixes=names.prefixes) or b"")
    elif name == "table":
        out.write(_table(results, names).encode())
    else:
        out.write(results.serialize(format=wanted.results) or b"")


def explain_query(settings: Settings, text: str) -> str:
    """The order in which the service has the triple patterns of ``text`` evaluated."""
    return str(explain(_open(settings), Namespaces(settings.base).sparql_prologue + text))


def _without_prologue(message: str, lines: int) -> str:
    """The position as the user counts it: our prefixes stand before the first line."""
    return re.sub(r"error at (\d+):", lambda m: f"error at {int(m[1]) - lines}:", message)


def _table(results: QuerySolutions | QueryBoolean, names: Namespaces) -> str:
    if isinstance(results, QueryBoolean):
        return f"{str(bool(results)).lower()}\n"
    header = [variable.value for variable in results.variables]
    rows = [[_cell(value, names) for value in solution] for solution in results]
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]
    lines = [header, ["-" * width for width in widths], *rows]
    return "".join(
        "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip()
        + "\n"
        for line in lines
    )


def _cell(value: Term | None, names: Namespaces) -> str:
    if value is None:
        return ""
    return names.shorten(value.value) if isinstance(value, NamedNode) else _plain(value)


def _plain(value: Term) -> str:
    return value.value if isinstance(value, Literal) else str(value)


def _current(settings: Settings) -> Snapshot:
    """The generation in force. Raises NotFound where nothing was built yet."""
    found = snapshots.current(settings.store)
    if found is None:
        raise NotFound(f"no store in {settings.store}; run 'chiptrail build'")
    return found


def _open(settings: Settings) -> Store:
    """The store in force, read-only. Raises NotFound where nothing was built yet."""
    return Store.read_only(str(_current(settings).store))


ASKED = tuple(Ask.model_fields)
"""Names of what can be said in a question about control status."""


def status(settings: Settings, asked: Mapping[str, str | None]) -> ControlStatus:
    """The control status that ``asked`` is about, today where no date is given.

    Raises UnknownName with the nearest names, InvalidInput for a date that is none.
    """
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    ask = read_ask({"date": today, **_given(asked)})
    return Desks(_current(settings)).at(ask.known_at).control_status(ask)


def _given(asked: Mapping[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in asked.items() if value is not None}


def status_text(answer: ControlStatus) -> Iterator[str]:
    """The answer in lines: the result, why, what else bears on it, and who says so."""
    us = answer.us
    parts = [us.requirement, us.paragraph, us.review, us.exception, us.letter]
    yield f"{answer.chip} to {answer.destination} on {answer.date}: " + ", ".join(
        filter(None, parts)
    )
    yield ""
    yield answer.explanation
    for other in answer.others:
        where = f"{other.jurisdiction}, {other.activity}"
        yield f"{where}: {other.effect} ({other.hedge}; {other.rule})"
    if answer.missing:
        yield f"not known: {', '.join(answer.missing)}"
    for citation in answer.citations:
        yield f"  {citation.label}" + (f" <{citation.url}>" if citation.url else "")
    yield answer.notice


def export(settings: Settings, format_name: str, out: BinaryIO) -> None:
    """Write the store in force in a format of ``EXPORTS``.

    Raises NotFound where there is no store, or no records for a format that needs some.
    """
    merged = settings.default_graph == "union"
    material = exports.Material(_current(settings), merged, settings.nanopub_key)
    exports.EXPORTS[format_name].write(material, out)
