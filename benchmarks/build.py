"""Build of the whole base beside the same load and validation through rdflib's own store.

    .venv/bin/python -m benchmarks.build

All read the same records and check them against the same shapes with the same findings (none).
Each runs in a process of its own, so that its peak memory is its own; interpreter start and
imports count.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.machine import describe_machine


def load_and_validate() -> None:
    from pyoxigraph import Store

    from kg.build import validate
    from kg.intake import ontology_quads, read_base
    from kg.namespaces import Namespaces

    intake = read_base(Namespaces())
    if findings := validate(intake):
        raise SystemExit(findings[0])
    with tempfile.TemporaryDirectory() as directory:
        store = Store(directory)
        store.bulk_extend(ontology_quads(intake.names))
        store.bulk_extend(intake.quads)
        store.flush()


def whole_build() -> None:
    from kg.build import build
    from kg.intake import read_base
    from kg.namespaces import Namespaces

    with tempfile.TemporaryDirectory() as directory:
        build(read_base(Namespaces()), Path(directory))


def rdflib_and_pyshacl() -> None:
    import pyshacl
    import rdflib
    from pyoxigraph import RdfFormat, serialize

    from kg.intake import ontology_quads, read_base
    from kg.namespaces import Namespaces
    from kg.resources import ontology_directory

    names = Namespaces()
    quads = [*ontology_quads(names), *read_base(names).quads]
    text = serialize(quads, format=RdfFormat.N_QUADS)
    dataset = rdflib.Dataset(default_union=True)
    dataset.parse(data=text, format="nquads")
    shapes = rdflib.Graph()
    for path in sorted((ontology_directory() / "shapes").glob("*.shapes.ttl")):
        shapes.parse(path)
    data = rdflib.Graph()
    for triple in dataset.triples((None, None, None)):
        data.add(triple)
    conforms, _, report = pyshacl.validate(data, shacl_graph=shapes)
    if not conforms:
        raise SystemExit(report)


WAYS = {
    "chiptrail: load and validate": load_and_validate,
    "chiptrail: whole build": whole_build,
    "rdflib and pySHACL: load and validate": rdflib_and_pyshacl,
}


def main() -> None:
    if len(sys.argv) > 1:
        WAYS[sys.argv[1]]()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        print(peak)
        return
    print(describe_machine("pyoxigraph", "shacl", "rdflib", "pyshacl"))
    seconds = {}
    for name in WAYS:
        start = time.perf_counter()
        command = [sys.executable, "-m", "benchmarks.build", name]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        seconds[name] = time.perf_counter() - start
        peak = int(done.stdout.split()[-1]) // 1024
        print(f"{name:40} {seconds[name]:7.2f} s  {peak:5} MiB at most")
    load, build, reference = seconds.values()
    print(f"times faster: load and validate {reference / load:.1f}, build {reference / build:.1f}")


if __name__ == "__main__":
    main()
