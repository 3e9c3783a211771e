"""The ``chiptrail`` command. Exit status: 0 done, 1 the thing checked has findings, 2 wrong use.

Answers go to standard output; progress and errors to standard error, progress only on a terminal.
"""

from __future__ import annotations

import argparse
import datetime
import getpass
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from kg import amendments, backups, operations
from kg.build import Progress, quiet
from kg.check import check_files, check_source
from kg.config import Settings, load_settings, variables
from kg.errors import ChiptrailError, InvalidData, InvalidInput
from kg.formats import RDF_FORMATS, RESULT_FORMATS
from kg.history.log import Act
from kg.importers import IMPORTERS, Options
from kg.importers.run import import_into
from kg.namespaces import Namespaces

Command = Callable[[argparse.Namespace], None]


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    command: Command = options.command
    try:
        command(options)
    except InvalidData as error:
        print(error, file=sys.stderr)
        print(f"chiptrail: {len(error.findings)} finding(s)", file=sys.stderr)
        return 1
    except ChiptrailError as error:
        print(f"chiptrail: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader (head, say) has what it wanted.
        sys.stderr.close()
        return 0
    return 0


# --- commands ---------------------------------------------------------------------------------


def _build(options: argparse.Namespace) -> None:
    settings = _settings(options)
    discard = options.discard
    snapshot = operations.build_records(
        settings, options.examples, _progress(), discard, _by(options)
    )
    print(f"{snapshot.version}  {snapshot.facts['quads']} quads in {settings.store}")


def _serve(options: argparse.Namespace) -> None:
    # Imported here: the web server is not needed by the other commands, and slow to load.
    from api.server import serve

    by = Act("", _login(), "first start, or new records")
    serve(_settings(options), options.empty, _progress(), by)


def _mcp(options: argparse.Namespace) -> None:
    # As in _serve, and its package is an optional one.
    try:
        from api.mcp import run
    except ModuleNotFoundError as error:
        if error.name != "mcp":
            raise
        message = "this needs the package mcp: pip install 'chiptrail[mcp]'"
        raise InvalidInput(message) from None
    run(options.url)


def _load(options: argparse.Namespace) -> None:
    settings = _settings(options)
    snapshot = operations.load(settings, options.files, options.graph, _progress(), _by(options))
    print(f"{snapshot.version}  {snapshot.facts['quads']} quads in {settings.store}")


def _import(options: argparse.Namespace) -> None:
    how = Options(
        strict=options.strict,
        as_of=options.as_of,
        lists=tuple(options.list) or Options().lists,
        accept=options.accept,
        add_unknown=options.add_unknown,
    )
    done = import_into(
        _settings(options), options.kind, options.file, how, _progress(), _by(options)
    )
    for finding in (*done.result.findings, *done.result.notes):
        print(finding, file=sys.stderr)
    for difference in done.result.differences:
        print(difference, file=sys.stderr)
    counts = ", ".join(f"{count} {what}" for what, count in done.result.counts.items())
    print(f"{done.snapshot.version}  {counts}")


def _check(options: argparse.Namespace) -> None:
    intake = check_files(options.files, Namespaces(_settings(options).base), options.examples)
    for source in options.source:
        passages = check_source(intake, source)
        print(f"{source}: {passages} passages verified")
    print("no findings")


def _query(options: argparse.Namespace) -> None:
    text = operations.query_text(options.query)
    if options.explain:
        print(operations.explain_query(_settings(options), text))
        return
    operations.run_query(_settings(options), text, options.format, sys.stdout.buffer)


def _status(options: argparse.Namespace) -> None:
    asked = {name: getattr(options, name) for name in operations.ASKED}
    answer = operations.status(_settings(options), asked)
    if options.format == "json":
        print(answer.model_dump_json(by_alias=True, indent=2))
    else:
        print("\n".join(operations.status_text(answer)))


def _export(options: argparse.Namespace) -> None:
    operations.export(_settings(options), options.format, sys.stdout.buffer)


def _retract(options: argparse.Namespace) -> None:
    by = _by(options, options.comment)
    done = amendments.retract(_settings(options), options.claim, options.reason, by, _progress())
    print(f"{options.claim} is retracted; its record is kept in g:history as {done.closed}")


def _supersede(options: argparse.Namespace) -> None:
    by, settings = _by(options, options.comment), _settings(options)
    done = amendments.supersede(
        settings, options.claim, options.file, options.reason, by, _progress()
    )
    print(f"{options.claim} is superseded; its old record is kept in g:history as {done.closed}")


def _changes(options: argparse.Namespace) -> None:
    for row in amendments.changes(_settings(options), options.since):
        print(amendments.change_text(row))


def _backup(options: argparse.Namespace) -> None:
    print(backups.backup(_settings(options).store, options.directory))


def _restore(options: argparse.Namespace) -> None:
    settings = _settings(options)
    merged = settings.default_graph == "union"
    done = backups.restore(settings.store, options.directory, _by(options), merged)
    print(done.version)


# --- the parser -------------------------------------------------------------------------------


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("chiptrail", description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    common = _common()

    def add(name: str, command: Command, summary: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=summary, description=summary, parents=[common])
        sub.set_defaults(command=command)
        return sub

    examples = ("--examples", "directory of the records (default: the built-in knowledge base)")
    one = add("build", _build, "build the store from the records")
    one.add_argument(examples[0], type=Path, help=examples[1])
    one.add_argument("--discard", action="store_true", help="even if the store holds more")
    _credited(one)
    _default_graph(one)

    one = add("serve", _serve, "serve the store over HTTP, building it first if there is none")
    one.add_argument("--host", help="address to listen on")
    one.add_argument("--port", type=int, help="port to listen on")
    one.add_argument("--empty", action="store_true", help="without the built-in knowledge base")
    _default_graph(one)
    one.epilog = _environment()
    one.formatter_class = argparse.RawDescriptionHelpFormatter

    one = add("mcp", _mcp, "answer language-model agents (MCP over standard input and output)")
    one.add_argument("--url", default="http://127.0.0.1:8000", help="a running server")

    one = add("load", _load, "add files (YAML records or RDF) to the store")
    one.add_argument("files", nargs="+", type=Path, metavar="FILE")
    one.add_argument("--graph", metavar="IRI", help="graph for triples that name none")
    _credited(one)

    one = add("import", _import, "add a list that others keep (docs/importing.md)")
    one.add_argument("kind", choices=sorted(IMPORTERS))
    one.add_argument("file", type=Path, metavar="FILE")
    one.add_argument("--strict", action="store_true", help="refuse all where a row is malformed")
    one.add_argument("--as-of", type=datetime.date.fromisoformat, metavar="DATE", help="its day")
    one.add_argument("--list", action="append", default=[], help="lists to take (repeatable)")
    one.add_argument("--accept", type=float, default=0.8, help="least score of a match of names")
    one.add_argument("--add-unknown", action="store_true", help="also what matches nothing known")
    _credited(one)

    one = add("check", _check, "check files (default: the built-in base) without loading them")
    one.add_argument("files", nargs="*", type=Path, metavar="FILE")
    one.add_argument(examples[0], type=Path, help=examples[1])
    one.add_argument(
        "--source",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="verify spans and hashes against your copy of an article's text (repeatable)",
    )

    one = add("query", _query, "run a SPARQL query (our prefixes need no declaration)")
    one.add_argument("query", metavar="SPARQL|FILE")
    formats = ["table", *(f.name for f in RESULT_FORMATS + RDF_FORMATS)]
    one.add_argument("--format", choices=formats, help="default: table, or ttl for graphs")
    one.add_argument(
        "--explain", action="store_true", help="only show the order that the planner gives it"
    )

    one = add("status", _status, "could this chip go to that place on that day, and why")
    one.add_argument("chip", metavar="CHIP", help="slug, alias or name")
    one.add_argument("destination", metavar="DESTINATION", help="ISO code, slug or name")
    one.add_argument("--on", dest="date", metavar="DATE", help="default: today")
    one.add_argument("--end-user-hq", metavar="C", help="headquarters of the end user")
    one.add_argument("--ship-from", metavar="C", help="country of export (default: US)")
    one.add_argument(
        "--known-at", metavar="T", help="a day (its end) or a time: as this record stood then"
    )
    one.add_argument("--end-user", metavar="FIRM", help="the end user itself")
    one.add_argument("--end-use", metavar="USE", help="a use that some rules turn on")
    one.add_argument("--format", choices=("text", "json"), default="text")

    one = add("retract", _retract, "take a claim back: its record is closed and kept")
    one.add_argument("claim", metavar="CLAIM", help="its id, such as c1-21")
    one.add_argument("--reason", required=True, help="extraction-error or source-retracted")
    _commented(one)

    one = add("supersede", _supersede, "set a better record in a claim's place")
    one.add_argument("claim", metavar="CLAIM", help="its id, such as c1-21")
    one.add_argument("file", type=Path, metavar="FILE", help="the successor: a claim in YAML")
    one.add_argument("--reason", default="superseded", help="default: superseded")
    _commented(one)

    one = add("changes", _changes, "what changed in the store, by whom and why")
    one.add_argument("--since", metavar="N|TIME", help="only later than that change, or time")

    one = add("export", _export, "write the whole dataset to standard output")
    one.add_argument("--format", choices=operations.EXPORTS, default="nq")

    one = add("backup", _backup, "copy the store in force to a directory")
    one.add_argument("directory", type=Path, metavar="DIR")
    one = add("restore", _restore, "make a backup the store in force")
    one.add_argument("directory", type=Path, metavar="DIR")
    _credited(one)
    _default_graph(one)
    return parser


def _common() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--store", type=Path, metavar="DIR", help="directory of the store")
    common.add_argument("--base", metavar="IRI", help="base IRI of the graph's names")
    return common


def _default_graph(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--default-graph",
        choices=("union", "strict"),
        help="what queries without FROM see: the merge of all graphs, or the store's own default",
    )


def _environment() -> str:
    lines = [f"  {name:32} {default!s}" for name, default, _ in variables()]
    return "environment variables and their defaults (flags win):\n" + "\n".join(lines)


def _settings(options: argparse.Namespace) -> Settings:
    names = ("store", "base", "host", "port", "default_graph")
    return load_settings({name: getattr(options, name, None) for name in names})


def _by(options: argparse.Namespace, why: str | None = None) -> Act:
    return Act("", options.author or _login(), why or options.reason or "")


def _login() -> str:
    """Whoever runs this, as the system knows them."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


def _commented(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--author", metavar="NAME", help="who does it (default: the login name)")
    parser.add_argument("--comment", metavar="TEXT", help="why, in words, for the history")
    _default_graph(parser)


def _credited(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--author", metavar="NAME", help="who does it (default: the login name)")
    parser.add_argument("--reason", metavar="TEXT", help="why, for the history")


def _progress() -> Progress:
    if not sys.stderr.isatty():
        return quiet
    start = time.monotonic()

    def show(step: str) -> None:
        print(f"  {time.monotonic() - start:6.2f} s  {step}", file=sys.stderr)

    return show
