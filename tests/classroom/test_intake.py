"""Submissions are found in what instructors really have: platforms' bulk downloads and folders of their own."""

import os
import zipfile
from datetime import UTC, datetime

import pytest

from autograder.classroom.intake import find_submissions
from autograder.classroom.model import Student
from autograder.classroom.pool import staged
from autograder.classroom.store import digest_of, folder_name
from autograder.engine.submission import collect
from autograder.errors import KitError
from tests.classroom.conftest import hand_in, write_notebook

METADATA = """---
submission_101:
  :submitters:
  - :name: Doe, Jane
    :sid: '0042'
    :email: jane@example.edu
  :created_at: 2026-10-01 21:59:30.5 Z
  :score: 0.0
submission_102:
  :submitters:
  - :name: 李雷
    :sid: ''
    :email: lei@example.edu
  - :name: "Max \\"Mäxchen\\" Müller"
    :sid: '0044'
    :email: max@example.edu
  :created_at: 2026-10-02 08:00:00.0 Z
"""


def ids(found):
    return [[student.id for student in handed.students] for handed in found]


def test_gradescope_export(tmp_path):
    folder = tmp_path / "assignment_77_export"
    write_notebook(folder / "submission_101" / "simclr.ipynb", "right")
    write_notebook(folder / "submission_102" / "simclr.ipynb", "wrong")
    (folder / "submission_metadata.yml").write_text(METADATA, encoding="utf-8")
    found = find_submissions([folder], "simclr")
    assert ids(found) == [["0042"], ["lei@example.edu", "0044"]]
    assert found[0].students[0] == Student("0042", "Doe, Jane", "jane@example.edu")
    assert found[1].students[1].name == 'Max "Mäxchen" Müller'
    assert found[0].submitted == datetime(2026, 10, 1, 21, 59, 30, 500_000, UTC)


def test_gradescope_metadata_that_is_none(tmp_path):
    (tmp_path / "submission_metadata.yml").write_text("- [unclosed", encoding="utf-8")
    with pytest.raises(KitError, match="download the submissions from Gradescope again"):
        find_submissions([tmp_path], "simclr")


def test_canvas_files_of_one_student_go_together(tmp_path):
    write_notebook(tmp_path / "doejane_1001_55501_simclr.ipynb", "right")
    (tmp_path / "doejane_1001_55502_simclr_lin_best.pt").write_bytes(b"weights")
    write_notebook(tmp_path / "mullermax_LATE_1002_55503_my_simclr-1.ipynb", "wrong")
    found = find_submissions([tmp_path], "simclr")
    assert ids(found) == [["1001"], ["1002"]]
    assert [handed.late for handed in found] == [False, True]
    assert [handed.submitted for handed in found] == [None, None]
    assert found[0].students[0].name == "doejane"
    with staged(found[0].files) as source:
        assert sorted(os.listdir(source)) == ["simclr.ipynb", "simclr_lin_best.pt"]
        assert collect(source, tmp_path / "into", "simclr").find("*.pt")


def test_moodle_folders_and_files(tmp_path):
    folders, files = tmp_path / "folders", tmp_path / "files"
    write_notebook(folders / "Jane Doe_2001_assignsubmission_file_" / "simclr.ipynb", "right")
    write_notebook(folders / "Max de la Müller_2002_assignsubmission_file" / "work.ipynb", "right")
    write_notebook(files / "Jane Doe_2001_assignsubmission_file_simclr.ipynb", "right")
    (files / "Jane Doe_2001_assignsubmission_file_simclr_lin_best.pt").write_bytes(b"weights")
    found = find_submissions([folders], "simclr")
    assert [handed.students[0] for handed in found] == [
        Student("2001", "Jane Doe"),
        Student("2002", "Max de la Müller"),
    ]
    (one,) = find_submissions([files], "simclr")
    assert [name for _, name in one.files] == ["simclr.ipynb", "simclr_lin_best.pt"]


def test_nbgraders_submitted_tree(tmp_path):
    for student in ("ada", "bob"):
        write_notebook(tmp_path / "submitted" / student / "simclr" / "simclr.ipynb", "right")
        write_notebook(tmp_path / "submitted" / student / "ddpm" / "ddpm.ipynb", "right")
    (tmp_path / "submitted" / "ada" / "simclr" / "timestamp.txt").write_text("2026-10-01 12:00:00.000001 UTC")
    for folder in (tmp_path, tmp_path / "submitted"):
        found = find_submissions([folder], "simclr")
        assert ids(found) == [["ada"], ["bob"]]
        assert [path.name for handed in found for path, _ in handed.files] == ["simclr", "simclr"]
        assert found[0].submitted == datetime(2026, 10, 1, 12, 0, 0, 1, UTC)


