"""Draw and store the cases of an assignment, once: ``python -m autograder.questions.draw simclr [QUESTION…]``.

The stored file is what counts. Drawing again with another torch release may give other numbers, so it is never done by
a build or a test; a question is drawn again only when its cases change.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

import torch

from autograder.questions.model import Case, Question
from autograder.tensors import read_tensors, write_tensors


def catalogue(assignment: str) -> tuple[Question, ...]:
    """All questions of an assignment, in the order of its notebook."""
    return import_module(f"autograder.questions.{assignment}.catalogue").QUESTIONS


def cases_file(assignment: str, question: str) -> Path:
    """Where the stored cases of a question lie."""
    return Path(__file__).parent / assignment / "cases" / f"{question}.safetensors"


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
    path.parent.mkdir(parents=True, exist_ok=True)
    write_tensors(path, tensors, {"cases": index})


def stored_cases(assignment: str, question: str) -> tuple[Case, ...]:
    """Read the cases that ``store_cases`` wrote."""
    tensors, metadata = read_tensors(cases_file(assignment, question))
    by_case: dict[str, dict] = {entry["name"]: dict(entry["scalars"]) for entry in metadata["cases"]}
    for key, tensor in tensors.items():
        case, name = key.rsplit("/", 1)
        by_case[case][name] = tensor
    return tuple(Case(name, inputs) for name, inputs in by_case.items())


def main(arguments: list[str]) -> None:
    assignment, *only = arguments
    for question in catalogue(assignment):
        if only and question.id not in only:
            continue
        generator = torch.Generator().manual_seed(int.from_bytes(question.id.encode()))
        path = cases_file(assignment, question.id)
        store_cases(path, question.draw(generator))
        print(path)


if __name__ == "__main__":
    main(sys.argv[1:])
