"""Linked data: load a chip by its address, and follow its maker to a document of its own.

    python rdflib_follow.py http://127.0.0.1:8000

Needs: pip install rdflib
"""

import sys

from rdflib import RDFS, Graph, Namespace, URIRef

NAMES = "https://w3id.org/chiptrail/"
CT = Namespace(f"{NAMES}ont#")


def load(thing: URIRef, server: str) -> Graph:
    """The document about ``thing``, from ``server``.

    Names stay what they are wherever the data is served: only the address is another one. rdflib
    asks for RDF; the thing answers 303 See Other, with the address of its Turtle document.
    """
    return Graph().parse(thing.replace(NAMES, server + "/"))


def main(server: str) -> None:
    chip = URIRef(f"{NAMES}id/nvidia-h20")
    about_chip = load(chip, server)
    print(about_chip.value(chip, RDFS.label), "-", len(about_chip), "triples")

    maker = about_chip.value(chip, CT.manufacturer)
    print("maker:", about_chip.value(maker, RDFS.label), maker)

    about_maker = load(maker, server)
    print(about_maker.value(maker, RDFS.label), "-", len(about_maker), "triples")
    for country in about_maker.objects(maker, CT.country):
        print("country:", about_maker.value(country, RDFS.label))


if __name__ == "__main__":
    main(sys.argv[1])
