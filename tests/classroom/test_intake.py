"""Submissions are found in what instructors really have: platforms' bulk downloads and folders of their own."""

import errno
import os
import unicodedata
import zipfile
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from autograder.classroom import intake
from autograder.classroom.intake import HandedIn, Notes, find_submissions
from autograder.classroom.model import Student
from autograder.classroom.pool import staged
from autograder.classroom.store import digest_of, folder_name, former_folder_name, stamps
from autograder.engine.submission import collect
from autograder.errors import KitError
from autograder.sandbox.leftovers import remove_tree
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
    notes = []
    assert len(find_submissions([tmp_path], "simclr", notes)) == 1
    assert "is graded as one submission, because it holds simclr.ipynb" in notes[0]
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


def test_a_folder_without_a_notebook_takes_no_ones_place(tmp_path):
    for name in ("alice.ipynb", "bob.ipynb", "carol.ipynb"):
        write_notebook(tmp_path / name, "right")
    (tmp_path / "alice").mkdir()
    (tmp_path / "alice" / "notes.txt").write_text("newer")
    alice, *_ = find_submissions([tmp_path], "simclr")
    assert [path.name for path, _ in alice.files] == ["alice.ipynb"]
    assert alice.remarks == (
        "There are several submissions of alice; alice holds no notebook and no zip file and was not graded.",
    )


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


# --- no single entry decides --------------------------------------------------------------------------------------


def plain_class(folder, *students):
    return hand_in(folder, **dict.fromkeys(students or ("ada", "bob", "cleo"), "right"))


def looks_like_another(folder, kind):
    """Add one entry to a class that looks like another layout. Returns the ids that it brings."""
    if kind == "canvas file":
        write_notebook(folder / "hw_2024_11_final.ipynb", "right")
        return ["hw_2024_11_final"]
    if kind == "canvas folder":
        write_notebook(folder / "group_1_2_hw" / "simclr.ipynb", "right")
        return ["group_1_2_hw"]
    if kind == "moodle file":
        write_notebook(folder / "Eve_22222_assignsubmission_file_hw.ipynb", "right")
        return ["Eve_22222_assignsubmission_file_hw"]
    if kind == "moodle folder":
        write_notebook(folder / "Eve_22222_assignsubmission_file_" / "hw.ipynb", "right")
        return ["Eve_22222_assignsubmission_file_"]
    if kind == "nbgrader":
        write_notebook(folder / "eve" / "simclr" / "simclr.ipynb", "right")
        (folder / "eve" / "simclr" / "timestamp.txt").write_text("2026-10-01 12:00:00 UTC")
        return ["eve"]
    if kind == "nbgrader's tree":
        for name in ("bob", "x"):
            write_notebook(folder / "submitted" / name / "simclr" / "simclr.ipynb", "right")
        return ["submitted"]
    if kind == "gradescope":
        (folder / "submission_metadata.yml").write_text("submission_1:\n  :submitters:\n  - :sid: bob\n")
        write_notebook(folder / "submission_1" / "simclr.ipynb", "right")
        return ["submission_1"]
    if kind == "broken gradescope":
        (folder / "submission_metadata.yml").write_text("- [unclosed")
        return []
    assert kind == "one submission"
    write_notebook(folder / "simclr.ipynb", "right")
    return ["simclr"]


KINDS = (
    *("canvas file", "canvas folder", "moodle file", "moodle folder", "nbgrader", "nbgrader's tree", "gradescope"),
    *("broken gradescope", "one submission"),
)


@pytest.mark.parametrize("kind", KINDS)
def test_one_entry_that_looks_like_another_layout_changes_nothing(kind, tmp_path):
    plain_class(tmp_path)
    more = looks_like_another(tmp_path, kind)
    found = find_submissions([tmp_path], "simclr")
    assert sorted(ids(found)) == sorted([["ada"], ["bob"], ["cleo"], *([name] for name in more)])
    assert [handed.files[0][0] for handed in found if handed.students[0].id == "ada"] == [tmp_path / "ada"]


@pytest.mark.parametrize("kind", KINDS)
def test_no_submission_passes_for_a_class_beside_others(kind, tmp_path):
    """``./kit grade simclr submissions/*``: each is one submission, whatever its files are called."""
    plain_class(tmp_path, "ada", "bob")
    (tmp_path / "eve").mkdir()
    looks_like_another(tmp_path / "eve", kind)  # all that lies in this folder
    notes = []
    found = find_submissions(sorted(tmp_path.iterdir()), "simclr", notes)
    assert ids(found) == [["ada"], ["bob"], ["eve"]]
    assert len(notes) <= 1 and all("eve looks like a class" in note for note in notes)


