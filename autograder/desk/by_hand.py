"""Runs the tests that an author wrote by hand, in Otter's format of decorated functions, with or without Otter."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass

from autograder.desk.limit import at_most
from autograder.desk.run import NameMissing, Raised, fresh_state, sentence, session_kept, what_raised
from autograder.returned import called

SECONDS = 5.0  # as in the grading
_IMPORT = re.compile(r"^from otter\.test_files import .*$", re.MULTILINE)


@dataclass(frozen=True)
class ByHand:
    """The outcome of one test by hand: what it is called, what is wrong ('' if nothing is), and what was raised."""

    title: str
    wrong: str = ""
    raised: Raised | None = None


def by_hand(source: str, names: dict[str, object]) -> list[ByHand]:
    """Run a file of tests on the names of a notebook; a test in which the time runs out is the last one."""
    found: list[tuple[str, Callable]] = []

    def test_case(name: str | None = None, **settings: object) -> Callable:
        return lambda function: found.append((name or function.__name__, function)) or function

    space: dict[str, object] = {"test_case": test_case, "__name__": "tests_by_hand"}
    exec(compile(_IMPORT.sub("", source), "<tests by hand>", "exec"), space)
    done: list[ByHand] = []
    with session_kept(names):
        for title, function in found:
            done.append(_outcome(title, function, names))
            if done[-1].raised is not None and done[-1].raised.late:
                break
    return done


def _outcome(title: str, function: Callable, names: dict[str, object]) -> ByHand:
    fresh_state()
    try:
        given = {}
        for name in inspect.signature(function).parameters:
            if name != "env" and name not in names:
                raise NameMissing(name)
            given[name] = names if name == "env" else names[name]
        with at_most(SECONDS):
            called(function, given, lambda frame: frame.f_globals is names)
    except AssertionError as error:
        raised = what_raised(error, names)
        return (
            ByHand(title, str(error) or "This is not so")
            if not raised.line
            else ByHand(title, sentence(raised), raised)
        )
    except (Exception, SystemExit) as error:
        raised = what_raised(error, names)
        return ByHand(title, sentence(raised), raised)
    return ByHand(title)
