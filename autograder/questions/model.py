"""The vocabulary of a question: cases, tests, comparisons, misconceptions.

Everything here is data. A probe is a function ``probe(student, **inputs) -> dict`` that looks up the graded names
in the mapping ``student``, calls them with the stored inputs and returns named tensors. The same probe is run on the
oracle (in float64), on each misconception and on the submission; see ``autograder.engine.answer_key``.

A probe runs beside student code, which can change what it does. So it returns what the code produced; what is counted
or measured in that is the work of a ``count``, which the engine runs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from autograder.frameworks import TORCH

Scalar = bool | int | float | str
Inputs = Mapping[str, object]  # arrays of the assignment's framework, and scalars
Answer = Mapping[str, object]
Namespace = Mapping[str, object]
Probe = Callable[..., Answer]
Count = Callable[..., Answer]


class Unreadable(ValueError):
    """What a probe returned cannot be counted; the text is a sentence for the student."""


@dataclass(frozen=True)
class Case:
    """Stored inputs of one probe call. ``name`` is unique in its question and is shown to students."""

    name: str
    inputs: Inputs


@dataclass(frozen=True)
class Close:
    """Max-norm closeness: ``max|a - b| <= rtol * max|b| + atol``, equal shape, given dtype, all finite.

    ``atol`` may depend on the case, since the rounding of a loss grows with 1/temperature and with row norms. ``what`` is
    how a sentence to students calls the output ("the gradient to z_i"), ``advice`` is the whole sentence.
    """

    rtol: float
    atol: float | Callable[[Case], float] = 0.0
    dtype: str = "float32"
    advice: str | None = None
    what: str | None = None


@dataclass(frozen=True)
class Exact:
    """Equal shape, dtype and every element: for counts, flags and things that must not change."""

    dtype: str = "int64"
    advice: str | None = None
    what: str | None = None


@dataclass(frozen=True)
class Within:
    """Every element between ``low`` and ``high``: for statistics of random functions. ``advice`` is the student's hint."""

    low: float
    high: float
    shape: tuple[int, ...] = ()
    dtype: str = "float32"
    advice: str | None = None
    what: str | None = None


Comparison = Close | Exact | Within


@dataclass(frozen=True)
class Test:
    """One test case of a question: what earns one line of points in ``assignment.toml``.

    ``probe`` is a function of a file ``probes.py``, ``cases`` are names of the question's cases and ``outputs`` says how
    each tensor of the answer is compared. The answer is what the probe returned, or what ``count(produced, **inputs)``,
    a function of a file ``counts.py``, makes of that in the engine. A count gets tensors that are at most a few times as
    large as those of the oracle, of any shape; it raises ``Unreadable`` where it cannot use one. ``kept`` are inputs that
    only the count gets: a probe that does not need them should not have them.

    ``needs`` are ids of tests of the question: the test earns its points if one of them passes as well, or gives the
    numbers of a known mistake. A test that compares a function with itself needs one that shows the function at work:
    anything agrees with itself.

    A test with ``instead_of`` is a variant: it earns no points of its own. It is run only where the test of that id failed
    and one of ``after`` (ids of tests of the question, or of other questions) lost points; if it passes, that test is
    passed, and students read the variant's title, a sentence. So a mistake in one place costs no points in another.
    ``stand_ins`` are put in the place of the student's functions of these names while the probe runs. Each is a function
    of a file ``probes.py`` that uses all its arguments and is not what the student has to write.

    Students run every test as ``grader.check``, on other inputs than those of the grading, unless it is ``hidden``.
    """

    id: str
    title: str
    probe: Probe
    cases: tuple[str, ...]
    outputs: Mapping[str, Comparison]
    seconds: float = 10.0
    count: Count | None = None
    kept: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    instead_of: str = ""
    after: tuple[str, ...] = ()
    stand_ins: Mapping[str, Callable] = field(default_factory=dict)
    hidden: bool = False

    __test__ = False  # not a pytest class


def variant(test: Test, id: str, title: str, after: tuple[str, ...], **changes: object) -> Test:
    """A variant of a test: the same but for ``changes``. ``title`` is the sentence that students read if it passes."""
    return replace(test, id=id, title=title, instead_of=test.id, after=after, **changes)


@dataclass(frozen=True)
class Misconception:
    """A known-wrong implementation: graded names to wrong objects, and the sentence that the student reads.

    ``harmless`` marks an unusual but correct form that earns full points and still gets a remark.
    """

    id: str
    hint: str
    namespace: Namespace
    harmless: bool = False


@dataclass(frozen=True)
class Question:
    """A graded question, as ``loading`` reads it from its ``folder``. ``stubs`` are the names that a student must define.

    ``draw`` makes the cases from a generator of the ``framework``. ``kit draw`` runs it a few times and stores what it made
    in the folder's ``cases.safetensors``: grading reads the file, never the generator, and takes one of the draws for a
    submission.
    """

    id: str
    folder: Path
    stubs: tuple[str, ...]
    tests: tuple[Test, ...]
    draw: Callable[[object], tuple[Case, ...]]
    oracle: Namespace
    misconceptions: tuple[Misconception, ...]
    correct: Mapping[str, Namespace]
    framework: str = TORCH
