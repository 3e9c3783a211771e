"""Write the dumps of the snapshot in force: the process that the server starts for it."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from kg import snapshots
from kg.errors import ChiptrailError
from kg.exports.dumps import write_dumps
from kg.exports.material import Material

_NICENESS = 10  # answering queries comes first


def main() -> int:
    parser = argparse.ArgumentParser("python -m kg.exports", description=__doc__)
    parser.add_argument("store", type=Path, help="directory of the store")
    parser.add_argument("--own-default-graph", action="store_true", help="it is not a merge")
    parser.add_argument("--nanopub-key", default="", help="file of the key that signs")
    options = parser.parse_args()
    os.nice(_NICENESS)
    try:
        snapshot = snapshots.require(options.store)
        material = Material(snapshot, not options.own_default_graph, options.nanopub_key)
        write_dumps(options.store, material)
    except ChiptrailError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
