"""Compile an answer key: run every probe of an assignment on its oracle and on each misconception."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from types import ModuleType

import torch

from autograder.engine.judge import Failure, KeyCase, KeyMisconception, KeyTest, Result, case_complaint
from autograder.places import QUESTIONS
from autograder.questions.draw import catalogue, stored_cases
from autograder.questions.model import Case, Close, Comparison, Namespace, Question, Test


def probes_of(assignment: str) -> ModuleType:
    """The module whose functions are the assignment's probes."""
    return import_module(f"autograder.questions.{assignment}.probes")


def run_probe(probes: ModuleType, test: Test, case: Case, student: Namespace, double: bool = False) -> Result:
    """Call a probe in this process on trusted code: an oracle (``double=True`` for float64), misconception or variant."""
    inputs = {name: _copy(value, double) for name, value in case.inputs.items()}
    try:
        return {name: _plain(value) for name, value in getattr(probes, test.probe)(student, **inputs).items()}
    except Exception as error:
        return Failure(type(error).__name__, str(error))


def _copy(value: object, double: bool) -> object:
    if not isinstance(value, torch.Tensor):
        return value
    return value.double() if double and value.is_floating_point() else value.clone()


def _plain(value: torch.Tensor | float) -> torch.Tensor:
    return torch.as_tensor(value).detach().clone()


def key_test(probes: ModuleType, question: Question, test: Test, cases: Mapping[str, Case]) -> KeyTest:
    """Run one test on the oracle and on the misconceptions.

    Raises:
        ValueError: the oracle raised or left an output out, so the question is broken.
    """
    chosen = [cases[name] for name in test.cases]
    asked = Asked(question.oracle)
    key_cases = tuple(_key_case(probes, asked, question, test, case) for case in chosen)
    bare = KeyTest(question.id, test.id, test.title, test.probe, test.seconds, test.outputs, key_cases, ())
    mistakes, known = [], {}
    for mistake in question.misconceptions:
        same = tuple(id(mistake.namespace.get(name)) for name in sorted(asked.names))
        if same not in known:  # a mistake in another function of the question leaves these as they are
            known[same] = {case.name: run_probe(probes, test, case, mistake.namespace) for case in chosen}
        results = known[same]
        if any(case_complaint(bare, case, results[case.name]) for case in key_cases):  # else invisible in this test
            mistakes.append(KeyMisconception(mistake.id, mistake.hint, mistake.harmless, results))
    return dataclasses.replace(bare, misconceptions=tuple(mistakes))


class Asked(Mapping):
    """A namespace that remembers which names a probe asked it for."""

    def __init__(self, namespace: Namespace) -> None:
        self.namespace = namespace
        self.names: set[str] = set()

    def __getitem__(self, name: str) -> object:
        self.names.add(name)
        return self.namespace[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.namespace)

    def __len__(self) -> int:
        return len(self.namespace)


def _key_case(probes: ModuleType, oracle: Namespace, question: Question, test: Test, case: Case) -> KeyCase:
    reference = run_probe(probes, test, case, oracle, double=True)
    if isinstance(reference, Failure):
        raise ValueError(
            f"{question.id} {test.id}, case {case.name}: the oracle raised {reference.type}: {reference.message}"
        )
    if missing := set(test.outputs) - set(reference):
        raise ValueError(f"{question.id} {test.id}, case {case.name}: the probe does not return {sorted(missing)}")
    kept = {name: reference[name] for name in test.outputs}
    return KeyCase(case.name, case.inputs, kept, {name: _atol(c, case) for name, c in test.outputs.items()})


def _atol(comparison: Comparison, case: Case) -> float:
    if not isinstance(comparison, Close):
        return 0.0
    return float(comparison.atol(case) if callable(comparison.atol) else comparison.atol)


def compile_key(assignment: str) -> tuple[KeyTest, ...]:
    """Run every test of an assignment on one thread, so that the numbers do not depend on the machine's cores."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        probes = probes_of(assignment)
        return tuple(
            key_test(probes, question, test, cases)
            for question in catalogue(assignment)
            for cases in [{case.name: case for case in stored_cases(assignment, question.id)}]
            for test in question.tests
        )
    finally:
        torch.set_num_threads(threads)


def fingerprint(assignment: str) -> str:
    """Hash of all that a key is made from: the questions' sources and cases, what all questions share, and the code."""
    files = [*sorted((QUESTIONS / assignment).rglob("*")), *sorted(QUESTIONS.glob("*.py")), Path(__file__)]
    digest = hashlib.sha256()
    for file in files:
        if file.suffix in (".py", ".safetensors"):
            digest.update(file.relative_to(QUESTIONS.parent).as_posix().encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()
