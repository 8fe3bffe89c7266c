"""The object ``grader`` of a student notebook: Otter's, whose ``check`` also runs the question's own tests."""

from __future__ import annotations

import base64
import html
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module

from autograder.desk.boot import PACKAGE, Sentence
from autograder.desk.by_hand import ByHand, by_hand
from autograder.desk.run import outcomes, session_kept, what_raised
from autograder.desk.table import loaded
from autograder.desk.told import RIGHT, WRONG, Line, lines
from autograder.engine.outcomes import Outcome

COLOURS = {RIGHT: "#2e7d32", WRONG: "#c62828"}
OURS = ("boot", "code")  # the parts of a packed notebook that are no question
NO_CHECKS = "NoChecks"  # what ``grader`` is before, where Otter is not installed
NO_OTTER = (
    "grader.{} is Otter's: it needs the package otter-grader, and this notebook's file in the working folder. The last cell "
    "of this notebook makes your zip without it."
)


class NoQuestion(Sentence, ValueError):
    """The notebook has no question of this name."""


class NoOtter(Sentence, RuntimeError):
    """Only Otter can do this, and it is not installed."""


class Interrupted(Sentence, KeyboardInterrupt):
    """The student has interrupted a check."""


class Checked:
    """What a check found, shown as lines. ``passed``: nothing is wrong. All else is asked of Otter's own result."""

    def __init__(self, questions: Mapping[str, list[Line]], otter: object = None) -> None:
        self.questions = questions
        self._otter = otter

    @property
    def passed(self) -> bool:
        """Whether every line is right."""
        return all(line.mark == RIGHT for told in self.questions.values() for line in told)

    def __getattr__(self, name: str) -> object:
        if name.startswith("_") or self._otter is None:
            raise AttributeError(name)
        return getattr(self._otter, name)

    def __getitem__(self, name: str) -> object:
        return self._otter[name]

    def __repr__(self) -> str:
        return "\n".join(
            "\n".join([_head(question, told), *(f"  {line.mark} {line.text}" for line in told)])
            for question, told in self.questions.items()
        )

    def _repr_html_(self) -> str:
        return "".join(_page(question, told) for question, told in self.questions.items())


def _head(question: str, told: list[Line]) -> str:
    right = sum(line.mark == RIGHT for line in told)
    return f"{question}: all {right} checks passed" if right == len(told) else f"{question}: not right yet"


def _page(question: str, told: list[Line]) -> str:
    rows = "".join(
        f'<div style="white-space: pre-wrap; padding-left: 1.6em; text-indent: -1.2em">'
        f'<span style="color: {COLOURS.get(line.mark, "inherit")}">{line.mark}</span> {html.escape(line.text)}</div>'
        for line in told
    )
    return f"<div><strong>{html.escape(_head(question, told))}</strong>{rows}</div>"


class Grader:
    """``check`` and ``check_all`` tell what is wrong; everything else is Otter's, where it is installed.

    Args:
        names: the notebook's namespace.
        packed: for each question, its tests as text.
        homes: the question of each graded name.
        hand: the tests by hand of each question.
    """

    def __init__(
        self, names: dict[str, object], packed: Mapping[str, str], homes: Mapping[str, str], hand: Mapping[str, str]
    ) -> None:
        self._names, self._packed, self._homes, self._hand = names, packed, homes, hand
        own = names.get("grader")
        kind = type(own).__name__
        self._otter = own._otter if kind == type(self).__name__ else None if kind == NO_CHECKS else own
        self._wrong: set[str] = set()

    def check(self, question: str, global_env: dict[str, object] | None = None) -> Checked:
        """Run the checks of a question: those by hand, then the question's own tests on public inputs."""
        names = self._names if global_env is None else global_env
        if question not in self._hand and question not in self._packed:
            raise NoQuestion(f"There is no question {question!r}; the questions are {', '.join(self._questions())}.")
        told, ended = self._told(question, names)
        asked = self._asked("check(question, globals())", names, question=question) if ended else None
        return Checked({question: told}, asked)

    def check_all(self) -> Checked:
        """Run the checks of every question."""
        found = {question: self._told(question, self._names) for question in self._questions()}
        all_ended = all(ended for _, ended in found.values())
        asked = self._asked("check_all()", self._names) if all_ended else None
        return Checked({question: told for question, (told, _) in found.items()}, asked)

    def __getattr__(self, name: str) -> object:
        if name.startswith("_"):
            raise AttributeError(name)
        if self._otter is None:
            raise NoOtter(NO_OTTER.format(name))
        return getattr(self._otter, name)

    def _questions(self) -> list[str]:
        return list(dict.fromkeys([*self._hand, *(name for name in self._packed if name not in OURS)]))

    def _told(self, question: str, names: dict[str, object]) -> tuple[list[Line], bool]:
        """What a student reads of a question, and whether every test came to an end.

        Raises:
            Interrupted: by the student.
        """
        try:
            return self._run(question, names)
        except KeyboardInterrupt as interrupt:
            where = what_raised(interrupt, names)
            line = f" in line {where.number}: {where.line}" if where.line else ""
            raise Interrupted(f"You interrupted the check of {question}{line}") from None

    def _run(self, question: str, names: dict[str, object]) -> tuple[list[Line], bool]:
        hand = by_hand(self._hand[question], names) if question in self._hand else []
        found: list[Outcome] = []
        ended = not _any_late(hand)
        if ended and question in self._packed:
            tests = loaded(base64.b85decode(self._packed[question]))
            found = outcomes(tests, find, names, self._wrong)
        if ended and all(one.judgement.passed for one in found):
            self._wrong.discard(question)
        else:
            self._wrong.add(question)
        return lines(hand, found, self._homes), ended and not _any_late(found)

    def _asked(self, call: str, names: dict[str, object], **given: object) -> object:
        """Otter's own result, which writes its log; None without Otter, or where it does not find the notebook's file."""
        if self._otter is None:
            return None
        try:
            # Otter takes the names of the frame that calls it.
            with session_kept(names):
                return eval(f"otter.{call}", names, {"otter": self._otter, **given})
        except Exception:
            return None


def _any_late(tests: Sequence[ByHand | Outcome]) -> bool:
    return any(one.raised is not None and one.raised.late for one in tests)


def find(address: str) -> Callable:
    """A probe, a count or a stand-in by its address, in the package that the notebook carries."""
    module, _, name = address.rpartition(".")
    return getattr(import_module(at_desk(module)), name)


def at_desk(module: str) -> str:
    """The name of a module of the kit or of the course in the student's process."""
    top, _, rest = module.partition(".")
    return f"{PACKAGE}.{rest}" if top == "autograder" else f"{PACKAGE}.course.{rest}"
