"""What several tests need: bundle, notebooks, a small set of test images, the sandbox's preloaded parent."""

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from nbformat import NotebookNode

import data_scripts
from autograder.engine.session import Probes, Sandbox
from autograder.limits import Limits
from autograder.release.bundle import build_bundle
from autograder.release.course import assignment_master
from autograder.release.notebooks import student_notebook
from tests.checkout import COURSE, PROBES

torch.set_num_threads(1)

# Files that take minutes: begun last, one of them would keep a single processor busy at the end.
LONGEST = (
    "test_ordinary_user.py",
    "test_otter_notebook.py",
    "test_docs.py",
    "test_whole.py",
    "test_hostile.py",
    "test_other_machines.py",
    "test_grade.py",
    "test_otter.py",
    "test_nbgrader.py",
    "test_gradescope.py",
    "test_wheel.py",
    "test_check.py",
    "test_new.py",
    "test_stl10.py",
    "test_recipe.py",
    "test_gaps.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest files first; all else stays in its order."""
    items.sort(key=lambda item: LONGEST.index(item.path.name) if item.path.name in LONGEST else len(LONGEST))


@pytest.fixture(scope="session")
def bundle() -> Path:
    """The grading bundle of simclr, compiled if its questions have changed."""
    return build_bundle(COURSE.assignment("simclr"))


@pytest.fixture(scope="session")
def master():
    """The master notebook of simclr."""
    return assignment_master(COURSE.assignment("simclr"))


@pytest.fixture(scope="session")
def student(master):
    """The notebook that students get."""
    return student_notebook(master)


@dataclass(frozen=True)
class Softmax:
    """The assignment that costs least to grade, for tests of what is the same for all: its bundle and its notebooks."""

    bundle: Path
    master: NotebookNode
    student: NotebookNode


@pytest.fixture(scope="session")
def softmax() -> Softmax:
    """Bundle and notebooks of softmax."""
    folder = COURSE.assignment("softmax")
    master = assignment_master(folder)
    return Softmax(build_bundle(folder), master, student_notebook(master))


@pytest.fixture(scope="session")
def softmax_weights() -> dict[str, bytes]:
    """A file that softmax measures, of a model that gives every image the first class."""
    file = io.BytesIO()
    np.savez(file, W=np.zeros((3072, 10)), b=np.zeros(10), mean=0.5, scale=0.25)
    return {"softmax.npz": file.getvalue()}


@pytest.fixture(scope="session")
def images(tmp_path_factory) -> data_scripts.Prepared:
    """Generated images in CIFAR-10's format: 200 to train, 100 to test."""
    return data_scripts.prepare_generated(tmp_path_factory.mktemp("images"), train=200, test=100, progress=False)


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory, images) -> Path:
    """A checkpoint that the kit's model takes, of a network that answers one class: right on a tenth of the images."""
    from autograder.artefacts.accuracy.resnet18 import empty_classifier

    model = empty_classifier(10).to_empty(device="cpu")
    for name, tensor in model.state_dict().items():
        tensor.fill_(1.0 if name.endswith(("running_var", "bn1.weight")) else 0.0)
    model.fc.bias.data[int(np.bincount(images.labels("test")).argmax())] = 1.0
    path = tmp_path_factory.mktemp("checkpoint") / "simclr_lin_best.pt"
    torch.save(
        {
            "state_dict": {
                f"module.{k}": v.half() if v.is_floating_point() else v for k, v in model.state_dict().items()
            }
        },
        path,
    )
    return path


@pytest.fixture(scope="session")
def sandbox():
    """The preloaded parent with the tests' own probes and short limits."""
    limits = Limits(
        memory_mb=800,
        cell_seconds=3,
        notebook_seconds=10,
        rerun_seconds=8,
        test_seconds=3,
        grace_seconds=0.5,
        definitions_seconds=1,
        processes=20,
        restarts=4,
        scratch_mb=300,
        scratch_files=4000,
    )
    with Sandbox(Probes(modules=(PROBES,)), limits) as sandbox:
        yield sandbox