def test_several_classes_are_several_classes(tmp_path):
    for group in ("monday", "tuesday"):
        plain_class(tmp_path / group, f"{group}-1", f"{group}-2")
    found = find_submissions([tmp_path / "monday", tmp_path / "tuesday"], "simclr")
    assert ids(found) == [["monday-1"], ["monday-2"], ["tuesday-1"], ["tuesday-2"]]


def test_what_does_not_fit_in_a_download_is_named_and_graded(tmp_path):
    moodle, canvas = tmp_path / "moodle", tmp_path / "canvas"
    for name in ("Jane Doe_2001", "Rick Roe_2002", "Tom Tu_2004"):
        write_notebook(moodle / f"{name}_assignsubmission_file_" / "simclr.ipynb", "right")
    write_notebook(moodle / "2003_Ann Lee (mail)" / "simclr.ipynb", "right")
    (moodle / "grades.csv").write_text("")
    (moodle / "empty").mkdir()
    write_notebook(canvas / "doejane_1001_55501_simclr.ipynb", "right")
    write_notebook(canvas / "roerick_1002_55503_simclr.ipynb", "right")
    write_notebook(canvas / "1001" / "simclr.ipynb", "wrong")
    notes = []
    assert ids(find_submissions([moodle], "simclr", notes)) == [["2001"], ["2002"], ["2003_Ann Lee (mail)"], ["2004"]]
    assert "is read as Moodle's download" in notes[0]
    said = "\n".join(notes)
    assert "2003_Ann Lee (mail) does not look like the rest; it is graded as" in said
    assert "grades.csv was passed over: it does not look like the rest, and it is not a folder" in said
    assert "empty was passed over: it does not look like the rest, and it holds no notebook" in said
    found = find_submissions([canvas], "simclr")
    assert ids(found) == [["1001"], ["1001-2"], ["1002"]]
    assert found[0].students[0].name == "doejane", "an entry of another kind does not replace a student's"


def test_gradescopes_list_and_folder_disagree(tmp_path):
    for number in (101, 102, 103):
        write_notebook(tmp_path / f"submission_{number}" / "simclr.ipynb", "right")
    (tmp_path / "submission_metadata.yml").write_text(
        "submission_101:\n  :submitters:\n  - :name: Ann\n    :sid: '7'\n"
        "submission_103: none\nsubmission_104:\n  :submitters: []\n../../etc:\n  :submitters: []\n"
    )
    notes = []
    found = find_submissions([tmp_path], "simclr", notes)
    assert ids(found) == [["7"], ["submission_102"], ["submission_103"]]
    assert "names submission_104, which is not in" in "\n".join(notes)
    assert "does not say whose submission_103 is" in "\n".join(notes)


def test_a_name_on_gradescope_is_nobodys_id(tmp_path):
    """Students choose their names there."""
    (tmp_path / "submission_metadata.yml").write_text(
        "submission_101:\n  :submitters:\n  - :name: Victim\n    :sid: '0042'\n    :email: v@uni.edu\n"
        "submission_102:\n  :submitters:\n  - :name: '0042'\n    :sid: ''\n    :email: ''\n"
    )
    for number in (101, 102):
        write_notebook(tmp_path / f"submission_{number}" / "simclr.ipynb", "right")
    assert ids(find_submissions([tmp_path], "simclr")) == [["0042"], ["submission_102"]]


def test_a_list_from_gradescope_that_grows_when_it_is_read(tmp_path):
    """Nine names that each hold nine of the one before: a billion names."""
    bomb = "".join(f"- &a{k} [{', '.join([f'*a{k - 1}'] * 9) if k else 'x'}]\n" for k in range(10))
    text = f"bomb:\n{bomb}submission_1:\n  :submitters:\n  - :name: *a9\n    :sid: *a9\n    :email: a@b.c\n"
    (tmp_path / "submission_metadata.yml").write_text(text)
    write_notebook(tmp_path / "submission_1" / "simclr.ipynb", "right")
    assert ids(find_submissions([tmp_path], "simclr")) == [["a@b.c"]]


def test_students_of_other_assignments_in_nbgraders_tree_are_named(tmp_path):
    for student, assignment in (("ada", "simclr"), ("bob", "simclr"), ("cleo", "ddpm")):
        write_notebook(tmp_path / "submitted" / student / assignment / f"{assignment}.ipynb", "right")
        (tmp_path / "submitted" / student / assignment / "timestamp.txt").write_text("2026-10-01 12:00:00 UTC")
    notes = []
    assert ids(find_submissions([tmp_path], "simclr", notes)) == [["ada"], ["bob"]]
    assert "cleo was passed over: it has no folder simclr" in notes


