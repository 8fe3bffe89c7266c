"""Counts and measures in the engine what a probe returned from the sandbox."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib import import_module
from pathlib import Path

import torch

from autograder.course_code import open_package
from autograder.engine.judge import Failure, KeyTest, Result
from autograder.questions.model import Answer, Count, Inputs, Unreadable

UNREADABLE = "your code produced something that the test cannot read; check the shapes of what it returns"


def counted(count: Count | None, produced: Answer, inputs: Inputs) -> Result:
    """The answer that is compared: ``produced`` itself, or what ``count`` makes of it.

    Whatever is wrong with ``produced``, which a submission may have made up, fails the case and nothing else.
    """
    if count is None:
        return produced
    try:
        return {name: torch.as_tensor(value).detach().clone() for name, value in count(produced, **inputs).items()}
    except Unreadable as error:
        return Failure(Unreadable.__name__, str(error))
    except Exception:
        return Failure(Unreadable.__name__, UNREADABLE)


def counts_of(tests: Iterable[KeyTest], code: Path) -> Mapping[str, Count | None]:
    """The counts of some tests by address, those of ``kit_course`` imported from the folder ``code``; '' is None."""
    open_package(code)
    found: dict[str, Count | None] = {"": None}
    for address in sorted({test.count for test in tests} - {""}):
        module, _, name = address.rpartition(".")
        found[address] = getattr(import_module(module), name)
    return found
