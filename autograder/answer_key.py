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

PLAIN_FIELDS = ("question", "id", "title", "probe", "seconds")
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
    digest = hashlib.sha256()
    for file in files:
        if file.suffix in (".py", ".safetensors"):
            digest.update(file.relative_to(here).as_posix().encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()


def write_key(path: Path, tests: tuple[KeyTest, ...], made_from: str) -> None:
    """Store a key as one safetensors file: each different tensor once, under its hash; the structure in the metadata."""
    tensors: dict[str, torch.Tensor] = {}
    index = [_pack_test(test, tensors) for test in tests]
    write_tensors(path, tensors, {"made_from": made_from, "tests": index})


def _pack_test(test: KeyTest, tensors: dict[str, torch.Tensor]) -> dict:
    return {
        **{name: getattr(test, name) for name in PLAIN_FIELDS},
        "outputs": {name: _pack_comparison(comparison) for name, comparison in test.outputs.items()},
        "cases": [
            {
                "name": case.name,
                "scalars": {n: v for n, v in case.inputs.items() if not isinstance(v, torch.Tensor)},
                "inputs": _pack({n: v for n, v in case.inputs.items() if isinstance(v, torch.Tensor)}, tensors),
                "reference": _pack(case.reference, tensors),
                "atol": dict(case.atol),
            }
            for case in test.cases
        ],
        "misconceptions": [
            {
                **{name: getattr(mistake, name) for name in ("id", "hint", "harmless")},
                "results": [_pack_result(test, mistake.results[case.name], tensors) for case in test.cases],
            }
            for mistake in test.misconceptions
        ],
    }


def _pack(group: Mapping[str, torch.Tensor], tensors: dict[str, torch.Tensor]) -> dict[str, str]:
    """Put the tensors of a group into the store; returns their names there."""
    names = {}
    for name, tensor in group.items():
        content = f"{tensor.dtype} {tuple(tensor.shape)}".encode() + tensor.contiguous().numpy().tobytes()
        names[name] = hashlib.sha256(content).hexdigest()[:16]
        tensors[names[name]] = tensor
    return names


def _pack_result(test: KeyTest, result: Result, tensors: dict[str, torch.Tensor]) -> str | dict[str, str]:
    """A failure by its type, an answer by the names of its tensors."""
    if isinstance(result, Failure):
        return result.type
    return _pack({name: result[name] for name in test.outputs if name in result}, tensors)


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
    def unpack(names: Mapping[str, str]) -> Answer:
        return {name: tensors[stored] for name, stored in names.items()}

    cases = tuple(
        KeyCase(case["name"], {**case["scalars"], **unpack(case["inputs"])}, unpack(case["reference"]), case["atol"])
        for case in entry["cases"]
    )
    mistakes = tuple(
        KeyMisconception(
            mistake["id"],
            mistake["hint"],
            mistake["harmless"],
            {
                case.name: Failure(result, "") if isinstance(result, str) else unpack(result)
                for case, result in zip(cases, mistake["results"])
            },
        )
        for mistake in entry["misconceptions"]
    )
    outputs = {name: _unpack_comparison(fields) for name, fields in entry["outputs"].items()}
    fields = {name: entry[name] for name in PLAIN_FIELDS}
    return KeyTest(**fields, outputs=outputs, cases=cases, misconceptions=mistakes)
