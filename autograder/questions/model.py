"""The vocabulary of a question: cases, tests, comparisons, misconceptions.

Everything here is plain data. A probe is a function ``probe(student, **inputs) -> dict`` that looks up the graded names
in the mapping ``student``, drives them with the stored inputs and returns named tensors. The same probe is run on the
oracle (in float64), on each misconception and on the submission; see ``autograder.engine.answer_key``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch

Scalar = bool | int | float | str
Inputs = Mapping[str, torch.Tensor | Scalar]
Answer = Mapping[str, torch.Tensor]
Namespace = Mapping[str, object]


@dataclass(frozen=True)
class Case:
    """Stored inputs of one probe call. ``name`` is unique in its question and is shown to students."""

    name: str
    inputs: Inputs


@dataclass(frozen=True)
class Close:
    """Max-norm closeness: ``max|a - b| <= rtol * max|b| + atol``, equal shape, given dtype, all finite.

    ``atol`` may depend on the case, since the rounding of a loss grows with 1/temperature and with row norms.
    """

    rtol: float
    atol: float | Callable[[Case], float] = 0.0
    dtype: str = "float32"
    advice: str | None = None


@dataclass(frozen=True)
class Exact:
    """Equal shape, dtype and every element: for counts, flags and things that must not change."""

    dtype: str = "int64"
    advice: str | None = None


@dataclass(frozen=True)
class Within:
    """Every element between ``low`` and ``high``: for statistics of random functions. ``advice`` is the student's hint."""

    low: float
    high: float
    shape: tuple[int, ...] = ()
    dtype: str = "float32"
    advice: str | None = None


Comparison = Close | Exact | Within


@dataclass(frozen=True)
class Test:
    """One test case of a question: what earns one line of points in ``assignment.toml``.

    ``probe`` names a function of the assignment's ``probes`` module, ``cases`` are names of the question's cases and
    ``outputs`` says how each tensor of the probe's answer is compared. Outputs that the probe returns beside these are
    refused: an answer has exactly the asked names.
    """

    id: str
    title: str
    probe: str
    cases: tuple[str, ...]
    outputs: Mapping[str, Comparison]
    seconds: float = 10.0

    __test__ = False  # not a pytest class


@dataclass(frozen=True)
class Misconception:
    """A known-wrong implementation: graded names to wrong objects, and the sentence that its author needs to read.

    ``harmless`` marks an odd but right form that earns full points and still deserves a remark.
    """

    id: str
    hint: str
    namespace: Namespace
    harmless: bool = False


@dataclass(frozen=True)
class Question:
    """A graded question. ``stubs`` are the names that a student must define.

    ``draw`` makes the cases from a generator. It is run once, by ``python -m autograder.questions.draw``, and what it
    made is stored in ``<assignment>/cases/<id>.safetensors``: grading reads the file, never the generator.
    """

    id: str
    title: str
    stubs: tuple[str, ...]
    tests: tuple[Test, ...]
    draw: Callable[[torch.Generator], tuple[Case, ...]]
    oracle: Namespace
    misconceptions: tuple[Misconception, ...] = ()
    right_variants: Mapping[str, Namespace] = field(default_factory=dict)
