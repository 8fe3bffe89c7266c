"""Counts and measures in the engine what a probe returned from the sandbox."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from math import prod
from pathlib import Path

from autograder.arrays import one_thread, plain
from autograder.course_code import open_package
from autograder.engine.judge import Failure, KeyTest, Result
from autograder.questions.model import Answer, Count, Inputs, Unreadable

Sizes = Mapping[str, tuple[int, ...]]
UNREADABLE = "your code produced something that the test cannot read; check the shapes of what it returns"


# How much larger than the oracle's a tensor may be: in its numbers, and in the length of an axis.
TIMES, NUMBERS, LENGTH = 4, 4096, 64


def counted(count: Count | None, produced: Answer, inputs: Inputs, sizes: Sizes | None = None) -> Result:
    """The answer that is compared: ``produced`` itself, or what ``count`` makes of it.

    Whatever is wrong with ``produced``, which a submission may have made up, fails the case and nothing else. ``sizes`` are
    the shapes of what the probe returned for the oracle; of what is much larger, or not in it, nothing is counted.
    """
    if count is None:
        return produced
    if sizes is not None:
        produced = {name: tensor for name, tensor in produced.items() if name in sizes}
        if not all(fits(tensor.shape, sizes[name]) for name, tensor in produced.items()):
            return Failure(Unreadable.__name__, "your code produced far more data than this test reads")
    try:
        with one_thread():  # two cost more than they save on tensors as small as these
            return {name: plain(value) for name, value in count(produced, **inputs).items()}
    except Unreadable as error:
        return Failure(Unreadable.__name__, str(error))
    except Exception:
        return Failure(Unreadable.__name__, UNREADABLE)


def fits(shape: Sequence[int], size: Sequence[int]) -> bool:
    """Whether a tensor of this shape is not much larger than one of this size, so that counting in it takes no long time."""
    longest = TIMES * max(size, default=0) + LENGTH
    return prod(shape) <= TIMES * prod(size) + NUMBERS and max(shape, default=0) <= longest


def counts_of(tests: Iterable[KeyTest], code: Path) -> Mapping[str, Count | None]:
    """The counts of some tests by address, those of ``kit_course`` imported from the folder ``code``; '' is None."""
    open_package(code)
    found: dict[str, Count | None] = {"": None}
    for address in sorted({test.count for test in tests} - {""}):
        module, _, name = address.rpartition(".")
        found[address] = getattr(import_module(module), name)
    return found
