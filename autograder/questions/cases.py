"""The stored inputs of a question: ``cases.safetensors`` in its folder.

Grading reads the stored file. Drawing again with another torch release may give other numbers, so no build and no test
draws; draw a question again only when its cases change.

The file holds the cases several times, with other numbers each time. A submission is graded with one of these draws, so
a table of answers that was made from the inputs of another submission is no use.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from autograder.arrays import equal, generator, is_array, native
from autograder.errors import KitError
from autograder.frameworks import NUMPY, TORCH
from autograder.questions.model import Case, Question
from autograder.tensors import read_tensors, write_tensors

FILE = "cases.safetensors"
DRAWS = 4


def draw_cases(question: Question) -> Path:
    """Draw the cases of a question ``DRAWS`` times and store them; returns the file. The seed is the question's id."""
    source = generator(question.framework, int.from_bytes(question.id.encode()))
    path = question.folder / FILE
    store_cases(path, [question.draw(source) for _ in range(DRAWS)], question.framework)
    return path


def store_cases(path: Path, draws: Sequence[Sequence[Case]], framework: str = TORCH) -> None:
    """Write draws of the same cases as one safetensors file: tensors ``"<draw>/<case>/<input>"``, scalars in the metadata.

    A case that is the same in every draw is stored once.
    """
    tensors, index = {}, []
    for number, cases in enumerate(draws):
        for case, first in zip(cases, draws[0], strict=True):
            if number and same_inputs(case, first):
                continue
            scalars = {}
            for name, value in case.inputs.items():
                if is_array(value):
                    tensors[f"{number}/{case.name}/{name}"] = value
                else:
                    scalars[name] = value
            index.append({"draw": number, "name": case.name, "scalars": scalars})
    # A file without this entry holds the cases of a torch question.
    kind = {"framework": framework} if framework == NUMPY else {}
    write_tensors(path, tensors, {"draws": len(draws), "cases": index, **kind})


def same_inputs(one: Case, other: Case) -> bool:
    """Whether two cases have equal inputs."""
    return one.inputs.keys() == other.inputs.keys() and all(
        _equal(value, other.inputs[name]) for name, value in one.inputs.items()
    )


def _equal(one: object, other: object) -> bool:
    if is_array(one) and is_array(other):
        return equal(one, other)
    return type(one) is type(other) and one == other


def stored_draws(folder: Path) -> tuple[dict[str, Case], ...]:
    """The cases that ``store_cases`` wrote for the question in ``folder``: for each draw, its cases by name.

    Raises:
        KitError: the file is of an older version of the kit.
    """
    tensors, metadata = read_tensors(folder / FILE)
    if "draws" not in metadata:
        raise KitError(
            f"{folder / FILE} was drawn by an older version; draw it again: "
            f"kit draw {folder.parent.name} {folder.name.partition('_')[0]}"
        )
    inputs: dict[tuple[int, str], dict] = {(c["draw"], c["name"]): dict(c["scalars"]) for c in metadata["cases"]}
    for key, tensor in tensors.items():
        number, rest = key.split("/", 1)
        case, name = rest.rsplit("/", 1)
        inputs[int(number), case][name] = native(tensor, metadata.get("framework", TORCH))
    names = [case for number, case in inputs if number == 0]
    return tuple(
        {name: Case(name, inputs[number if (number, name) in inputs else 0, name]) for name in names}
        for number in range(metadata["draws"])
    )


def stored_cases(folder: Path) -> dict[str, Case]:
    """The cases of the first draw, by name."""
    return stored_draws(folder)[0]
