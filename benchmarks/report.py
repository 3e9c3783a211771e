"""The results of a run as one Markdown page: tables, then what they say about the aims."""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from benchmarks.client import Figures
from benchmarks.load import (
    AGGREGATE,
    CONSTRUCT,
    JOIN,
    LIST,
    LOOK_UP,
    MANY_ROWS,
    REPEATED,
    ROWS,
    SCAN,
)

CLIENTS = (1, 8, 32)
MIXED = "mixed: nine look-ups, one update"
BARE = "bare ASGI over the engine"
CONSTANT = "bare ASGI without an engine"
_OURS, _RDFLIB, _OXIGRAPH, _VIRTUOSO = (
    "Chiptrail", "rdflib-endpoint", "Oxigraph's server", "Virtuoso",
)  # fmt: skip
_BUSY = 0.1
_HEAVY = (JOIN, LIST, SCAN, AGGREGATE, CONSTRUCT, ROWS, MANY_ROWS)


@dataclass(frozen=True)
class Steadiness:
    """Small queries without and with runaways arriving."""

    quiet: Figures
    busy: Figures

    @property
    def ratio(self) -> float:
        return self.busy.p99 / self.quiet.p99


@dataclass
class Results:
    machine: str
    command: str
    date: datetime.datetime
    triples: int
    claims: int
    seconds: float
    in_memory: bool
    """Whether Chiptrail holds a store of this size in memory."""
    limit: float
    every: float
    turns: int
    minutes: float = 0.0
    serialising: float = math.nan
    """Of 100,000 rows, bytes a second that Chiptrail sends, of what the engine writes in process;
    both from memory, in turns."""
    in_process: dict[str, dict[str, Figures]] = field(default_factory=dict)
    """memory, disk → question → figures."""
    served: dict[str, dict[str, dict[int, Figures]]] = field(default_factory=dict)
    """Question → server → clients → figures."""
    counts: dict[str, dict[str, int]] = field(default_factory=dict)
    """Question → server → results of its first answer."""
    steadiness: dict[str, Steadiness] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    unanswered: dict[str, list[str]] = field(default_factory=dict)
    """Question → servers that did not answer it once."""
    in_use: dict[str, float] = field(default_factory=dict)
    """How much of the processors other work had just before each part, from 0 to 1."""

    def add(self, question: str, server: str, clients: int, figures: Figures) -> None:
        self.served.setdefault(question, {}).setdefault(server, {})[clients] = figures

    def rate(self, question: str, server: str, clients: int) -> float | None:
        """Answers a second; None where it was not measured."""
        figures = self.served.get(question, {}).get(server, {}).get(clients)
        return figures.rate if figures and figures.rate else None

    def times(self, question: str, other: str, clients: int, other_question: str = "") -> float:
        """How many times the rate of ``other`` Chiptrail reaches; NaN where that is unknown."""
        ours = self.rate(question, _OURS, clients)
        theirs = self.rate(other_question or question, other, clients)
        return ours / theirs if ours and theirs else math.nan


def document(results: Results) -> str:
    parts = [_preamble(results), _in_process(results)]
    parts += [_table(results, question) for question in results.served]
    parts += [_steadiness(results), _aims(results)]
    return "\n\n".join(parts) + "\n"