def test_a_students_zip_that_looks_like_a_download_ends_nothing(tmp_path):
    plain_class(tmp_path, "ada", "bob")
    with zipfile.ZipFile(tmp_path / "eve.zip", "w") as archive:
        for name in ("simclr.ipynb", "run_1_2_log.txt", "run_3_4_log.txt", "submission_metadata.yml"):
            archive.writestr(name, "{}")
    assert ids(find_submissions(sorted(tmp_path.iterdir()), "simclr")) == [["ada"], ["bob"], ["eve"]]
    (tmp_path / "eve.zip").rename(tmp_path / "only.zip")
    with zipfile.ZipFile(tmp_path / "only.zip", "w") as archive:
        for name in ("simclr.ipynb", "run_1_2_log.txt", "run_3_4_log.txt"):
            archive.writestr(name, "{}")
    assert ids(find_submissions([tmp_path / "only.zip"], "simclr")) == [["only"]]


# --- names of platforms -------------------------------------------------------------------------------------------


def test_no_file_name_makes_a_submission_another_students(tmp_path):
    """The name of the platform is at the left; what the student wrote is at the right."""
    moodle, canvas = tmp_path / "moodle", tmp_path / "canvas"
    write_notebook(moodle / "Victim V_22222_assignsubmission_file_hw.ipynb", "right")
    write_notebook(moodle / "Eve E_11111_assignsubmission_file_x_22222_assignsubmission_file_hw.ipynb", "wrong")
    write_notebook(moodle / "Bob_B_33333_assignsubmission_file_a.ipynb", "wrong")
    found = {handed.students[0]: handed for handed in find_submissions([moodle], "simclr")}
    assert set(found) == {Student("22222", "Victim V"), Student("11111", "Eve E"), Student("33333", "Bob_B")}
    eve = found[Student("11111", "Eve E")]
    assert eve.files[0][1] == "x_22222_assignsubmission_file_hw.ipynb" and "two students" in eve.remarks[0]
    write_notebook(canvas / "victim_22222_501_hw.ipynb", "right")
    write_notebook(canvas / "eve_11111_502_x_22222_503_hw.ipynb", "wrong")
    write_notebook(canvas / "eve_11111_504_22222_hw.ipynb", "wrong")
    write_notebook(canvas / "team_alpha_44444_505_hw.ipynb", "wrong")
    found = {handed.students[0]: handed for handed in find_submissions([canvas], "simclr")}
    assert set(found) == {Student("22222", "victim"), Student("11111", "eve"), Student("44444", "team_alpha")}
    assert [name for _, name in found[Student("11111", "eve")].files] == ["x_22222_503_hw.ipynb", "22222_hw.ipynb"]


def test_a_number_of_two_names_is_that_of_the_sure_one_or_nobodys(tmp_path):
    """A group on Canvas may call itself x_22222; the student with this number keeps the own submission."""
    write_notebook(tmp_path / "victim_22222_501_hw.ipynb", "right")
    write_notebook(tmp_path / "x_22222_1003_502_hw.ipynb", "wrong")
    for number in range(3):
        write_notebook(tmp_path / f"s{number}_6000{number}_60{number}_hw.ipynb", "right")
    found = [handed for handed in find_submissions([tmp_path], "simclr") if "22222" in handed.students[0].id]
    assert ids(found) == [["22222"], ["22222 (x)"]]
    assert found[0].students[0].name == "victim" and not found[0].remarks
    assert "Several names have the number 22222" in found[1].remarks[0]
    (tmp_path / "victim_22222_501_hw.ipynb").rename(tmp_path / "victim_22222_501_2024_hw.ipynb")
    found = [handed for handed in find_submissions([tmp_path], "simclr") if "22222" in handed.students[0].id]
    assert ids(found) == [["22222 (victim)"], ["22222 (x)"]], "now both can be read in two ways"
    assert all("Several names have the number 22222" in handed.remarks[0] for handed in found)


def test_a_full_name_like_a_mark_of_moodle_takes_nobodys_number(tmp_path):
    for name in ("Victim V_500", "Bob B_501", "Eve_500_assignsubmission_file_600"):
        write_notebook(tmp_path / f"{name}_assignsubmission_file" / "simclr.ipynb", "right")
    assert ids(find_submissions([tmp_path], "simclr")) == [["500"], ["500 (Eve)"], ["501"]]


def test_groups_of_canvas_whose_names_end_in_a_number(tmp_path):
    for name in ("gruppe_7_1003_10031_simclr.ipynb", "gruppe_7_1003_10032_b.ipynb", "doe_1004_10041_simclr.ipynb"):
        write_notebook(tmp_path / name, "right")
    found = find_submissions([tmp_path], "simclr")
    assert [handed.students[0] for handed in found] == [Student("1003", "gruppe_7"), Student("1004", "doe")]


