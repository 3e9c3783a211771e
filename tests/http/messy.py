"""Names as people type them into spreadsheets, made from ours: what reconciliation is for.

Everything is deterministic: the same records give the same names.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from kg.catalogue.naming import key

Json = dict[str, Any]
Mess = Callable[[random.Random, str], str]

STRANGERS = (
    *("Nvidia H21", "NVIDIA A5000X", "AMD H100", "Nvidia MI300X", "Intel Gaudi 9", "RTX 4091"),
    *("Huawei Ascend 911B", "Ascend 910E", "Biren BR105", "MTT S9000", "Google TPU v9", "H2000"),
    *("GeForce RTX 3060", "Quadro P4000", "Intel Xeon 8480", "AMD EPYC 9654", "Kunlun P900"),
    *("Trainium 7", "Cambricon MLU999", "Hanguang 900", "Tesla K80", "Radeon RX 580", "MI399X"),
    *("Acme Corp", "Apple Inc.", "Foxconn", "Lenovo Group Limited", "Dell Technologies", "Xiaomi"),
    *("Siemens AG", "Bosch GmbH", "Tokyo Electron", "Lam Research Corporation", "Arm Holdings plc"),
    *("Huawei Germany GmbH", "Baidu Ventures", "Tencent Music Entertainment", "Intel Capital"),
    *("Amazon Logistics", "Tesla Energy", "Micron Biomedical", "Meta Financial Group", "GPU"),
    *("Co., Ltd.", "unknown", "n/a", "-", "42", "小米科技有限公司", "联想集团", "紫光展锐"),
)
"""What is none of ours, however much it looks like it."""


@dataclass(frozen=True)
class Messy:
    """``clear``: a reader who knows our names would know at once which one is meant."""

    text: str
    meant: str
    clear: bool


def messy_names(
    chips: Iterable[Json], firms: Iterable[Json], others: Iterable[Json]
) -> list[Messy]:
    """500 names: of chips, of firms, and of strangers (``meant`` is empty)."""
    chips, firms = list(chips), list(firms)
    shared = Counter(
        spelling
        for thing in (*chips, *firms, *others)
        for spelling in {key(name) for name in (thing["id"], *_names(thing))}
    )
    chosen = random.Random(2026)
    strangers = [Messy(text, "", True) for text in STRANGERS]
    made = [*_all(chosen, chips, CHIP_MESSES, shared), *_all(chosen, firms, FIRM_MESSES, shared)]
    chosen.shuffle(made)
    return [*strangers, *made[: 500 - len(strangers)]]


def _names(thing: Json) -> list[str]:
    legal = [thing["legal_name"]] if "legal_name" in thing else []
    return [thing["label"], *thing.get("names", []), *legal]


def _all(
    chosen: random.Random, things: list[Json], messes: list[Mess], shared: Counter[str]
) -> Iterator[Messy]:
    for thing in things:
        for name in _names(thing) * 2:
            text = chosen.choice(messes)(chosen, name)
            if "maker" in thing:
                text = chosen.choice([_with_maker, _without_maker, _maker_last, _kept])(thing, text)
            yield Messy(text, thing["id"], shared[key(name)] == 1 and _tells(name))


def _tells(name: str) -> bool:
    """Whether a name says which thing it is: ``unnamed repair firm`` does not."""
    return not re.search(r"unnamed|generic", name)


def _kept(_: Json, text: str) -> str:
    return text


def _with_maker(thing: Json, text: str) -> str:
    maker = thing["maker"]["label"]
    return text if key(text).startswith(key(maker)) else f"{maker} {text}"


def _without_maker(thing: Json, text: str) -> str:
    first, _, rest = text.partition(" ")
    return rest if key(first) == key(thing["maker"]["label"]) and len(key(rest)) > 2 else text


def _maker_last(thing: Json, text: str) -> str:
    bare = _without_maker(thing, text)
    return text if bare == text else f"{bare} ({thing['maker']['label']})"


def _without_brand(_: random.Random, text: str) -> str:
    return re.sub(r"(Ascend|GeForce|Instinct|Radeon|Tesla|CloudBlazer) (?=[A-Z]*\d)", "", text)


def _typo(chosen: random.Random, text: str) -> str:
    """Two neighbouring letters swapped, or one left out, inside a long word."""
    words = list(re.finditer(r"[A-Za-z]{6,}", text))
    if not words:
        return text
    word = chosen.choice(words)
    at = word.start() + len(word[0]) // 2
    if chosen.random() < 0.5:
        return text[:at] + text[at + 1 :]
    return text[:at] + text[at + 1] + text[at] + text[at + 2 :]


def _run_together(_: random.Random, text: str) -> str:
    return re.sub(r"(?<=[A-Za-z])[ -](?=\d)", "", text)


def _pulled_apart(_: random.Random, text: str) -> str:
    return re.sub(r"(?<=[A-Za-z])(?=\d)", "-", text)


def _is_han(text: str) -> bool:
    return re.search(r"[\u4e00-\u9fff]", text) is not None


def _product_words(chosen: random.Random, text: str) -> str:
    if _is_han(text):
        return text + chosen.choice(["芯片", " 加速卡", "GPU"])
    return text + chosen.choice([" GPU", " AI accelerator", " graphics card", " AI Chip"])


def _legal_form(chosen: random.Random, text: str) -> str:
    if _is_han(text):
        return text + chosen.choice(["有限公司", "股份有限公司"])
    return text + chosen.choice([" Inc.", ", Ltd", " Co., Ltd.", " Corp", " LLC", " GmbH"])


def _memory(chosen: random.Random, text: str) -> str:
    return text + chosen.choice([" 24GB", " 64 GB HBM2e", " (80GB)"])


PLAIN: list[Mess] = [
    lambda _, text: text.upper(),
    lambda _, text: text.lower(),
    lambda _, text: f"  {text} ",
    lambda _, text: text.replace(" ", "_"),
    lambda _, text: text.replace(" ", "  ").replace(".", ""),
    lambda _, text: f"{text}®",
    _typo,
]
CHIP_MESSES: list[Mess] = [
    *PLAIN,
    _run_together,
    _pulled_apart,
    _product_words,
    _without_brand,
    lambda chosen, text: text if re.search(r"\d ?GB", text) else _memory(chosen, text),
    lambda chosen, text: _product_words(chosen, _run_together(chosen, text.lower())),
    lambda chosen, text: _pulled_apart(chosen, _typo(chosen, text)),
]
FIRM_MESSES: list[Mess] = [
    *PLAIN,
    _legal_form,
    lambda chosen, text: _legal_form(chosen, text.upper()),
    lambda chosen, text: _legal_form(chosen, _typo(chosen, text)),
    lambda _, text: text.replace("Co., Ltd.", "Company Limited"),
    lambda _, text: re.sub(r",? (Inc|Corporation|Ltd|Co)\.?,?", "", text),
]