def test_plain_folders_zips_and_notebooks(tmp_path):
    hand_in(tmp_path, alice="right")
    write_notebook(tmp_path / "bob.ipynb", "wrong")
    with zipfile.ZipFile(tmp_path / "carol.zip", "w") as archive:
        archive.writestr("simclr.ipynb", "{}")
    (tmp_path / "notes.txt").write_text("not a submission")
    assert ids(find_submissions([tmp_path], "simclr")) == [["alice"], ["bob"], ["carol"]]


def test_a_folder_with_its_own_notebook_is_one_submission(tmp_path):
    hand_in(tmp_path, old="right", older="wrong")
    write_notebook(tmp_path / "simclr.ipynb", "right")
    assert len(find_submissions([tmp_path], "simclr")) == 1
    wrapped = tmp_path / "dora"
    write_notebook(wrapped / "homework" / "simclr.ipynb", "right")
    assert ids(find_submissions([wrapped], "simclr")) == [["dora"]]


def test_the_latest_of_a_students_submissions_counts(tmp_path):
    write_notebook(tmp_path / "alice.ipynb", "wrong")
    write_notebook(tmp_path / "alice" / "simclr.ipynb", "right")
    write_notebook(tmp_path / "bob" / "simclr.ipynb", "right")
    os.utime(tmp_path / "alice.ipynb", (1, 1))
    found = find_submissions([tmp_path], "simclr")
    assert ids(found) == [["alice"], ["bob"]]
    assert found[0].files[0][0].is_dir()
    assert "several submissions of alice" in found[0].remarks[0] and "alice.ipynb" in found[0].remarks[0]


def test_equal_names_in_different_folders_are_different_students(tmp_path):
    one, two = (hand_in(tmp_path / group, alice="right") / "alice" for group in ("monday", "tuesday"))
    assert ids(find_submissions([one, two], "simclr")) == [["alice"], ["alice-2"]]


def test_a_bulk_download_that_is_still_packed(tmp_path):
    for name, entries in {
        "canvas.zip": ["doejane_1_2_simclr.ipynb", "roe_3_4_simclr.ipynb"],
        "moodle.zip": ["A B_1_assignsubmission_file_/simclr.ipynb", "C D_2_assignsubmission_file_/simclr.ipynb"],
        "gradescope.zip": ["assignment_1_export/submission_metadata.yml"],
    }.items():
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            for entry in entries:
                archive.writestr(entry, "{}")
        with pytest.raises(KitError, match="unpack it"):
            find_submissions([tmp_path / name], "simclr")


def test_an_empty_class_and_an_empty_submission(tmp_path):
    with pytest.raises(KitError, match="is empty; there is nothing to grade"):
        find_submissions([tmp_path], "simclr")
    hand_in(tmp_path / "class", alice="right", bob="wrong")
    (tmp_path / "class" / "carol").mkdir()
    found = find_submissions([tmp_path / "class"], "simclr")
    assert ids(found) == [["alice"], ["bob"], ["carol"]]
    with pytest.raises(KitError, match="The submission is empty"):
        collect(found[2].files[0][0], tmp_path / "into", "simclr")


def test_equal_bytes_have_one_digest_whoever_sent_them(tmp_path):
    for name in ("alice.ipynb", "bob.ipynb"):
        write_notebook(tmp_path / name, "right")
    write_notebook(tmp_path / "carol.ipynb", "right", "mine")
    a, b, c = map(digest_of, find_submissions([tmp_path], "simclr"))
    assert a == b != c


def test_links_and_pipes_are_neither_followed_nor_waited_for(tmp_path):
    hand_in(tmp_path, alice="right", bob="right")
    (tmp_path / "alice" / "link").symlink_to("/etc/passwd")
    os.mkfifo(tmp_path / "alice" / "pipe")
    assert [digest_of(handed) for handed in find_submissions([tmp_path], "simclr")]


@pytest.mark.parametrize(
    "name",
    [
        "../../etc/passwd",
        "Doe, Jane",
        'O"Neil',
        "李雷",
        "a" * 300,
        "..",
        ".",
        "",
        "con/aux",
        "x\0y",
        "\u202egpj.exe",
        "-rf",
    ],
)
def test_a_name_never_becomes_a_path(name, tmp_path):
    folder = folder_name((Student(name),))
    assert "/" not in folder and folder not in ("", ".", "..") and len(folder.encode()) < 200
    (tmp_path / folder).mkdir()
    assert folder_name((Student(name + "?"),)) != folder
    assert folder_name((Student("jane.doe@example.edu"),)) == "jane.doe@example.edu"