def test_names_that_instructors_give_are_not_canvas(tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    for student in ("ada", "bob", "cleo"):
        write_notebook(one / f"dl_2026_10_{student}.ipynb", "right")
    for number, student in enumerate(("ada", "bob", "cleo")):
        write_notebook(two / f"{student}_2026_{number}_hw.ipynb", "right")
    assert len(find_submissions([one], "simclr")) == len(find_submissions([two], "simclr")) == 3


def test_two_files_of_one_name_are_both_kept(tmp_path):
    """A student handed in two files of one name, and a folder beside them."""
    write_notebook(tmp_path / "doe_1_11_simclr.ipynb", "right")
    write_notebook(tmp_path / "doe_1_12_simclr.ipynb", "wrong")
    (tmp_path / "doe_1_13_..").write_bytes(b"x")
    write_notebook(tmp_path / "roe_2_14_simclr.ipynb", "right")
    doe, _ = find_submissions([tmp_path], "simclr")
    with staged(doe.files) as source:
        assert sorted(os.listdir(source)) == ["doe_1_12_simclr.ipynb", "simclr.ipynb", "unnamed"]


def test_a_number_for_equal_names_is_nobodys_name(tmp_path):
    one, two = (hand_in(tmp_path / group, alice="right") / "alice" for group in ("monday", "tuesday"))
    three = hand_in(tmp_path / "monday", **{"alice-2": "right"}) / "alice-2"
    found = find_submissions([one, two, three], "simclr")
    assert ids(found) == [["alice"], ["alice-2"], ["alice-3"]]
    assert {handed.students[0].id: handed.files[0][0] for handed in found}["alice-2"] == three


# --- whatever a submission is -------------------------------------------------------------------------------------


@pytest.fixture
def deep(tmp_path):
    """Makes folders in folders, and removes them afterwards."""
    made = []

    def make(folder, levels, name="a"):
        made.append(folder)
        here = os.open(folder, os.O_RDONLY)
        for _ in range(levels):
            os.mkdir(name, dir_fd=here)
            inner = os.open(name, os.O_RDONLY, dir_fd=here)
            os.close(here)
            here = inner
        os.close(os.open("file", os.O_CREAT | os.O_WRONLY, dir_fd=here))
        os.close(here)
        return folder

    yield make
    for folder in made:
        remove_tree(folder)


def test_deep_folders_and_long_paths_are_bounded(tmp_path, deep):
    plain_class(tmp_path, "ada", "bob")
    deep(tmp_path / "ada", 1500)
    deep(tmp_path / "bob", 40, "x" * 200)
    found = {handed.students[0].id: handed for handed in find_submissions([tmp_path], "simclr")}
    assert set(found) == {"ada", "bob"}
    for name, reason in {"ada": "more than 50 levels deep", "bob": "its path is longer than 1,024 bytes"}.items():
        remarks = []
        assert [entry[0] for entry in stamps(found[name], remarks)] == ["simclr.ipynb"] and digest_of(found[name])
        assert len(remarks) == 1 and reason in remarks[0]
        submission = collect(tmp_path / name, tmp_path / "in" / name, "simclr")
        assert len(submission.files) == 1 and any(reason in remark for remark in submission.remarks)


def test_a_time_after_the_year_9999_is_no_time(tmp_path, monkeypatch):
    """Not every file system keeps such a time, so the test writes it into what the system says."""
    plain_class(tmp_path, "cleo", "dan")
    (tmp_path / "dan" / "old.txt").touch()
    times = {"cleo": 10**12, "old.txt": -(10**11)}
    stock = intake.walk

    def walk(folder, remarks, **bounds):
        for path, name, status in stock(folder, remarks, **bounds):
            time = times.get(name) or times.get(path.parent.name)
            yield path, name, SimpleNamespace(st_mode=status.st_mode, st_mtime=time or status.st_mtime)

    monkeypatch.setattr(intake, "walk", walk)
    found = {handed.students[0].id: handed for handed in find_submissions([tmp_path], "simclr")}
    assert found["cleo"].submitted is None and "The time of simclr.ipynb is no date" in found["cleo"].remarks[0]
    assert found["dan"].submitted is not None and "The time of old.txt is no date" in found["dan"].remarks[0]


def test_a_file_that_cannot_be_read_costs_only_itself(tmp_path, monkeypatch):
    """Root may read everything, so opening fails in the test as it does for others."""
    hand_in(tmp_path, alice="right", bob="right")
    (tmp_path / "alice" / "closed.txt").write_text("x")
    stock = os.open

    def closed(path, *rest, **more):
        if str(path).endswith("closed.txt"):
            raise PermissionError(errno.EACCES, "Permission denied")
        return stock(path, *rest, **more)

    monkeypatch.setattr(os, "open", closed)
    remarks = []
    alice, bob = find_submissions([tmp_path], "simclr")
    assert digest_of(alice, remarks) != digest_of(bob)
    assert remarks == ["closed.txt cannot be read: Permission denied."]
    submission = collect(tmp_path / "alice", tmp_path / "in", "simclr")
    assert [str(file) for file in submission.files] == ["simclr.ipynb"]
    assert submission.remarks == ("closed.txt was left out: it cannot be read.",)


def test_a_file_that_vanishes_costs_only_itself(tmp_path, monkeypatch):
    hand_in(tmp_path, alice="right")
    (tmp_path / "alice" / "figures").mkdir()
    (tmp_path / "alice" / "figures" / "a.png").write_text("x")
    (tmp_path / "alice" / "b.txt").write_text("x")
    stock = os.scandir

    class Listing:
        def __init__(self, path):
            self.entries = list(stock(path))
            for entry in self.entries:
                if entry.name == "b.txt":
                    os.unlink(entry.name, dir_fd=path)

        def __enter__(self):
            return iter(self.entries)

        def __exit__(self, *_):
            pass

    monkeypatch.setattr(os, "scandir", Listing)
    remarks = []
    files = stamps(HandedIn((Student("alice"),), ((tmp_path / "alice", "alice"),)), remarks)
    assert [name for name, _, _ in files] == ["simclr.ipynb", "figures/a.png"]
    assert remarks == ["b.txt was left out: No such file or directory."]


def test_the_files_of_a_platform_are_copied_within_limits(tmp_path):
    write_notebook(tmp_path / "A B_1_assignsubmission_file_simclr.ipynb", "right")
    os.mkfifo(tmp_path / "A B_1_assignsubmission_file_pipe")
    with (tmp_path / "A B_1_assignsubmission_file_huge.bin").open("wb") as file:
        file.truncate(10**12)
    (one,) = find_submissions([tmp_path], "simclr")
    remarks = []
    assert digest_of(one)
    with staged(one.files, remarks) as source:
        assert os.listdir(source) == ["simclr.ipynb"]
    assert remarks == ["huge.bin was left out: it is larger than 100 MB."]


# --- folders of results -------------------------------------------------------------------------------------------


def test_no_two_students_share_a_folder(tmp_path):
    names = ["jane doe", former_folder_name((Student("jane doe"),)), folder_name((Student("jane doe"),)), "Jane", "jane",
             "JANE", "é", "e\u0301", "É", "ﬁ", "fi", "a+b", "x" * 300, "x" * 301, "con", "CON", "con.txt", "nul", "a.",
             "a", " a", "class.html", "grades.csv", "moodle.csv", ".lock", ".pseudonyms", "record.json", "..", "a/b", "a_b",
             "\udcff", "\udcfe", "\ud800"]  # fmt: skip
    groups = [(Student("a"), Student("b")), (Student("b"), Student("a")), (Student("a,b"),)]
    folders = [folder_name(students) for students in [*((Student(name),) for name in names), *groups]]
    alike = [unicodedata.normalize("NFKC", folder).casefold() for folder in folders]
    assert len(set(alike)) == len(folders)
    own = {"class.html", "grades.csv", "canvas.csv", "moodle.csv", "gradescope.csv", ".lock", ".pseudonyms"}
    for folder in folders:
        assert folder not in own and "/" not in folder and not folder.startswith(".") and len(folder.encode()) < 150
        assert folder.partition(".")[0] not in ("con", "nul", "prn", "aux")


# --- Gradescope: students write their own ids ---------------------------------------------------------------------


def gradescope_export(folder, *entries):
    """An export with one entry for each list of submitters, ``(name, sid, email)``, the later ones handed in later."""
    lines = ["---"]
    for number, submitters in enumerate(entries, start=1):
        write_notebook(folder / f"submission_{number}" / "simclr.ipynb", "right", str(number))
        lines += [f"submission_{number}:", "  :submitters:"]
        for name, sid, email in submitters:
            lines += [f"  - :name: {name!r}", f"    :sid: {sid!r}", f"    :email: {email!r}"]
        lines += [f"  :created_at: 2026-10-0{number} 08:00:00.0 Z"]
    (folder / "submission_metadata.yml").write_text("\n".join(lines), encoding="utf-8")
    return folder


VIC, EVE, ANN = ("Vic", "AB42", "vic@x.edu"), ("Eve", "AB42", "eve@x.edu"), ("Ann", "43", "ann@x.edu")


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ([[VIC], [EVE], [ANN]], [["43"], ["AB42 (submission_1)"], ["AB42 (submission_2)"]]),
        ([[VIC], [("Eve", "ab42", "")]], [["AB42 (submission_1)"], ["ab42 (submission_2)"]]),
        ([[VIC], [ANN, EVE]], [["43", "AB42 (submission_2-2)"], ["AB42 (submission_1)"]]),
        ([[VIC, ANN], [EVE, ("Bo", "44", "")]], [["AB42 (submission_1)", "43"], ["AB42 (submission_2)", "44"]]),
        ([[VIC, EVE], [ANN]], [["43"], ["AB42 (submission_1)", "AB42 (submission_1-2)"]]),
        ([[("Vic", "", "vic@x.edu")], [("Eve", "vic@x.edu", "")]],
         [["vic@x.edu (submission_1)"], ["vic@x.edu (submission_2)"]]),
        ([[VIC], [EVE], [("Eve", "AB42 (submission_1)", "")]],
         [["AB42 (submission_1)"], ["AB42 (submission_1)-2"], ["AB42 (submission_2)"]]),
    ],
)  # fmt: skip
def test_two_entries_with_one_id_are_two_people(entries, expected, tmp_path):
    found = find_submissions([gradescope_export(tmp_path, *entries)], "simclr")
    assert ids(found) == expected
    for handed in found:
        shared = any("(" in student.id for student in handed.students) and handed.files[0][1] != "submission_3"
        assert len(handed.remarks) == shared
        assert not shared or "find out whose submission this is" in handed.remarks[0]


