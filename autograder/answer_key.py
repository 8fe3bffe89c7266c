"""The answer key of an assignment: every probe run on the oracle and on each misconception, stored as plain tensors.

The key is all that grading needs. Oracles, misconceptions and right variants are code and stay behind when a grader is
shipped; the key holds only their numbers, the hints and the comparisons.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from types import ModuleType

import torch

from autograder.engine.judge import Failure, KeyCase, KeyMisconception, KeyTest, Result, case_complaint
from autograder.questions.draw import catalogue, stored_cases
from autograder.questions.model import Answer, Case, Close, Comparison, Exact, Namespace, Question, Test, Within
from autograder.tensors import read_tensors, write_tensors

COMPARISONS: dict[str, type] = {kind.__name__: kind for kind in (Close, Exact, Within)}


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
    """Hash of all that a key is made from: the question's sources and cases and the code that runs them."""
    here = Path(__file__).parent
    files = [*sorted((here / "questions" / assignment).rglob("*")), here / "questions" / "model.py", Path(__file__)]
    digest = hashlib.sha256(torch.__version__.encode())
    for file in files:
        if file.suffix in (".py", ".safetensors"):
            digest.update(file.relative_to(here).as_posix().encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()


def write_key(path: Path, tests: tuple[KeyTest, ...], made_from: str) -> None:
    """Store a key as one safetensors file, its structure in the metadata."""
    tensors: dict[str, torch.Tensor] = {}
    index = []
    for test in tests:
        prefix = f"{test.question}/{test.id}"
        entry = {
            **{name: getattr(test, name) for name in ("question", "id", "title", "probe", "seconds")},
            "outputs": {name: _pack_comparison(comparison) for name, comparison in test.outputs.items()},
            "cases": [],
            "misconceptions": [],
        }
        for case in test.cases:
            scalars = {n: v for n, v in case.inputs.items() if not isinstance(v, torch.Tensor)}
            inputs = {n: v for n, v in case.inputs.items() if isinstance(v, torch.Tensor)}
            _pack(tensors, f"{test.question}/input/{case.name}", inputs)
            _pack(tensors, f"{prefix}/reference/{case.name}", case.reference)
            entry["cases"].append(
                {"name": case.name, "scalars": scalars, "inputs": sorted(inputs), "atol": dict(case.atol)}
            )
        for mistake in test.misconceptions:
            failures = {}
            for name, result in mistake.results.items():
                if isinstance(result, Failure):
                    failures[name] = result.type
                else:
                    _pack(tensors, f"{prefix}/{mistake.id}/{name}", {n: result[n] for n in test.outputs if n in result})
            entry["misconceptions"].append(
                {"id": mistake.id, "hint": mistake.hint, "harmless": mistake.harmless, "failures": failures}
            )
        index.append(entry)
    write_tensors(path, tensors, {"made_from": made_from, "tests": index})


def _pack(tensors: dict[str, torch.Tensor], prefix: str, group: Mapping[str, torch.Tensor]) -> None:
    for name, tensor in group.items():
        tensors[f"{prefix}/{name}"] = tensor


def _pack_comparison(comparison: Comparison) -> dict:
    fields = {f.name: getattr(comparison, f.name) for f in dataclasses.fields(comparison) if f.name != "atol"}
    return {"kind": type(comparison).__name__, **fields}


def _unpack_comparison(fields: dict) -> Comparison:
    kind = COMPARISONS[fields["kind"]]
    values = {name: tuple(v) if isinstance(v, list) else v for name, v in fields.items() if name != "kind"}
    return kind(**values)


def read_key(path: Path) -> tuple[KeyTest, ...]:
    """Read what ``write_key`` wrote."""
    tensors, metadata = read_tensors(path)
    return tuple(_unpack_test(entry, tensors) for entry in metadata["tests"])


def made_from(path: Path) -> str | None:
    """The fingerprint stored in a key file; None if there is no such file."""
    return read_tensors(path)[1]["made_from"] if path.is_file() else None


def _unpack_test(entry: dict, tensors: Mapping[str, torch.Tensor]) -> KeyTest:
    outputs = {name: _unpack_comparison(fields) for name, fields in entry["outputs"].items()}
    prefix = f"{entry['question']}/{entry['id']}"

    def answer(group: str, case: str) -> Answer:
        return {n: tensors[k] for n in outputs if (k := f"{prefix}/{group}/{case}/{n}") in tensors}

    cases = tuple(
        KeyCase(
            case["name"],
            {
                **case["scalars"],
                **{n: tensors[f"{entry['question']}/input/{case['name']}/{n}"] for n in case["inputs"]},
            },
            answer("reference", case["name"]),
            case["atol"],
        )
        for case in entry["cases"]
    )
    mistakes = tuple(
        KeyMisconception(
            mistake["id"],
            mistake["hint"],
            mistake["harmless"],
            {
                case.name: Failure(mistake["failures"][case.name], "")
                if case.name in mistake["failures"]
                else answer(mistake["id"], case.name)
                for case in cases
            },
        )
        for mistake in entry["misconceptions"]
    )
    fields = {name: entry[name] for name in ("question", "id", "title", "probe", "seconds")}
    return KeyTest(**fields, outputs=outputs, cases=cases, misconceptions=mistakes)
