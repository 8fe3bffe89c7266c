"""What a student reads of a check, as lines of text. Pure functions."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from autograder.desk.by_hand import ByHand
from autograder.desk.run import Raised, sentence
from autograder.engine.outcomes import LATER, Outcome
from autograder.text import clean

RIGHT, WRONG, WAITS = "✓", "✗", "·"
LONGEST = 400
MOST = 3  # titles in a line
_LONG_NUMBER = re.compile(r"(?<![\w.])-?\d+\.\d{5,}(?:e[-+]?\d+)?")


@dataclass(frozen=True)
class Line:
    """A mark and a sentence."""

    mark: str
    text: str


def rounded(text: str) -> str:
    """``text`` with its long numbers cut to four digits that count."""
    return _LONG_NUMBER.sub(lambda number: f"{float(number[0]):.4g}", text)


def lines(hand: Sequence[ByHand], outcomes: Sequence[Outcome], homes: Mapping[str, str]) -> list[Line]:
    """The lines of a question: what it waits for, once; what is wrong, the hint first; what is right.

    What is wrong in several tests is told once. ``homes`` are the questions of the graded names.
    """
    waiting: dict[str, None] = {}
    wrong: dict[object, tuple[str, str, list[str]]] = {}
    right, later = [], []
    hints = {one.judgement.message for one in outcomes if one.judgement.misconception is not None}
    for title, passed, text, raised in sorted(_all(hand, outcomes), key=lambda one: one[2] not in hints):
        if passed:
            right.append(Line(RIGHT, text or title))
        elif raised is not None and (raised.missing or raised.stub):
            waiting[_waits_for(raised, homes)] = None
        elif text:
            same = (raised.type, raised.line, raised.number) if raised is not None and raised.line else text
            wrong.setdefault(same, (_sentence(text, raised is None), _where(raised), []))[2].append(title)
        else:
            later.append(Line(WAITS, f"{title}: {LATER}"))
    told = [Line(WRONG, f"{text}  ({_listed(titles)}){where}") for text, where, titles in wrong.values()]
    return [*(Line(WAITS, text) for text in waiting), *told, *later, *right]


def _listed(titles: Sequence[str]) -> str:
    return "; ".join(titles[:MOST]) + (f"; and {len(titles) - MOST} more" if len(titles) > MOST else "")


def _all(hand: Sequence[ByHand], outcomes: Sequence[Outcome]) -> Iterator[tuple[str, bool, str, Raised | None]]:
    """Title, whether it passes, what is said, and exception of each test."""
    yield from ((one.title, not one.wrong, one.wrong, one.raised) for one in hand)
    for one in outcomes:
        told, raised = one.judgement, one.raised
        text = (
            sentence(raised) if raised is not None and not told.passed and told.misconception is None else told.message
        )
        yield one.title, told.passed, text, raised


def _waits_for(raised: Raised, homes: Mapping[str, str]) -> str:
    if raised.stub:
        return f"{raised.stub} is not implemented yet"
    if raised.missing in homes:
        return f"run the cell of {raised.missing} first"
    line = f", which line {raised.number} uses (`{clean(raised.line, 80)}`)" if raised.line else ""
    return f"{raised.missing} is not defined{line}: run the cells above, or look for a misspelt name"


def _where(raised: Raised | None) -> str:
    return f"\n    line {raised.number}: {clean(raised.line, 160)}" if raised is not None and raised.line else ""


def _sentence(text: str, written: bool) -> str:
    """One that an author has ``written``, or the judge, begins as they wrote it: a small letter is that of a name."""
    text = rounded(clean(text, LONGEST)).strip()
    text = text[:1].upper() + text[1:] if not written and text[:1].islower() and text.split(" ")[0].isalpha() else text
    return text if text.endswith((".", "!", "?", ":")) else f"{text}."