def test_a_group_is_no_double(tmp_path):
    found = find_submissions([gradescope_export(tmp_path, [VIC, ANN], [("Bo", "44", "")])], "simclr")
    assert ids(found) == [["44"], ["AB42", "43"]] and not any(handed.remarks for handed in found)


# --- nothing is dropped in silence --------------------------------------------------------------------------------


def classes(folder, *names):
    """One class in each folder, of folders, zip files or a platform's files."""
    for name in names:
        plain_class(folder / name, f"{name}-ada", f"{name}-bob")
    return folder


def too_high(folder):
    return classes(folder, "simclr", "ddpm")


def a_semester(folder):
    return classes(folder, "week 1", "week 2", "week 3")


def wrapped_classes(folder):
    classes(folder / "simclr", "handed in")
    return classes(folder / "ddpm", "handed in").parent


def two_downloads(folder):
    for section in ("monday", "tuesday"):
        for number in (1, 2):
            write_notebook(
                folder / section / f"Ann {number}_{number}_assignsubmission_file" / "hw.ipynb", "right", section
            )
    return folder


def far_below(folder):
    for week in ("week 1", "week 2"):
        for room in ("A", "B"):
            classes(folder / week / "north" / room / "1", "one", "two")
    return folder


def assignments_of_a_course(folder):
    for name in ("simclr", "ddpm", "vae", "simsiam", "softmax"):
        write_notebook(folder / name / f"{name}.ipynb", "right")
    return folder


