"""How fast search is on 100,000 generated records: ``python -m benchmarks.search``.

The names are made like the real ones: firms with legal forms and Chinese names, chips with part
numbers and configurations, sentences about them. Prints the median and the 95th percentile for
each way of asking, and for reconciliation.
"""

from __future__ import annotations

import argparse
import random
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.machine import describe_machine
from kg.catalogue import Catalogue, Entry, Question, Reconciler, write_catalogue
from kg.catalogue.view import Kind

_SYLLABLES = "ba bei cam dra en fu gao hua in jin ka lo mo nex or pha qi ro sun tor vex wei yu zen"
_HAN = "华为昇腾寒武纪壁仞燧原海光沐曦天数智芯摩尔线程中微北方长江存储兆易创新紫光展锐景嘉龙飞腾"
_FORMS = ("Inc.", "Co., Ltd.", "Technology Co., Ltd.", "Semiconductor Corp.", "Group", "Systems")
_SUFFIXES = ("", "", "", " SXM", " PCIe", " 80 GB", " D", " Pro", " NVL", " Ultra")
_VERBS = ("bought", "repairs", "stockpiled", "may not sell", "doubts the figures of", "ordered")


class World:
    """A reproducible market of ``size`` records: a tenth firms, half chips, the rest claims."""

    def __init__(self, size: int) -> None:
        self._random = random.Random(size)
        self.firms = [self._firm(i) for i in range(size // 10)]
        self.chips = [self._chip(i) for i in range(size // 2)]
        self.claims = size - len(self.firms) - len(self.chips)

    def _firm(self, number: int) -> tuple[str, str, str, str]:
        name = "".join(self._random.choices(_SYLLABLES.split(), k=3)).capitalize()
        han = "".join(self._random.choices(_HAN, k=self._random.randint(2, 4)))
        return f"{name.lower()}-{number}", name, f"{name} {self._random.choice(_FORMS)}", han

    def _chip(self, number: int) -> tuple[str, str, str]:
        slug, name, _, han = self._random.choice(self.firms)
        part = f"{self._random.choice('ABCDGHKLMPRTX')}{self._random.randint(10, 9999)}"
        suffix = self._random.choice(_SUFFIXES)
        return f"{slug}-chip-{number}", f"{name} {part}{suffix}", f"{han} {part}"

    def entries(self) -> Iterator[Entry]:
        for slug, name, legal, han in self.firms:
            yield _entry("firms", "Company", slug, name, names=[han], legal_name=legal)
        for slug, name, han in self.chips:
            yield _entry("chips", "Chip", slug, name, names=[han])
        for number in range(self.claims):
            subject, thing = self._random.choice(self.firms)[1], self._random.choice(self.chips)[1]
            text = f"{subject} {self._random.choice(_VERBS)} {number % 977} of {thing} in 2025."
            yield _entry("claims", "Claim", f"c-{number}", text)


def _entry(collection: str, kind: str, slug: str, label: str, **more: object) -> Entry:
    iri = f"https://example.org/id/{slug}"
    document = {"id": slug, "iri": iri, "type": kind, "label": label, **more}
    return Entry(collection, slug, document, kinds=(Kind(kind, kind.lower(), "", ()),))


def _typo(text: str) -> str:
    middle = len(text.split()[0]) // 2
    return text[:middle] + text[middle + 1] + text[middle] + text[middle + 2 :]


def questions(world: World, count: int) -> dict[str, list[str]]:
    """Ways of asking → ``count`` texts."""
    chosen = random.Random(1)
    chips = [chosen.choice(world.chips) for _ in range(count)]
    firms = [chosen.choice(world.firms) for _ in range(count)]
    return {
        "whole name": [name for _, name, _ in chips],
        "part number": [name.split()[1] for _, name, _ in chips],
        "first letters": [name[:3] for _, name, _, _ in firms],
        "two Chinese characters": [han[:2] for _, _, _, han in firms],
        "legal name": [legal for _, _, legal, _ in firms],
        "words of a sentence": [f"{name} stockpiled" for _, name, _, _ in firms],
        "part of a word": [name[2:8] for _, name, _, _ in firms],
        "a common word": [chosen.choice(("technology", "2025", "chip", "SXM")) for _ in chips],
        "typo": [_typo(name) for _, name, _ in chips],
        "nothing like it": [f"{name[::-1]} {han[::-1]}" for _, name, _, han in firms],
    }


def _measure(name: str, texts: list[str], ask: Callable[[str], object]) -> list[float]:
    taken = []
    for text in texts:
        begun = time.perf_counter()
        ask(text)
        taken.append(1000 * (time.perf_counter() - begun))
    worst = statistics.quantiles(taken, n=20)[-1]
    print(f"{name:32}{statistics.median(taken):8.2f} ms median {worst:8.2f} ms 95th percentile")
    return taken


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--questions", type=int, default=50, help="of each sort")
    arguments = parser.parse_args()
    print(f"{describe_machine('chiptrail')}, SQLite {sqlite3.sqlite_version}")
    world = World(arguments.records)
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "catalogue.sqlite"
        begun = time.perf_counter()
        write_catalogue(path, world.entries())
        taken, size = time.perf_counter() - begun, path.stat().st_size / 2**20
        print(f"{arguments.records} records: {taken:.1f} s to write, {size:.0f} MiB")
        _ask(Catalogue(path), questions(world, arguments.questions))


def _ask(catalogue: Catalogue, sorts: dict[str, list[str]]) -> None:
    search = catalogue.search
    search.find("warm")
    everything = [
        taken for name, texts in sorts.items() for taken in _measure(name, texts, search.find)
    ]
    print(f"{'search, all together':32}{statistics.median(everything):8.2f} ms median")
    reconciler = Reconciler(catalogue)
    for name in ("whole name", "legal name", "part number", "typo"):
        ask = lambda text: reconciler.candidates(Question(text))  # noqa: E731
        _measure(f"reconcile: {name}", sorts[name], ask)


if __name__ == "__main__":
    main()
