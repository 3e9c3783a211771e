"""The one text form of every Turtle file of the ontology, and the derived JSON-LD context.

``python -m tests.ontology.canonical`` names the files that are not in that form (exit status 1),
``python -m tests.ontology.canonical --write`` rewrites them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

from rdflib import Graph

from tests.ontology.files import ONTOLOGY, PREFIXES, turtle_files
from tests.ontology.jsonld import context_text


def canonical(text: str) -> str:
    """The same triples, sorted, with blank nodes in a stable order. Comments do not survive."""
    graph = Graph(bind_namespaces="none").parse(data=text, format="turtle")
    for prefix, namespace in PREFIXES.items():
        graph.bind(prefix, namespace, override=True, replace=True)
    long = graph.serialize(format="longturtle", canon=True)
    return "\n".join(line.rstrip() for line in long.strip().splitlines()) + "\n"


def expected_texts() -> Iterator[tuple[str, str, str]]:
    """(path under ontology/, the text it holds, the text it should hold) of each file."""
    for path in turtle_files():
        text = path.read_text("utf-8")
        yield str(path.relative_to(ONTOLOGY)), text, canonical(text)
    context = ONTOLOGY / "context.jsonld"
    yield context.name, context.read_text("utf-8") if context.exists() else "", context_text()


def main(arguments: list[str]) -> int:
    faulty = [(name, should) for name, text, should in expected_texts() if text != should]
    for name, should in faulty:
        sys.stdout.write(f"{name}\n")
        if "--write" in arguments:
            (ONTOLOGY / name).write_text(should, "utf-8")
    return 1 if faulty and "--write" not in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