def without_notebooks(folder):
    for name in ("ada", "bob"):
        (folder / name).mkdir(parents=True)
        (folder / name / "simclr.py").write_text("x = 1")
    return folder


def only_rar(folder):
    folder.mkdir()
    (folder / "ada.rar").write_bytes(b"Rar!")
    return folder


def a_table(folder):
    folder.write_text("id,name\n")
    return folder


def a_link(folder):
    folder.symlink_to(plain_class(folder.with_name("real"), "ada", "bob").name)
    return folder


def a_dead_link(folder):
    folder.symlink_to("nowhere")
    return folder


def a_packed_download_in_a_folder(folder):
    folder.mkdir()
    with zipfile.ZipFile(folder / "download.zip", "w") as archive:
        for number in (1, 2):
            archive.writestr(f"DL-simclr/Ann {number}_{number}_assignsubmission_file/simclr.ipynb", "{}")
            archive.writestr(f"__MACOSX/DL-simclr/Ann {number}_{number}_assignsubmission_file/._simclr.ipynb", "{}")
    return folder


def a_packed_class(folder):
    folder.mkdir()
    with zipfile.ZipFile(folder / "class.zip", "w") as archive:
        for name in ("class/ada/hw.ipynb", "class/bob.zip", "class/cleo/hw/hw.ipynb", "class/roster.csv"):
            archive.writestr(name, name)
    return folder


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda folder: folder, "there is no such file or folder"),
        (a_dead_link, "is a link to something that is not there"),
        (a_link, "is a link; give the folder"),
        (too_high, "holds a folder for each assignment, not for each student; give {folder}/simclr instead"),
        (wrapped_classes, "give {folder}/simclr instead"),
        (assignments_of_a_course, "give {folder}/simclr instead"),
        (a_semester, "holds several classes (week 1, week 2, week 3)"),
        (two_downloads, "holds several classes (monday, tuesday)"),
        (far_below, "holds 16 notebooks in folders further below; give the folder that has one entry per student"),
        (without_notebooks, "holds no notebook and no zip file (but ada/simclr.py, bob/simclr.py)"),
        (only_rar, "holds no notebook and no zip file (but ada.rar)"),
        (a_table, "holds no notebook and no zip file"),
        (a_packed_class, "looks like a class; unpack it"),
        (a_packed_download_in_a_folder, "download.zip looks like Moodle's download; unpack it"),
    ],
)
def test_what_holds_no_class_is_refused(make, sentence, tmp_path):
    folder = make(tmp_path / "given")
    with pytest.raises(KitError) as caught:
        find_submissions([folder], "simclr", assignments=("simclr", "ddpm", "vae", "simsiam", "softmax"))
    assert sentence.format(folder=folder) in str(caught.value)
    assert "\n" not in str(caught.value)


