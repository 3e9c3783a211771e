"""What people call chips, places and firms → slugs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from kg.errors import UnknownName
from kg.records import Chip, Entity, Firm, Records


@dataclass(frozen=True)
class Names:
    """For each kind: name in any spelling (folded to lower case) → slug."""

    chips: Mapping[str, str]
    places: Mapping[str, str]
    firms: Mapping[str, str]

    @classmethod
    def from_records(cls, records: Records) -> Names:
        places = [entity for entity in records.of(Entity) if entity.class_ == "Place"]
        chips = records.of(Chip)
        return cls(
            _short_names(chips) | _index(chips),
            _index(places) | {p.iso.casefold(): p.id for p in places if p.iso},
            # A party that only a list row names is met after the firms that are known.
            _index(sorted(records.of(Firm), key=lambda firm: firm.class_ == "Agent")),
        )

    def chip(self, name: str) -> str:
        """The slug of a chip by slug, alias or label. Raises UnknownName with near names."""
        return _find("chip", name, self.chips)

    def place(self, name: str) -> str:
        """The slug of a place by ISO 3166-1 code, slug or name. Raises UnknownName."""
        return _find("place", name, self.places)

    def firm(self, name: str) -> str:
        """The slug of a firm by slug, alias or name in any language. Raises UnknownName."""
        return _find("firm", name, self.firms)


def _index(entities: Iterable[Entity]) -> dict[str, str]:
    """Slugs win over other names, and the first entity of a name wins over later ones."""
    known = list(entities)
    index = {entity.id: entity.id for entity in known}
    for entity in known:
        for name in _names(entity):
            index.setdefault(name.casefold(), entity.id)
    return index


def _short_names(chips: Iterable[Chip]) -> dict[str, str]:
    """``Nvidia H20`` is called ``h20`` too, where no other chip is."""
    short = [(chip.label.partition(" ")[2].casefold(), chip.id) for chip in chips]
    count = Counter(name for name, _ in short)
    return {name: slug for name, slug in short if name and count[name] == 1}


def _names(entity: Entity) -> Iterator[str]:
    yield entity.label
    yield from entity.aliases
    for names in entity.names.values():
        yield from names
    if isinstance(entity, Firm) and entity.legal_name:
        yield entity.legal_name


def _find(kind: str, name: str, index: Mapping[str, str]) -> str:
    folded = name.strip().casefold()
    if folded in index:
        return index[folded]
    near = [index[match] for match in get_close_matches(folded, index, 5, 0.5)]
    raise UnknownName(kind, name, list(dict.fromkeys(near))[:3])