def _preamble(results: Results) -> str:
    versions = "; ".join(
        f"{name}: {version}" for name, version in results.versions.items() if version
    )
    missing = "".join(
        f" {name} is not installed here and was left out." for name in results.missing
    )
    in_use = ", ".join(f"{name} {part:.0%}" for name, part in results.in_use.items())
    busy = max(results.in_use.values()) > _BUSY
    shared = " So it was here: take them for a first look, not as measured." if busy else ""
    return f"""\
# Chiptrail's SPARQL service beside others

    {results.command}

{results.date:%Y-%m-%d %H:%M} UTC, {results.minutes:.0f} minutes. {results.machine}.
{versions}.{missing}

The load generator and one server at a time share the processors. What other work had of them just
before each part: {in_use}.{shared}

{results.triples:,} generated triples: {results.claims:,} claims with their speakers, passages and
quantities (`benchmarks/load.py`). Each round: {results.seconds:g} s, keep-alive connections on
loopback, each client asking anew as soon as it is answered; for look-ups Chiptrail, the bare
applications and Oxigraph's server had {results.turns} rounds each, in turn, of which the middle one
stands here; for the aim of large results Chiptrail and the engine in process took turns too. All
but the repeated look-up are texts that the server has not seen before. "–" was not measured: at
one client it took so long that the round would not have ended in time. p50 and p99 in milliseconds;
with few answers p99 is the slowest. Chiptrail and Oxigraph's server hold each triple in its named
graph and in the default graph; rdflib-endpoint (in memory) and Virtuoso hold it once. Chiptrail
synchronises every update to disk before it acknowledges it; of the others, no such promise was
found."""


def _in_process(results: Results) -> str:
    lines = ["## The engine in process, one thread, no server", ""]
    lines += _header("", "memory p50", "p99", "MB/s", "disk p50", "p99", "MB/s")
    for question in results.in_process["memory"]:
        cells = [question]
        for kind in ("memory", "disk"):
            figures = results.in_process[kind][question]
            cells += [_ms(figures.p50), _ms(figures.p99), f"{figures.bytes_rate / 1e6:,.0f}"]
        lines.append(_row(cells))
    held = "in memory (and on disk)" if results.in_memory else "on disk only (by its size)"
    return "\n".join(
        [*lines, "", f"Chiptrail held this store {held}; the bare application, in memory."]
    )


def _table(results: Results, question: str) -> str:
    lines = [f"## {question[0].upper()}{question[1:]}", ""]
    names = [f"{n} client{'s' * (n > 1)}: a second | p50 | p99" for n in CLIENTS]
    lines += _header("", *" | ".join(names).split(" | "))
    for server, rounds in results.served[question].items():
        cells = [cell for n in CLIENTS for cell in _cells(rounds.get(n))]
        lines.append(_row([server, *cells]))
    notes = [_throughput(results, question), _errors(results, question)]
    notes.append(_disagreement(results, question))
    return "\n".join([*lines, *(f"\n{note}" for note in notes if note)])


def _cells(figures: Figures | None) -> list[str]:
    if figures is None or not figures.answers:
        return ["–", "–", "–"]
    return [f"{figures.rate:,.0f}" if figures.rate >= 20 else f"{figures.rate:.1f}",
            _ms(figures.p50), _ms(figures.p99)]  # fmt: skip


def _throughput(results: Results, question: str) -> str:
    if question != MANY_ROWS:
        return ""
    alone = [(server, rounds.get(1)) for server, rounds in results.served[question].items()]
    rates = [f"{server} {f.bytes_rate / 1e6:,.0f}" for server, f in alone if f]
    return f"MB a second at one client: {', '.join(rates)}."


def _errors(results: Results, question: str) -> str:
    failed = [
        f"{server} {figures.errors} of {figures.errors + figures.answers} at {clients}"
        for server, rounds in results.served[question].items()
        for clients, figures in rounds.items()
        if figures.errors
    ]
    failed += [f"{server}, not once in time" for server in results.unanswered.get(question, [])]
    return f"Not answered: {', '.join(failed)}." if failed else ""


def _disagreement(results: Results, question: str) -> str:
    counts = results.counts.get(question, {})
    if len(set(counts.values())) < 2:
        return ""
    each = ", ".join(f"{server} {count:,}" for server, count in counts.items())
    return f"The servers do not agree on the number of results: {each}."


def _steadiness(results: Results) -> str:
    lines = ["## Small queries while runaways arrive", ""]
    lines += [
        f"First-time look-ups of four clients; then a query that would run for ever is sent every "
        f"{results.every:g} s. Chiptrail, Oxigraph's server and Virtuoso are told to end a query "
        f"after {results.limit:g} s; the others have no such setting.",
        "",
    ]
    lines += _header(
        "", "quiet: a second", "p50", "p99", "runaways: a second", "p50", "p99", "p99 ×", "lost"
    )
    for server, found in results.steadiness.items():
        ratio = f"{found.ratio:.1f}" if found.busy.answers else "stopped"
        cells = [server, *_cells(found.quiet), *_cells(found.busy), ratio, str(found.busy.errors)]
        lines.append(_row(cells))
    return "\n".join(lines)