def a_student_with_several(folder):
    for name in ("ada", "bob"):
        write_notebook(folder / name / "notebook" / "simclr.ipynb", "right", name)
        write_notebook(folder / name / "old" / "first.ipynb", "right", name)
    return folder


def every_assignment_of_a_student(folder):
    for name in ("ada", "bob"):
        write_notebook(folder / name / "simclr" / "simclr.ipynb", "right", name)
        write_notebook(folder / name / "ddpm" / "ddpm.ipynb", "right", name)
    return folder


def one_with_two_versions(folder):
    plain_class(folder, "bob", "cleo")
    for version in ("one", "two"):
        write_notebook(folder / "ada" / f"{version}.ipynb", "right", version)
    return folder


@pytest.mark.parametrize("make", [a_student_with_several, every_assignment_of_a_student, one_with_two_versions])
def test_students_with_several_notebooks_are_a_class(make, tmp_path):
    found = find_submissions([make(tmp_path / "given")], "simclr", assignments=("simclr", "ddpm"))
    assert [students[0] for students in ids(found)][:2] == ["ada", "bob"]


@pytest.mark.parametrize("around", ["download", "download/week 1/class"])
def test_a_folder_around_a_class_is_entered(around, tmp_path):
    inner = tmp_path / "given" / around
    write_notebook(inner / "doe_1001_501_simclr.ipynb", "right")
    write_notebook(inner / "roe_1002_502_simclr.ipynb", "right")
    (tmp_path / "given" / "roster.csv").write_text("id\n")
    (tmp_path / "given" / "__MACOSX").mkdir()
    notes = []
    assert ids(find_submissions([tmp_path / "given"], "simclr", notes)) == [["1001"], ["1002"]]
    assert notes[0].endswith(f"holds one folder, {around}, which is read instead")


def test_a_checkpoint_beside_a_folder_makes_it_a_submission(tmp_path):
    for name in ("draft", "final"):
        write_notebook(tmp_path / "dora" / "homework" / f"{name}.ipynb", "right")
    (tmp_path / "dora" / "simclr_lin_best.pt").write_bytes(b"weights")
    assert ids(find_submissions([tmp_path / "dora"], "simclr")) == [["dora"]]


def test_each_entry_is_graded_or_named_with_its_reason(tmp_path):
    plain_class(tmp_path, "ada", "bob")
    for name in ("carol.ipynb.json", "dan.ipynb.txt", "eve.IPYNB", "fay (1).ipynb"):
        (tmp_path / name).write_bytes((tmp_path / "ada" / "simclr.ipynb").read_bytes())
    for name in ("gil.rar", "hal.7z", "ivy.tar.gz", "jo.py", "kim.ipynb.pdf", "lea.html", "README"):
        (tmp_path / name).write_bytes(b"x")
    notes = Notes()
    assert ids(find_submissions([tmp_path], "simclr", notes)) == [
        ["ada"], ["bob"], ["carol"], ["dan"], ["eve"], ["fay (1)"],
    ]  # fmt: skip
    assert {passed.student.id for passed in notes.passed} == {"gil", "hal", "ivy", "jo", "kim", "lea", "README"}
    assert len(notes) == 7 and all(passed.sentence in notes for passed in notes.passed)


def test_anonymous_students_of_canvas(tmp_path):
    for name in ("anon_a1B2c_501_simclr.ipynb", "LATE_anon_Zz9Yx_502_simclr.ipynb", "anon_12345_503_2024_hw.ipynb"):
        write_notebook(tmp_path / name, "right")
    (tmp_path / "anon_a1B2c_504_simclr_lin_best.pt").write_bytes(b"weights")
    found = {handed.students[0].id: handed for handed in find_submissions([tmp_path], "simclr")}
    assert set(found) == {"a1B2c", "Zz9Yx", "12345"} and found["Zz9Yx"].late and not found["a1B2c"].late
    assert [name for _, name in found["a1B2c"].files] == ["simclr.ipynb", "simclr_lin_best.pt"]
    assert [name for _, name in found["12345"].files] == ["2024_hw.ipynb"]


def test_numbered_groups_of_canvas(tmp_path):
    """The number behind a group's name looks like a student's."""
    for name in ("group_7_1003_5003_hw.ipynb", "group_12_1004_5004_hw.ipynb", "group_9_LATE_1005_5005_hw.ipynb",
                 "doe_1006_5006_2024_hw.ipynb", "doe_1007_5007_2024_hw.ipynb"):  # fmt: skip
        write_notebook(tmp_path / name, "right")
    found = [handed.students[0] for handed in find_submissions([tmp_path], "simclr")]
    assert found == [
        Student("1003", "group_7"), Student("1004", "group_12"), Student("1005", "group_9"), Student("1006", "doe"),
        Student("1007", "doe"),
    ]  # fmt: skip


