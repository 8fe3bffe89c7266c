"""What a student reads at once, before the hidden tests are shown: what is filled in, cells, public checks, artefacts.

It is text of the grader in nested lists. Words of a submission are part of it as quotations only. Whoever writes HTML gets
them escaped.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from autograder.engine.public_checks import STUBBED
from autograder.engine.report import Check, Filled, Report, Verdict

NOT_READ = "Grading was stopped before your notebook was read. Submit again."
OVER = "The due date is over: the hidden tests and their points are in the list of tests."
# When the rest appears, by the visibility of its tests.
APPEARS = {
    "after_due_date": "The hidden tests and their points appear here after the due date{}.",
    "after_published": "The hidden tests and their points appear here when your instructor publishes the grades.",
    "hidden": "The hidden tests and their points are not shown here.",
    "visible": "The hidden tests and their points are in the list of tests.",
}
MOST_STUBS = 12


@dataclass(frozen=True)
class Item:
    """A sentence, and the sentences below it."""

    text: str
    items: tuple[Item, ...] = ()


@dataclass(frozen=True)
class Due:
    """When the hidden tests of a submission are shown that are shown after the due date: ``over`` if they are by now."""

    at: datetime | None = None
    over: bool = False


NOT_DUE = Due()


def answer(report: Report, due: Due = NOT_DUE) -> list[Item]:
    """All that a student reads at once about the whole submission."""
    if not report.remarks and all(verdict.unfinished for verdict in report.verdicts) and not report.filled:
        return [Item(NOT_READ)]
    remarks = [Item("Remarks", tuple(map(Item, report.remarks)))] if report.remarks else []
    return [*progress(report), *measured(report), *remarks, *hints(report, due), *when(report, due)]


def progress(report: Report) -> list[Item]:
    """Which questions are filled in, with the public checks of each, and whether all cells ran."""
    if not report.filled:
        return []
    cells = [Item(report.cells)] if report.cells else []
    return [Item(headline(report), tuple(question(one, report.checks) for one in report.filled)), *cells]


def headline(report: Report) -> str:
    """How much is filled in, and how many public checks pass."""
    whole = sum(one.whole for one in report.filled)
    if all(one.untouched for one in report.filled):
        return "Nothing is filled in yet. These functions wait for you:"
    passed = sum(check.passed for check in report.checks)
    checks = f"; {passed} of {len(report.checks)} public checks pass" if report.checks else ""
    return f"{whole} of {plural(len(report.filled), 'question')} {'is' if whole == 1 else 'are'} filled in{checks}."


def question(filled: Filled, checks: Iterable[Check]) -> Item:
    """One question: what is left to write, and the public checks that do not pass; a message of several is told once."""
    mine = [check for check in checks if check.question == filled.question]
    failed: dict[str, list[str]] = {}
    for check in (check for check in mine if not check.passed):
        failed.setdefault(check.message, []).append(check.title)
    passed = (
        f"{sum(check.passed for check in mine)} of {plural(len(mine), 'public check')} pass{'es' * (len(mine) == 1)}"
        if mine
        else ""
    )
    said = "; ".join(filter(None, [state(filled), passed]))
    lines = (f"{titles[0]}{f' (and {len(titles) - 1} more)' * (len(titles) > 1)}: {m}" for m, titles in failed.items())
    return Item(f"{filled.question} · {filled.title}: {said}.", tuple(map(Item, lines)))


def state(filled: Filled) -> str:
    """What is left to write of a question."""
    if filled.whole:
        return "filled in"
    missing = [f"{name} is not defined{f' ({where})' * bool(where)}" for name, where in filled.missing]
    more = [f"{len(filled.stubs) - MOST_STUBS} more"] if len(filled.stubs) > MOST_STUBS else []
    stubs = [f"not filled in yet: {', '.join([*filled.stubs[:MOST_STUBS], *more])}"] if filled.stubs else []
    return "; ".join([*stubs, *missing])


def measured(report: Report) -> list[Item]:
    """What was measured in the files that are handed in beside the notebook, if students see it at once."""
    if not report.filled:  # nothing was graded
        return []
    return [Item(f"{q} · {vs[0].question_title}: {sentence(report, q, vs)}") for q, vs in beside(report) if seen(vs)]


def beside(report: Report) -> Iterator[tuple[str, list[Verdict]]]:
    """The questions whose verdicts come from files beside the notebook, with these verdicts."""
    tested = {one.question for one in report.filled}
    for question in dict.fromkeys(v.question for v in report.verdicts if v.question not in tested):
        yield question, [verdict for verdict in report.verdicts if verdict.question == question]


def seen(verdicts: Iterable[Verdict]) -> bool:
    """Whether students see all of these verdicts at once."""
    return all(verdict.visibility == "visible" for verdict in verdicts)


def sentence(report: Report, question: str, verdicts: Sequence[Verdict]) -> str:
    """The number that was measured for a question, or why there is none."""
    if found := report.headlines.get(question):
        return f"{found.title} {found.text}."
    return next((verdict.message for verdict in verdicts if verdict.message), "not measured.")


def hints(report: Report, due: Due) -> list[Item]:
    """What the hidden tests say, each sentence once and without points, where the course tells it before the due date.

    What is not written yet is told above.
    """
    tested = {one.question: one.title for one in report.filled if not one.untouched}
    waiting = [v for v in report.verdicts if v.question in tested and v.visibility != "visible"]
    if report.feedback != "hints" or (due.over and all(v.visibility == "after_due_date" for v in waiting)):
        return []
    said: dict[str, dict[str, None]] = {}
    for verdict in waiting:
        if not verdict.passed and verdict.message and not verdict.message.casefold().startswith(STUBBED):
            said.setdefault(verdict.question, {})[verdict.message] = None
    items = tuple(Item(f"{q} · {tested[q]}", tuple(map(Item, messages))) for q, messages in said.items())
    return [Item("Hints of the hidden tests", items)] if items else []


def when(report: Report, due: Due) -> list[Item]:
    """When the verdicts appear that are not shown at once; of several times the last one."""
    later = {verdict.visibility for verdict in report.verdicts}
    kind = next((kind for kind in ("after_published", "after_due_date", "hidden") if kind in later), "visible")
    if kind == "after_due_date" and due.over:
        return [Item(OVER)]
    at = f", {due.at.day} {due.at:%B %Y, %H:%M} ({due.at.tzname()})" if due.at else ""
    return [Item(APPEARS[kind].format(at))]


def plural(number: int, noun: str) -> str:
    """``1 question``, ``2 questions``."""
    return f"{number} {noun}{'s' * (number != 1)}"


def as_html(items: Iterable[Item]) -> str:
    """Items as HTML. It has paragraphs, lists and bold text only: what a page that filters tags lets through."""
    return "\n".join(_block(item) for item in items)


def _block(item: Item) -> str:
    text = html.escape(item.text)
    return f"<p><strong>{text}</strong></p>{_list(item.items)}" if item.items else f"<p>{text}</p>"


def _list(items: Sequence[Item]) -> str:
    rows = "".join(f"<li>{html.escape(item.text)}{_list(item.items)}</li>" for item in items)
    return f"<ul>{rows}</ul>" if rows else ""


def as_text(items: Iterable[Item], depth: int = 0) -> str:
    """Items as plain text, one line each."""
    mark = "  " * depth + "- " * bool(depth)
    return "".join(f"{mark}{item.text}\n{as_text(item.items, depth + 1)}" for item in items)
