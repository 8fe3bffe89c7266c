"""The kind ``linear``: weights that were handed in as ``.npz`` files, measured by NumPy alone."""

import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from autograder.artefacts import Inputs, read_artefact
from autograder.artefacts.linear.measure import checked, counted
from autograder.errors import CheckpointError, Unread
from autograder.toml_entries import WrongEntry
from data_scripts import DATASETS, prepare_generated

TABLE = {
    "question": "q8", "kind": "linear", "title": "weights", "files": {"all": "a.npz", "two": "t.npz"},
    "points": {"all": 3, "two": 2}, "ramps": {"all": [0.2, 0.5], "two": [0.5, 0.9]},
    "classes": {"all": list(DATASETS["cifar10"].classes), "two": ["bird", "cat"]},
}  # fmt: skip
RNG = np.random.default_rng(0)
GOOD = {"W": RNG.normal(size=(3072, 10)), "b": np.arange(10.0), "mean": np.full(3072, 0.5), "scale": np.full(3072, 0.2)}
TWO = {"W": RNG.normal(size=(3072, 1)), "b": np.zeros(1), "mean": np.array(0.5), "scale": np.array(0.2)}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return prepare_generated(tmp_path_factory.mktemp("data"), 20, 200, progress=False)


def sheet(**changes):
    return read_artefact({**TABLE, **changes}, "[[artefact]] q8", ("artefact", 0), DATASETS["cifar10"])


def measured(data, files, **settings):
    settings = {"deadline": math.inf, **settings}
    return sheet().measure(Inputs("cifar10", data, has=files.__contains__, read=files.__getitem__, **settings))


def by_hand(model, data, classes):
    """The share of the images of some classes that a model gets correct, pixel by pixel in the order of the course."""
    right = []
    for image, label in zip(data.images("test"), data.labels("test")):
        if label in classes:
            x = np.array([image[c, i, j] / 255 for i in range(32) for j in range(32) for c in range(3)])
            scores = ((x - model["mean"]) / model["scale"]) @ model["W"] + model["b"]
            right.append(label == (classes[int(scores[0] > 0)] if len(scores) == 1 else classes[np.argmax(scores)]))
    return np.mean(right)


def test_accuracies_are_those_by_hand_and_earn_points_on_a_ramp(data):
    finding = measured(data, {"a.npz": GOOD, "t.npz": TWO})
    assert finding.numbers == {"all": by_hand(GOOD, data, range(10)), "two": by_hand(TWO, data, [2, 3])}
    assert finding.finished and finding.headline.value == finding.numbers["all"]
    assert finding.sentences["two"].startswith(f"{finding.numbers['two']:.2%}: ")
    points = {name: sheet().earned(type(finding)({"all": "", "two": ""}, {"all": x, "two": x})) for name, x in
              {"low": 0.2, "middle": 0.35, "end": 0.5, "high": 0.91}.items()}  # fmt: skip
    assert [points[name]["all"][0] for name in points] == [0, 1.5, 2.9, 3] and points["high"]["two"][0] == 2


def test_what_cannot_be_measured_is_told_and_keeps_the_other(data):
    finding = measured(data, {"a.npz": GOOD})
    assert finding.sentences["two"].startswith("t.npz is not in the submission") and finding.numbers.keys() == {"all"}
    assert "no test images" in measured(None, {"a.npz": GOOD}).sentences["all"]
    late = measured(data, {"a.npz": GOOD}, deadline=-math.inf)
    assert not late.finished and late.headline is None and sheet().earned(late)["all"][0] == 0


def test_a_file_that_cannot_be_read_is_told(data):
    def read(file):
        raise Unread("a.npz is damaged.", late=False)

    finding = sheet().measure(Inputs("cifar10", data, has=lambda file: True, read=read, deadline=math.inf))
    assert finding.sentences["all"] == "a.npz is damaged." and finding.finished


BAD = {
    "there is no array scale, but W, b, mean: save": {"scale": None},
    "W has shape (3072,), expected (3072, 10)": {"W": np.zeros(3072)},
    "W has shape (10, 3072), expected": {"W": np.zeros((10, 3072))},
    "b has shape (1, 10), expected (10,)": {"b": np.zeros((1, 10))},
    "mean has shape (3,), expected (3072,)": {"mean": np.zeros(3)},
    "W holds NaN or infinity: the training diverged": {"W": np.full((3072, 10), np.nan)},
    "scale holds a 0": {"scale": np.zeros(3072)},
    "b is bool; save plain numbers": {"b": np.zeros(10, bool)},
    "b is <U1; save plain numbers": {"b": np.full(10, "1")},
}


@pytest.mark.parametrize("sentence", BAD)
def test_arrays_that_are_no_model_are_refused_with_a_sentence(data, sentence):
    arrays = {name: array for name, array in {**GOOD, **BAD[sentence]}.items() if array is not None}
    assert sentence in measured(data, {"a.npz": arrays}).sentences["all"]
    with pytest.raises(CheckpointError):
        checked(arrays, 3072, 10)


def test_scores_that_overflow_are_wrong_and_whole_numbers_are_numbers(data):
    huge = checked({**GOOD, "W": np.full((3072, 10), 1e308)}, 3072, 10)
    assert counted(huge, data, list(range(10)))[0] == 0
    model = checked({**TWO, "W": np.ones((3072, 1), np.int32), "extra": np.array("x")}, 3072, 2)
    assert model["W"].dtype == np.float64


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"files": {}}, "files is {}, expected a table such as"),
        ({"files": {"all": "../a.npz", "two": "t.npz"}}, "../a.npz"),
        ({"points": {"all": 3}}, "points is {'all': 3}, expected a table of all and two"),
        ({"ramps": {"all": [0.2, 0.2], "two": [0.5, 0.9]}}, "expected two different numbers"),
        ({"classes": {"all": ["bird"], "two": ["bird", "cat"]}}, "classes of all is ['bird'], expected two or more"),
        ({"classes": {"all": ["bird", "cow"], "two": ["bird", "cat"]}}, "expected two or more of airplane"),
        ({"file": "a.npz"}, "file"),
    ],
)
def test_a_table_that_is_wrong_is_refused(changes, sentence):
    with pytest.raises(WrongEntry) as caught:
        sheet(**changes)
    assert sentence in str(caught.value)


def test_it_imports_no_torch():
    code = "import sys, autograder.artefacts.linear.measure, autograder.assignment; print('torch' in sys.modules)"
    command = [sys.executable, "-c", code]
    result = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True)
    assert result.stdout == "False\n"