# --- the aims ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Aim:
    what: str
    wanted: float
    reached: Sequence[float]
    """At each number of clients, or one figure; NaN where it was not measured."""
    at_most: bool = False

    @property
    def verdict(self) -> str:
        known = [value for value in self.reached if not math.isnan(value)]
        met = [value < self.wanted if self.at_most else value >= self.wanted for value in known]
        if not known:
            return "not measured"
        return "met" if all(met) else "met in part" if any(met) else "missed"


def _aims(results: Results) -> str:
    lines = [
        "## Against the aims",
        "",
        "Where three figures stand, they are for 1, 8 and 32 clients.",
    ]
    lines += ["", *_header("", "aim", "reached", "")]
    for aim in _all_aims(results):
        values = " / ".join("–" if math.isnan(v) else f"{v:.2f}" for v in aim.reached)
        sign = "<" if aim.at_most else "≥"
        lines.append(_row([aim.what, f"{sign} {aim.wanted:g}", values, aim.verdict]))
    return "\n".join(lines)


def _all_aims(results: Results) -> Iterator[Aim]:
    def each(question: str, other: str) -> list[float]:
        return [results.times(question, other, clients) for clients in CLIENTS]

    kind = "memory" if results.in_memory else "disk"
    yield Aim(
        f"100,000 rows, bytes a second of the engine's own serialising (from {kind})",
        0.9,
        [_serialising(results)],
    )
    yield Aim(
        "first-time look-ups of the bare application over the engine", 0.7, each(LOOK_UP, BARE)
    )
    yield Aim(
        "repeated look-ups of the bare application without one", 0.7, each(REPEATED, CONSTANT)
    )
    yield Aim("first-time look-ups of rdflib-endpoint", 5, each(LOOK_UP, _RDFLIB))
    yield Aim(
        "joins, list, scan, aggregate, CONSTRUCT, large results of rdflib-endpoint, geometric mean",
        15,
        [_heavy(results)],
    )
    yield Aim("first-time look-ups of Virtuoso", 3, each(LOOK_UP, _VIRTUOSO))
    yield Aim("first-time look-ups of Oxigraph's server", 0.5, each(LOOK_UP, _OXIGRAPH))
    others = [each(REPEATED, other) for other in (_RDFLIB, _OXIGRAPH, _VIRTUOSO)]
    yield Aim(
        "repeated look-ups of the fastest other server",
        1,
        [_least(c) for c in zip(*others, strict=True)],
    )
    steady = results.steadiness.get(_OURS)
    yield Aim(
        "p99 of a small query under runaways, of its quiet value",
        20,
        [steady.ratio if steady else math.nan],
        at_most=True,
    )


def _serialising(results: Results) -> float:
    if results.in_memory:
        return results.serialising
    served = results.served[MANY_ROWS].get(_OURS, {}).get(1)
    written = results.in_process["disk"][MANY_ROWS].bytes_rate
    return served.bytes_rate / written if served else math.nan


def _heavy(results: Results) -> float:
    """Geometric mean over the questions, each at the most clients that both were measured at."""
    ratios = []
    for question in _HEAVY:
        known = [r for n in CLIENTS if not math.isnan(r := results.times(question, _RDFLIB, n))]
        ratios += known[-1:]
    return math.exp(math.fsum(map(math.log, ratios)) / len(ratios)) if ratios else math.nan


def _least(values: Sequence[float]) -> float:
    return min((value for value in values if not math.isnan(value)), default=math.nan)


# --- Markdown ---------------------------------------------------------------------------------


def _header(*names: str) -> list[str]:
    return [_row(names), _row(["---", *(["--:"] * (len(names) - 1))])]


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _ms(seconds: float) -> str:
    value = seconds * 1e3
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 1 else f"{value:.2f}"
