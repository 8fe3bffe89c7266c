"""``./kit grade`` on a class, as an instructor types it: what it writes, and what it says where something is wrong."""

import csv
import os
import subprocess
import sys

import pytest

from autograder.sandbox.leftovers import remove_tree
from tests.checkout import ROOT
from tests.classroom.conftest import hand_in, write_notebook

ROSTER = r'''id,name,email
ada,"Lovelace, ""Ada""",ada@example.edu
../../bob,李雷,=cmd|' /C calc'!A0
never,Nemo Nobody,nemo@example.edu
'''


def kit(*arguments, at=ROOT, **options):
    command = [sys.executable, "-m", "autograder", "grade", "simclr", *map(str, arguments)]
    return subprocess.run(command, cwd=at, capture_output=True, text=True, check=False, **options)


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


def test_one_student_alone_changes_no_table(graded):
    """Whoever is graded, the tables are those of the class."""
    out, _ = graded
    tables = [out / f"{name}.csv" for name in ("grades", "canvas", "moodle", "gradescope")]
    before = {path: path.read_bytes() for path in tables}
    roster, work = out.parent / "roster.csv", out.parent / "class"
    for arguments in ((work / "carol",), (work, "--only", 'Lovelace, "ADA"')):
        said = kit(*arguments, "--out", out, "--roster", roster, "--leaderboard", "--jobs", "1")
        assert said.returncode == 0 and "3 students" in said.stdout and "2 without a submission" in said.stdout, (
            said.stderr
        )
        assert "which stay in the tables" in said.stderr
        if "--only" in arguments:
            assert "kit: 1 of 1: " in said.stderr and " of 50 points" in said.stderr, "a line a submission in a log"
        assert [without_seconds(before[path]) for path in tables] == [
            without_seconds(path.read_bytes()) for path in tables
        ]


def without_seconds(table):
    """A table without the time that grading took."""
    rows = list(csv.DictReader(table.decode("utf-8-sig").splitlines()))
    return [{name: cell for name, cell in row.items() if name != "seconds"} for row in rows]


@pytest.fixture
def hostile_class(tmp_path):
    """A class in which every submission but ada's would end a careless command."""
    work = hand_in(tmp_path / "class", ada="right", **{"class.html": "right", "j\udcffrg": "right", "deep": "right"})
    here = os.open(work / "deep", os.O_RDONLY)
    for _ in range(1_500):
        os.mkdir("a", dir_fd=here)
        inner = os.open("a", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = inner
    os.close(here)
    write_notebook(work / "hw_2024_11_final.ipynb", "wrong")
    write_notebook(work / "eve" / "simclr" / "simclr.ipynb", "wrong")
    (work / "eve" / "simclr" / "timestamp.txt").write_text("2026-10-01 12:00:00 UTC")
    os.mkfifo(work / "pipe.ipynb")
    (work / "link.zip").symlink_to("/etc/passwd")
    (work / "submission_metadata.yml").write_text("- [unclosed")
    yield work
    remove_tree(work)


def test_no_submission_ends_the_command(hostile_class, tmp_path):
    out = tmp_path / "grades"
    said = kit(hostile_class, "--out", out, "--jobs", "2")
    assert said.returncode == 0 and "Traceback" not in said.stderr, said.stderr
    assert "kit: submission_metadata.yml was passed over: it is not a folder, a zip file or a notebook" in said.stderr
    with (out / "grades.csv").open(encoding="utf-8-sig", newline="") as file:
        points = {row["id"]: float(row["q1a"]) for row in csv.DictReader(file)}
    replaced = "j\ufffdrg"
    assert {id for id, earned in points.items() if earned == 8} == {"ada", "class.html", replaced, "deep"}
    assert set(points) == {"ada", "class.html", replaced, "deep", "hw_2024_11_final", "eve", "pipe", "link"}
    page = (out / "class.html").read_text(encoding="utf-8")
    assert "submission_metadata.yml was passed over" in page and 'href="./ada/report.html"' in page


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["{tmp}/empty"], "is empty; there is nothing to grade"),
        (["{tmp}/nosuch"], "there is no such file or folder"),
        (["{tmp}/class", "{tmp}/nosuch.zip"], "nosuch.zip: there is no such file or folder"),
        (["{tmp}/roster.csv"], "holds no notebook and no zip file"),
        (["solutions"], "holds a folder for each assignment, not for each student; give solutions/simclr instead"),
        (
            ["{tmp}/class", "--only", "carol"],
            "--only carol: no submission is this student's; the submissions are those of ada",
        ),
        (["{tmp}/class", "--jobs", "0"], "--jobs is 0, expected a number from 1 to 64"),
        (["{tmp}/class", "--roster", "{tmp}/nobody.csv"], "nobody.csv"),
        (["{tmp}/class", "--scheduler", "tcp://127.0.0.1:9"], "no Dask scheduler answers at tcp://127.0.0.1:9"),
        (["{tmp}/class", "--out", "{tmp}/roster.csv/x"], "cannot be written to"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(arguments, sentence, tmp_path):
    hand_in(tmp_path / "class", ada="right", bob="right")
    (tmp_path / "empty").mkdir()
    (tmp_path / "roster.csv").touch()
    said = kit("--out", tmp_path / "grades", *(word.format(tmp=tmp_path) for word in arguments))
    assert said.returncode == 2, said.stderr
    (line,) = [line for line in said.stderr.splitlines() if line.startswith("kit: ")][-1:]
    assert sentence in line and "Traceback" not in said.stderr
    assert not (tmp_path / "grades").exists()


@pytest.mark.parametrize(
    ("source", "out", "how"),
    [
        ("class", "class", "is"),
        ("class", "class/grades", "lies inside"),
        ("class", "class/ada", "lies inside"),
        ("class", ".", "contains"),
        ("class/ada/simclr.ipynb", "class", "contains"),
        ("link", "class/grades", "lies inside"),
        ("class", "link/../link/ada", "lies inside"),
        (".", None, "lies inside"),
    ],
)
def test_results_never_lie_among_submissions(source, out, how, tmp_path):
    """A student's own record.json would be taken for a result, or the results for a student."""
    hand_in(tmp_path / "class", ada="right", bob="right")
    (tmp_path / "class" / "ada" / "record.json").write_text("{}")
    (tmp_path / "link").symlink_to("class")
    before = sorted(tmp_path.rglob("*"))
    more = [] if out is None else ["--out", out]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    said = kit(source, "elsewhere.ipynb", *more, "--course", ROOT, at=tmp_path, env=environment)
    assert said.returncode == 2, said.stderr
    (line,) = said.stderr.splitlines()
    assert line.startswith(f"kit: the folder for results, {out or 'grades'}, {how} {source}, which is to be graded")
    assert "with --out" in line and sorted(tmp_path.rglob("*")) == before
