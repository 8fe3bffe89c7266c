"""Tests of an answer key as JSON and named tensors, each distinct tensor once. Pure functions."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING

from autograder.arrays import as_numpy, is_array, native
from autograder.engine.judge import Failure, KeyCase, KeyMisconception, KeyTest, Result
from autograder.questions.model import Answer, Close, Comparison, Exact, Within

if TYPE_CHECKING:
    import numpy as np

    from autograder.arrays import Array

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
    *("draw", "framework"),
)
COMPARISONS: dict[str, type] = {kind.__name__: kind for kind in (Close, Exact, Within)}


def pack_test(test: KeyTest, tensors: dict[str, Array]) -> dict:
    """The JSON of a test; its tensors are added to ``tensors`` under their hashes."""
    return {
        **{name: getattr(test, name) for name in PLAIN_FIELDS},
        # A list, since the metadata are sorted by name: the first output that is wrong is what the student is told.
        "outputs": [[name, _pack_comparison(comparison)] for name, comparison in test.outputs.items()],
        "cases": [
            {
                "name": case.name,
                "scalars": {n: v for n, v in case.inputs.items() if not is_array(v)},
                "inputs": _pack({n: v for n, v in case.inputs.items() if is_array(v)}, tensors),
                "reference": _pack(case.reference, tensors),
                "atol": dict(case.atol),
                "sizes": {name: list(size) for name, size in case.sizes.items()},
            }
            for case in test.cases
        ],
        "misconceptions": [
            {
                **{name: getattr(mistake, name) for name in ("id", "hint", "harmless")},
                "results": [_pack_result(test, mistake.results.get(case.name), tensors) for case in test.cases],
            }
            for mistake in test.misconceptions
        ],
    }


def _pack(group: Mapping[str, Array], tensors: dict[str, Array]) -> dict[str, str]:
    """Add the tensors of a group to the store. Returns their names in the store."""
    names = {}
    for name, tensor in group.items():
        content = f"{tensor.dtype} {tuple(tensor.shape)}".encode() + as_numpy(tensor).tobytes()
        names[name] = hashlib.sha256(content).hexdigest()[:16]
        tensors[names[name]] = tensor
    return names


def _pack_result(test: KeyTest, result: Result | None, tensors: dict[str, Array]) -> str | dict[str, str] | None:
    """The type of a failure, or the names of an answer's tensors; None if there is no result."""
    if result is None:
        return None
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


def unpack_test(entry: dict, tensors: Mapping[str, np.ndarray]) -> KeyTest:
    """What ``pack_test`` packed."""

    def unpack(names: Mapping[str, str]) -> Answer:
        return {name: native(tensors[stored], entry["framework"]) for name, stored in names.items()}

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
                if result is not None
            },
        )
        for mistake in entry["misconceptions"]
    )
    outputs = {name: _unpack_comparison(fields) for name, fields in entry["outputs"]}
    fields = {name: tuple(v) if isinstance(v := entry[name], list) else v for name in PLAIN_FIELDS}
    return KeyTest(**fields, outputs=outputs, cases=cases, misconceptions=mistakes)
