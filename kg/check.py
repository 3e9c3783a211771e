"""Checking files before they go in, and claims against a reader's own copy of an article."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from pyoxigraph import NamedNode

from kg.build import examine
from kg.catalogue.view import View
from kg.errors import Finding, InvalidData, InvalidInput
from kg.intake import Intake, merged, read_base
from kg.namespaces import Namespaces
from kg.yamlfile import read_utf8

HASH_DIGITS = 16


def check_files(paths: Sequence[Path], names: Namespaces, directory: Path | None = None) -> Intake:
    """The knowledge base with ``paths`` (YAML or RDF) in it, if nothing is wrong with them.

    Without paths the whole base is checked. Raises InvalidData with every finding.
    """
    missing = [str(path) for path in paths if not path.is_file()]
    if missing:
        raise InvalidInput(f"no such file: {', '.join(missing)}")
    intake = read_base(names, directory, paths)
    files = {str(path) for path in paths}
    only = [iri for iri, origin in intake.origins.items() if origin.where in files]
    examine(intake, only if paths else None)
    return intake


def check_source(intake: Intake, source: Path) -> int:
    """Verify the spans and hashes of an article's claims against ``source``, a copy of its text.

    The article is the one with the file's name or content. Returns the number of passages that
    were verified. Raises InvalidData with every passage that differs, InvalidInput where no
    article is called so.
    """
    text = read_utf8(source)
    whole = hashlib.sha256(text.encode()).hexdigest()
    article = next(
        (a for a in intake.articles.values() if a.file == source.name or a.sha256 == whole), None
    )
    if article is None:
        known = ", ".join(a.file for a in intake.articles.values())
        raise InvalidInput(f"{source}: no article has this name or this content; known: {known}")
    findings = []
    if whole != article.sha256:
        message = f"this text is not the one that was read (sha256 {whole}, not {article.sha256})"
        findings.append(Finding(str(source), None, article.id, message, "sha256"))
    node = intake.names.expand(f"src:{article.id}")
    spans = _spans(intake, node)
    findings += [f for span in spans if (f := _check_span(intake, text, *span)) is not None]
    if findings:
        raise InvalidData(findings)
    return len(spans)


def _spans(intake: Intake, document: NamedNode) -> list[tuple[str, int, int, str]]:
    """IRI, start, end and recorded hash of each span of ``document``."""
    view = View(merged(intake.quads), intake.names)
    return [
        (
            span.value,
            view.value(selector, "oa:start"),
            view.value(selector, "oa:end"),
            passage_hash,
        )
        for span in view.subjects("oa:hasSource", document)
        for selector in view.nodes(span, "oa:hasSelector")
        for passage_hash in view.values(span, "ct:passageHash")
    ]


def _check_span(
    intake: Intake, text: str, iri: str, start: int, end: int, expected: str
) -> Finding | None:
    origin = intake.origins[iri]
    if not 0 <= start < end <= len(text):
        message = f"span {start}-{end} lies outside the text of {len(text)} characters"
        return Finding(origin.where, origin.line, origin.record, message, "span")
    found = hashlib.sha256(text[start:end].encode()).hexdigest()[:HASH_DIGITS]
    if found == expected:
        return None
    message = f"the passage {start}-{end} has sha256 {found}…, recorded is {expected}"
    return Finding(origin.where, origin.line, origin.record, message, "hash")
