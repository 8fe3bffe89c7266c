"""The kind ``linear``: the accuracy of linear models, handed in as ``.npz`` files of plain arrays, on the test images."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autograder.artefacts.model import Finding, Inputs, Test
from autograder.artefacts.points import on_ramp
from autograder.artefacts.samples import Ramps, check_ramps
from autograder.errors import KitError
from autograder.toml_entries import WrongEntry, check_file, record
from autograder.toml_lines import Place

if TYPE_CHECKING:
    import numpy as np

    from data_scripts import Prepared
    from data_scripts.dataset import Dataset


@dataclass(frozen=True)
class Linear:
    """A table of kind ``linear``: ``files``, ``classes``, ``points`` and ``ramps`` have an entry for each model.

    A file holds the arrays W (d, k), b (k,), mean and scale, (d,) or one number each. A row x of pixels in [0, 1], in the
    order row, column, channel, has the scores ((x − mean) / scale) W + b. ``classes`` are those that a model tells apart;
    a model of two has one score, which is above 0 for the second. A ramp rises from no points at its first accuracy to all
    points above its second.
    """

    question: str
    kind: str
    title: str
    files_of: Mapping[str, str]
    classes: Mapping[str, tuple[str, ...]]
    points: Mapping[str, float]
    ramps: Ramps

    def tests(self) -> tuple[Test, ...]:
        return tuple(Test(name, f"accuracy of {file}", self.points[name]) for name, file in self.files_of.items())

    def measure(self, inputs: Inputs) -> Finding:
        from autograder.artefacts.linear.measure import measure

        return measure(self, inputs)

    def earned(self, finding: Finding) -> dict[str, tuple[float, str]]:
        found = {name: finding.numbers.get(name, 0.0) for name in self.files_of}
        return {
            name: (on_ramp(found[name], *self.ramps[name], self.points[name]), finding.sentences[name])
            for name in self.files_of
        }

    def settings(self) -> Mapping[str, Any]:
        return {"files": dict(self.files_of), "classes": {name: list(each) for name, each in self.classes.items()}}

    def files(self) -> tuple[str, ...]:
        return tuple(self.files_of.values())

    def rule(self, dataset: str) -> str:
        ramps = (
            f"{file} from {self.ramps[name][0]:g} to {self.ramps[name][1]:g}" for name, file in self.files_of.items()
        )
        return f"accuracy on the test images of {dataset}: {', '.join(ramps)}"

    def units(self, data: Prepared) -> tuple[int, str]:
        return len(self.files_of), "files"

    def splits(self, data: Prepared) -> dict[str, int]:
        return {"test": data.counts["test"]}

    def extra_files(self, dataset: str) -> tuple[Path, ...]:
        return ()

    def score(self, dataset: str, data: Prepared, tensors: Mapping[str, np.ndarray] | None, split: str) -> str:
        if tensors is None:
            raise KitError("--split works only for samples; for an accuracy, give the .npz file instead")
        found = self.measure(
            Inputs(dataset, data, has=lambda file: True, read=lambda file: dict(tensors), deadline=math.inf)
        )
        return "\n".join(f"{self.files_of[name]}: {sentence}" for name, sentence in found.sentences.items())


def read(table: dict, where: str, place: Place, dataset: Dataset | None) -> Linear:
    """The artefact of a table of ``assignment.toml``, for the images of ``dataset``. Raises WrongEntry."""
    named = {"files_of" if name == "files" else name: value for name, value in table.items()}
    sheet = record(Linear, named, where, place)
    known = dataset.classes if dataset else ()
    if not isinstance(sheet.files_of, dict) or not sheet.files_of:
        raise WrongEntry(
            (*place, "files"),
            f'{where}: files is {sheet.files_of!r}, expected a table such as {{ softmax = "softmax.npz" }}',
        )
    for file in sheet.files_of.values():
        check_file(file, where, (*place, "files"))
    check_ramps(table, where, place, sheet.files_of, sheet.files_of)
    for name in sheet.files_of:
        told = sheet.classes.get(name) if isinstance(sheet.classes, dict) else None
        if not isinstance(told, list) or len(told) < 2 or any(told.count(one) > 1 or one not in known for one in told):
            raise WrongEntry(
                (*place, "classes"),
                f"{where}: classes of {name} is {told!r}, expected two or more of {', '.join(known) or 'a data set'}",
            )
    return sheet