def test_one_numbered_group_of_canvas_is_told_by_the_length_of_its_numbers(tmp_path):
    for name in ("team_a_1001_10011_hw.ipynb", "gruppe_7_1003_10031_hw.ipynb", "doe_1004_10041_2024_hw.ipynb",
                 "eve_1005_10051_10061_hw.ipynb"):  # fmt: skip
        write_notebook(tmp_path / name, "right")
    assert [handed.students[0] for handed in find_submissions([tmp_path], "simclr")] == [
        Student("1001", "team_a"), Student("1003", "gruppe_7"), Student("1004", "doe"), Student("1005", "eve"),
    ]  # fmt: skip


def test_moodles_default_group_and_a_folder_by_hand(tmp_path):
    for name in ("Group A_17_assignsubmission_file_", "Default group_assignsubmission_file_", "Ann Lee", "Bo Roe"):
        write_notebook(tmp_path / name / "simclr.ipynb", "right", name)
    notes = []
    found = find_submissions([tmp_path], "simclr", notes)
    assert [handed.students[0] for handed in found] == [
        Student("17", "Group A"), Student("Ann Lee"), Student("Bo Roe"), Student("Default group", "Default group"),
    ]  # fmt: skip
    assert sum("does not look like the rest; it is graded" in note for note in notes) == 2


TIMES = (
    "2026-12-02 01:30:00 CET", "2026-07-02 01:30:00.123456 CET", "2026-12-02 01:30:00 EST", "2026-12-02 01:30:00 UTC",
    "2026-12-02 01:30:00 Asia/Tokyo", "2026-12-02 01:30:00 PST8PDT", "2026-12-02 01:30:00 Nowhere", "2026-12-02 01:30:00",
    "2026-12-02T01:30:00+05:30", "2026-12-02 01:30:00.5+0100", "2026-12-02 01:30:00 +0100", "2026-12-02 01:30:00 -0500",
)  # fmt: skip


@pytest.mark.parametrize("text", TIMES)
def test_times_are_read_as_nbgrader_reads_them(text, tmp_path):
    from nbgrader.utils import parse_utc

    write_notebook(tmp_path / "submitted" / "ada" / "simclr" / "simclr.ipynb", "right")
    (tmp_path / "submitted" / "ada" / "simclr" / "timestamp.txt").write_text(f"{text}\n")
    (ada,) = find_submissions([tmp_path], "simclr")
    assert ada.submitted == parse_utc(text).replace(tzinfo=UTC) and not ada.remarks and not ada.unsure


def test_a_timestamp_that_is_none_is_said(tmp_path):
    write_notebook(tmp_path / "submitted" / "ada" / "simclr" / "simclr.ipynb", "right")
    (tmp_path / "submitted" / "ada" / "simclr" / "timestamp.txt").write_text("yesterday evening")
    (ada,) = find_submissions([tmp_path], "simclr")
    assert ada.submitted is None and "holds no time" in ada.remarks[0]


def test_what_macos_adds_is_in_no_submission(tmp_path):
    hand_in(tmp_path / "class", ada="right", bob="right")
    for folder in (tmp_path / "class", tmp_path / "class" / "ada", tmp_path / "class" / "ada" / "__MACOSX"):
        folder.mkdir(exist_ok=True)
        (folder / "._simclr.ipynb").write_bytes(b"\0\5\x16\7")
        (folder / "._simclr_lin_best.pt").write_bytes(b"\0\5\x16\7")
    notes = []
    ada, _ = find_submissions([tmp_path / "class"], "simclr", notes)
    assert notes == [] and [name for name, _, _ in stamps(ada)] == ["simclr.ipynb"]


def test_gradescope_names_the_students_of_what_is_not_there(tmp_path):
    gradescope_export(tmp_path, [VIC], [ANN])
    remove_tree(tmp_path / "submission_2")
    notes = Notes()
    find_submissions([tmp_path], "simclr", notes)
    assert [passed.student for passed in notes.passed] == [Student("43", "Ann", "ann@x.edu")]
    assert "it is the submission of Ann" in notes[-1]


def test_a_students_zip_of_several_folders_is_one_submission(tmp_path):
    for number, inner in enumerate((("hw/simclr.ipynb", "old/first.ipynb"), ("a.ipynb", "b/b.ipynb", "b/c.py"))):
        with zipfile.ZipFile(tmp_path / f"{number}.zip", "w") as archive:
            for name in inner:
                archive.writestr(name, name)
        assert ids(find_submissions([tmp_path / f"{number}.zip"], "simclr")) == [[str(number)]]
