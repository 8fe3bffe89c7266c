"""``./kit grade`` on a class, as an instructor types it: what it writes, and what it says where something is wrong."""

import csv
import subprocess
import sys

import pytest

from tests.checkout import ROOT
from tests.classroom.conftest import hand_in, write_notebook

ROSTER = r'''id,name,email
ada,"Lovelace, ""Ada""",ada@example.edu
../../bob,李雷,=cmd|' /C calc'!A0
never,Nemo Nobody,nemo@example.edu
'''


def kit(*arguments, **options):
    command = [sys.executable, "-m", "autograder", "grade", "simclr", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, **options)


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """A class with a roster, graded: the folder of results, and what the command said."""
    folder = tmp_path_factory.mktemp("class")
    work = hand_in(folder / "class", ada="right", carol="wrong")
    write_notebook(work / "copy" / "simclr.ipynb", "wrong", "carol")
    (folder / "roster.csv").write_text(ROSTER, encoding="utf-8-sig")
    said = kit(work, "--out", folder / "grades", "--roster", folder / "roster.csv", "--jobs", "2", "--leaderboard")
    assert said.returncode == 0, said.stderr
    return folder / "grades", said.stdout


def test_everything_is_written_and_named(graded):
    out, said = graded
    for name in ("class.html", "grades.csv", "canvas.csv", "moodle.csv", "gradescope.csv"):
        assert (out / name).is_file() and str(out / name) in said
    for student in ("ada", "carol", "copy"):
        files = {path.name for path in (out / student).iterdir()}
        assert {"report.html", "feedback.html", "results.json", "record.json"} <= files
    assert "3 students, 3 submissions graded now" in said and "2 without a submission" in said


def test_the_table_has_everyone_and_no_formula(graded):
    out, _ = graded
    with (out / "grades.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = {row["id"]: row for row in csv.DictReader(file)}
    assert rows["ada"]["name"] == 'Lovelace, "Ada"' and float(rows["ada"]["q1a"]) == 8
    assert 0 < float(rows["carol"]["q1a"]) < 8
    assert rows["ada"]["pseudonym"] and rows["ada"]["pseudonym"] != rows["carol"]["pseudonym"]
    assert not any(cell.startswith(("=", "+", "@")) for row in rows.values() for cell in row.values())
    assert rows["never"]["total"] == ""
    assert {path.name for path in out.parent.iterdir()} == {"class", "roster.csv", "grades"}  # no name became a path


def test_the_class_report_names_the_copy_and_the_missing(graded):
    page = (graded[0] / "class.html").read_text(encoding="utf-8")
    assert "李雷" in page and "Nemo Nobody" in page
    assert "carol" in page and "copy" in page
    assert "<script" not in page and "http" not in page.replace("http-equiv", "")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["{tmp}/empty"], "is empty; there is nothing to grade"),
        (["{tmp}/class", "--jobs", "0"], "--jobs is 0, expected a number from 1 to 64"),
        (["{tmp}/class", "--roster", "{tmp}/nobody.csv"], "nobody.csv"),
        (["{tmp}/class", "--scheduler", "tcp://127.0.0.1:9"], "no Dask scheduler answers at tcp://127.0.0.1:9"),
        (["{tmp}/class", "--out", "{tmp}/class/ada/simclr.ipynb/x"], "cannot be written to"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(arguments, sentence, tmp_path):
    hand_in(tmp_path / "class", ada="right", bob="right")
    (tmp_path / "empty").mkdir()
    said = kit("--out", tmp_path / "grades", *(word.format(tmp=tmp_path) for word in arguments))
    assert said.returncode == 2, said.stderr
    (line,) = [line for line in said.stderr.splitlines() if line.startswith("kit: ")][-1:]
    assert sentence in line and "Traceback" not in said.stderr
