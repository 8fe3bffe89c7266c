"""The stored inputs of a question: ``cases.safetensors`` in its folder.

Grading reads the stored file. Drawing again with another torch release may give other numbers, so no build and no test
draws; draw a question again only when its cases change.
"""

from __future__ import annotations

from pathlib import Path

import torch

from autograder.questions.model import Case, Question
from autograder.tensors import read_tensors, write_tensors

FILE = "cases.safetensors"


def draw_cases(question: Question) -> Path:
    """Draw the cases of a question and store them; returns the file. The seed is the question's id."""
    generator = torch.Generator().manual_seed(int.from_bytes(question.id.encode()))
    path = question.folder / FILE
    store_cases(path, question.draw(generator))
    return path


def store_cases(path: Path, cases: tuple[Case, ...]) -> None:
    """Write cases as one safetensors file: tensors ``"<case>/<input>"``, scalars in the metadata, in order."""
    tensors, index = {}, []
    for case in cases:
        scalars = {}
        for name, value in case.inputs.items():
            if isinstance(value, torch.Tensor):
                tensors[f"{case.name}/{name}"] = value
            else:
                scalars[name] = value
        index.append({"name": case.name, "scalars": scalars})
    write_tensors(path, tensors, {"cases": index})


def stored_cases(folder: Path) -> dict[str, Case]:
    """The cases that ``store_cases`` wrote for the question in ``folder``, by name."""
    tensors, metadata = read_tensors(folder / FILE)
    by_case: dict[str, dict] = {entry["name"]: dict(entry["scalars"]) for entry in metadata["cases"]}
    for key, tensor in tensors.items():
        case, name = key.rsplit("/", 1)
        by_case[case][name] = tensor
    return {name: Case(name, inputs) for name, inputs in by_case.items()}
