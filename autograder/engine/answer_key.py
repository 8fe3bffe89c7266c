"""The answer key of an assignment: the results of every probe on the oracle and on each misconception, as plain tensors.

Grading needs nothing else. Oracles, misconceptions and correct variants are code and are not shipped with a grader; the
key holds only their numbers, the hints and the comparisons. ``autograder.release.compile`` makes it.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

import torch

from autograder.engine.judge import Failure, KeyCase, KeyMisconception, KeyTest, Result
from autograder.questions.model import Answer, Close, Comparison, Exact, Within
from autograder.tensors import read_tensors, write_tensors

PLAIN_FIELDS = (
    *(
        "question",
        "id",
        "title",
        "probe",
        "seconds",
        "names",
        "count",
        "kept",
        "needs",
        "instead_of",
        "after",
        "stand_ins",
    ),
    "draw",
)
COMPARISONS: dict[str, type] = {kind.__name__: kind for kind in (Close, Exact, Within)}


def write_key(path: Path, tests: tuple[KeyTest, ...], made_from: str) -> None:
    """Store a key as one safetensors file: each distinct tensor once, under its hash; the structure in the metadata."""
    tensors: dict[str, torch.Tensor] = {}
    index = [_pack_test(test, tensors) for test in tests]
    write_tensors(path, tensors, {"made_from": made_from, "tests": index})


def _pack_test(test: KeyTest, tensors: dict[str, torch.Tensor]) -> dict:
    return {
        **{name: getattr(test, name) for name in PLAIN_FIELDS},
        # A list, since the metadata are sorted by name: the first output that is wrong is what the student is told.
        "outputs": [[name, _pack_comparison(comparison)] for name, comparison in test.outputs.items()],
        "cases": [
            {
                "name": case.name,
                "scalars": {n: v for n, v in case.inputs.items() if not isinstance(v, torch.Tensor)},
                "inputs": _pack({n: v for n, v in case.inputs.items() if isinstance(v, torch.Tensor)}, tensors),
                "reference": _pack(case.reference, tensors),
                "atol": dict(case.atol),
                "sizes": {name: list(size) for name, size in case.sizes.items()},
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
    """Add the tensors of a group to the store. Returns their names in the store."""
    names = {}
    for name, tensor in group.items():
        content = f"{tensor.dtype} {tuple(tensor.shape)}".encode() + tensor.contiguous().numpy().tobytes()
        names[name] = hashlib.sha256(content).hexdigest()[:16]
        tensors[names[name]] = tensor
    return names


def _pack_result(test: KeyTest, result: Result, tensors: dict[str, torch.Tensor]) -> str | dict[str, str]:
    """The type of a failure, or the names of an answer's tensors."""
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


def read_draws(path: Path) -> tuple[KeyTest, ...]:
    """Read what ``write_key`` wrote: every test once for each draw of its cases."""
    tensors, metadata = read_tensors(path)
    return tuple(_unpack_test(entry, tensors) for entry in metadata["tests"])


def read_key(path: Path) -> tuple[KeyTest, ...]:
    """The tests of a key, with the first draw of their cases."""
    return tuple(test for test in read_draws(path) if test.draw == 0)


def drawn(tests: Iterable[KeyTest], seed: bytes) -> dict[tuple[str, str], KeyTest]:
    """The tests by question and id, each question with the draw that ``seed`` chooses."""
    draws: dict[str, dict[int, list[KeyTest]]] = {}
    for test in tests:
        draws.setdefault(test.question, {}).setdefault(test.draw, []).append(test)
    chosen = {}
    for question, by_number in draws.items():
        number = int.from_bytes(hashlib.sha256(seed + question.encode()).digest()) % len(by_number)
        chosen |= {(test.question, test.id): test for test in [*by_number[0], *by_number[sorted(by_number)[number]]]}
    return chosen


def made_from(path: Path) -> str | None:
    """The fingerprint stored in a key file; None if there is no such file."""
    return read_tensors(path)[1]["made_from"] if path.is_file() else None


def _unpack_test(entry: dict, tensors: Mapping[str, torch.Tensor]) -> KeyTest:
    def unpack(names: Mapping[str, str]) -> Answer:
        return {name: tensors[stored] for name, stored in names.items()}

    cases = tuple(
        KeyCase(
            case["name"],
            {**case["scalars"], **unpack(case["inputs"])},
            unpack(case["reference"]),
            case["atol"],
            {name: tuple(size) for name, size in case["sizes"].items()},
        )
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
    outputs = {name: _unpack_comparison(fields) for name, fields in entry["outputs"]}
    fields = {name: tuple(v) if isinstance(v := entry[name], list) else v for name in PLAIN_FIELDS}
    return KeyTest(**fields, outputs=outputs, cases=cases, misconceptions=mistakes)
