"""metrics.json is the student's word: good numbers become curves, anything else nothing."""

import json
from pathlib import PurePosixPath

import pytest

from autograder.engine.curves import read_curves
from autograder.engine.submission import Submission


def submission(folder, content):
    (folder / "metrics.json").write_bytes(content)
    return Submission("s", folder, folder / "simclr.ipynb", (PurePosixPath("metrics.json"),), ())


def test_curves_of_both_phases(tmp_path):
    content = {"pretrain": [{"epoch": 1, "loss": 5.0}, {"epoch": 2, "loss": 4.0}], "finetune": [{"test_top1": 0.5}]}
    curves = read_curves(submission(tmp_path, json.dumps(content).encode()))
    assert [(curve.label, curve.epochs, curve.values) for curve in curves] == [
        ("pre-training loss", (1, 2), (5.0, 4.0)),
        ("test top-1", (1,), (0.5,)),
    ]


def test_the_curve_of_a_single_training(tmp_path):
    curves = read_curves(submission(tmp_path, b'{"train": [{"loss": 0.5}, {"epoch": 2}, {"loss": 0.25}]}'))
    assert [(curve.label, curve.epochs, curve.values) for curve in curves] == [("training loss", (1, 3), (0.5, 0.25))]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[",
        b"[]",
        b"3",
        b"[" * 100_000,
        b"\xff\xfe\x00",
        b'{"pretrain": 3}',
        b'{"pretrain": [3, {"loss": "x"}, {"loss": true}, {"loss": NaN}]}',
        b'{"pretrain": [{"loss": 1e999}, {"loss": -Infinity}, {}]}',
    ],
)
def test_odd_content_has_no_curves(tmp_path, content):
    assert read_curves(submission(tmp_path, content)) == []


def test_no_file_no_curves(tmp_path):
    assert read_curves(Submission("s", tmp_path, tmp_path / "simclr.ipynb", (), ())) == []
