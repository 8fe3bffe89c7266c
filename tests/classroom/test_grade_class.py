"""A class is graded once, resumed, counted anew and never half written; with the real sandbox, files and processes."""

import contextlib
import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import replace

import psutil
import pytest

from autograder.classroom import grade_class, store
from autograder.classroom.grade_class import (
    carry_out,
    duplicates,
    graded_students,
    other_plans,
    refuse_other_assignment,
)
from autograder.classroom.model import Student
from autograder.classroom.pool import Pool
from autograder.classroom.roster import read_roster
from autograder.classroom.store import folder_name, former_folder_name, locked, read_record
from autograder.classroom.summary import write_summary
from autograder.engine.answer_key import read_draws, write_key
from autograder.errors import KitError
from autograder.frontends.gradescope import results
from tests.checkout import ROOT
from tests.classroom.conftest import edit, hand_in, write_notebook

ALL = {"q1a", "q1c", "q6"}


def test_a_class_is_graded_as_each_submission_by_itself(room, tmp_path):
    work = hand_in(tmp_path / "class", ada="right", bob="wrong", cleo="broken", dan="crashing", eve="hanging")
    result = room.grade(work, workers=Pool(room.bundle, None, False, jobs=2))
    assert (result.graded, result.failures) == (5, [])
    room.grader.bundle = room.bundle
    for student in ("ada", "bob", "cleo", "dan"):
        alone = results(room.grader.grade(work / student))
        together = json.loads((room.out / student / "results.json").read_text())
        assert [(t["score"], t["output"]) for t in together["tests"]] == [
            (t["score"], t["output"]) for t in alone["tests"]
        ]
    assert room.points("ada") == room.points("eve") == 8
    assert 0 < room.points("bob") < 8 and room.points("cleo") == room.points("dan") == 0
    graded = {one.student.id: one for one in graded_students(room.plans, room.settings(), result, lambda s: s)}
    assert {id for id, one in graded.items() if one.attention} == {"dan", "eve"}
    feedback, report = ((room.out / "bob" / name).read_text() for name in ("feedback.html", "report.html"))
    assert "large number" in feedback and "For the instructor" in report and "For the instructor" not in feedback
    assert "def nt_xent" in graded["bob"].code


def test_what_has_not_changed_is_not_graded_again(room, tmp_path):
    work = hand_in(tmp_path / "class", ada="right", bob="wrong")
    room.grade(work)
    assert {name for name, _ in room.run} == {"ada", "bob"}
    before = {path: path.stat().st_mtime_ns for path in room.out.rglob("*") if path.is_file()}
    room.grade(work)
    assert room.run == []
    assert before == {path: path.stat().st_mtime_ns for path in room.out.rglob("*") if path.is_file()}
    write_notebook(work / "bob" / "simclr.ipynb", "right")
    room.grade(work)
    assert room.run == [("bob", ALL)] and room.points("bob") == 8
    os.utime(work / "ada" / "simclr.ipynb")  # the same bytes at another time
    room.grade(work)
    assert room.run == []
    room.grade(work, regrade=True)
    assert len(room.run) == 2


def test_other_points_are_counted_and_nothing_is_run(room, tmp_path):
    work = hand_in(tmp_path / "class", ada="right", bob="wrong")
    room.grade(work)
    bob = room.points("bob")
    edit(room.bundle, "value = 3", "value = 13")
    result = room.grade(work)
    assert room.run == [] and result.rescored == 2
    assert room.points("ada") == 18 and room.points("bob") == bob + 10
    assert "of 30 points" in (room.out / "ada" / "report.html").read_text()
    assert "nt_xent in cell 1" in (room.out / "bob" / "feedback.html").read_text()


def test_another_threshold_counts_the_measured_accuracy_anew(room, images, checkpoint, tmp_path):
    work = hand_in(tmp_path / "class", ada="right")
    (work / "ada" / checkpoint.name).write_bytes(checkpoint.read_bytes())
    room.data = images
    room.grade(work / "ada")
    top1 = read_record(room.out / "ada").report.headlines["q6"].value
    assert 0 < top1 < 0.4 and room.points("ada") == 8
    edit(room.bundle, "ramp_from = 0.40", "ramp_from = 0.01")
    edit(room.bundle, "full_above = 0.75", f"full_above = {top1 / 2}")
    room.grade(work / "ada")
    assert room.run == [] and room.points("ada") == 16
    edit(room.bundle, "bonus_above = 0.85", f"bonus_above = {top1 / 1.5}")
    room.grade(work / "ada")
    assert room.run == [] and room.points("ada") == 21


def change_title(room, question):
    """Another key, in which one question's tests have another title."""
    key = read_draws(room.bundle / "key.safetensors")
    changed = [replace(test, title="another title") if test.question == question else test for test in key]
    write_key(room.bundle / "key.safetensors", tuple(changed), "changed")


def test_a_changed_test_is_the_only_one_that_is_run(room, tmp_path):
    work = hand_in(tmp_path / "class", ada="right", bob="wrong")
    room.grade(work)
    bob = room.points("bob")
    change_title(room, "q1c")
    room.grade(work)
    assert sorted(room.run) == [("ada", {"q1c"}), ("bob", {"q1c"})]
    assert room.points("ada") == 8 and room.points("bob") == bob
    assert "another title" in (room.out / "ada" / "results.json").read_text()
    room.grade(work)
    assert room.run == []


def test_what_happened_in_a_test_stays_known_when_another_is_run_again(room, tmp_path):
    work = hand_in(tmp_path / "class", dan="crashing")
    room.grade(work / "dan")
    before = read_record(room.out / "dan").report.attention()
    assert any(line.startswith("q1a ") for line in before)
    change_title(room, "q1c")
    room.grade(work / "dan")
    assert room.run == [("dan", {"q1c"})]
    assert set(before) == set(read_record(room.out / "dan").report.attention())


def test_what_the_grader_got_wrong_is_tried_again(room, tmp_path, monkeypatch):
    work = hand_in(tmp_path / "class", ada="right")
    with monkeypatch.context() as broken:
        broken.setattr("autograder.engine.grade.judge", lambda test, results: 1 / 0)
        room.grade(work / "ada")
    assert room.points("ada") == 0 and read_record(room.out / "ada").report.attention()
    room.grade(work / "ada")
    assert room.run == [("ada", {"q1a", "q1c"})] and room.points("ada") == 8
    assert read_record(room.out / "ada").report.attention() == []


def test_more_time_is_time_for_another_try(room, tmp_path):
    work = hand_in(tmp_path / "class", ada="right")
    edit(room.bundle, "total_seconds = 540", "total_seconds = 0.001")
    room.grade(work / "ada")
    assert room.points("ada") == 0
    edit(room.bundle, "total_seconds = 0.001", "total_seconds = 540")
    room.grade(work / "ada")
    assert room.points("ada") == 8


def test_two_empty_folders_are_no_copies(room, tmp_path):
    work = hand_in(tmp_path / "class", ada="right", bob="right")
    for name in ("cleo", "dora"):
        (work / name).mkdir()
    room.grade(work)
    assert duplicates(room.plans) == []


def test_a_question_that_is_left_out_and_comes_back(room, tmp_path):
    work = hand_in(tmp_path / "class", ada="right")
    room.grade(work / "ada")
    settings = (room.bundle / "assignment.toml").read_text()
    head, first, second = settings.split("[[question]]")
    (room.bundle / "assignment.toml").write_text(f"{head}[[question]]{second}")
    room.grade(work / "ada")
    assert room.run == [] and room.points("ada") == 0
    (room.bundle / "assignment.toml").write_text(settings)
    room.grade(work / "ada")
    assert room.run == [("ada", {"q1a"})] and room.points("ada") == 8


def test_lateness_costs_what_the_policy_says(room, tmp_path):
    work = hand_in(tmp_path / "class", ada="right", bob="right")
    os.utime(work / "ada" / "simclr.ipynb", (1_790_000_000, 1_790_000_000))
    os.utime(work / "bob" / "simclr.ipynb", (1_790_100_000, 1_790_100_000))
    result = room.grade(work)
    edit(room.bundle, "[limits]", "[late]\ndue = 2026-09-21T17:00:00Z\nper_day = 0.1\nmost_days = 3\n\n[limits]")
    result = room.grade(work)
    assert room.run == []
    graded = {one.student.id: one for one in graded_students(room.plans, room.settings(), result, lambda s: s)}
    assert (graded["ada"].score, graded["ada"].late) == (8, "")
    assert graded["bob"].score == pytest.approx(8 * 0.8) and "late" not in graded["ada"].late
    assert graded["bob"].late in (room.out / "bob" / "report.html").read_text()


def test_a_kill_loses_what_was_in_flight_and_nothing_else(tmp_path):
    """The command itself, killed as a machine would kill it, and run again."""
    work = hand_in(tmp_path / "class", **{f"s{number}": "right" for number in range(6)})
    out = tmp_path / "grades"
    command = [sys.executable, "-m", "autograder", "grade", "simclr", str(work), "--out", str(out), "--jobs", "2"]
    first = subprocess.Popen(
        command, cwd=ROOT, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    wait_for(lambda: len(list(out.glob("*/record.json"))) >= 2, first)
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    kept = {path.parent.name: path.read_bytes() for path in out.glob("*/record.json")}
    assert 2 <= len(kept) < 6
    for path in out.glob("*/*.json"):
        json.loads(path.read_text())
    again = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert again.returncode == 0, again.stderr
    assert f"{len(kept)} of 6 submissions are already graded" in again.stderr
    assert {name: (out / name / "record.json").read_bytes() for name in kept} == kept
    rows = (out / "grades.csv").read_text(encoding="utf-8-sig").splitlines()
    assert len(rows) == 7 and all(f"s{number}" in rows[number + 1] for number in range(6))
    assert "class.html" in again.stdout and (out / "class.html").is_file()


def wait_for(condition, process, seconds=240):
    end = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, "the command ended too early"
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_full_disk_ends_in_a_sentence_and_keeps_what_was_there(room, tmp_path, small_disk):
    work = hand_in(tmp_path / "class", ada="right", bob="wrong")
    room.out = small_disk / "grades"
    room.grade(work)
    before = {path: path.read_bytes() for path in room.out.rglob("*") if path.is_file()}
    edit(room.bundle, "value = 3", "value = 13")
    filler = small_disk / "filler"
    with filler.open("wb", buffering=0) as file, pytest.raises(OSError, match="No space"):
        while True:
            file.write(bytes(1 << 12))
    with pytest.raises(KitError, match=r"could not be written: No space left on device; earlier results are kept"):
        room.grade(work)
    assert {path: path.read_bytes() for path in before} == before
    assert not list(room.out.rglob("*.part"))
    filler.unlink()
    room.grade(work)
    assert room.run == [] and room.points("ada") == 18


def test_no_room_for_temporary_files_is_no_result_and_the_next_run_grades(room, tmp_path, small_disk, monkeypatch):
    work = hand_in(tmp_path / "class", ada="right", bob="right")

    class Full(Pool):
        def __enter__(self):
            super().__enter__()
            with (small_disk / "filler").open("wb", buffering=0) as file, contextlib.suppress(OSError):
                while True:
                    file.write(bytes(1 << 12))
            return self

    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(tempfile, "tempdir", str(small_disk))
        result = room.grade(work, workers=Full(room.bundle, None, False, jobs=1))
    assert len(result.failures) == 2 and all("No space left on device" in failure for failure in result.failures)
    assert result.graded == 0 and not list(room.out.rglob("record.json"))
    assert room.grade(work).failures == []
    assert room.points("ada") == room.points("bob") == 8


@pytest.fixture
def small_disk(tmp_path):
    """A file system of two megabytes."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", place], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("a small disk can only be mounted by root")
    yield place
    subprocess.run(["umount", "-l", place], check=True)


def test_two_commands_do_not_write_to_one_folder(tmp_path):
    message = "another ./kit grade is writing"
    with locked(tmp_path / "grades"), pytest.raises(KitError, match=message), locked(tmp_path / "grades"):
        pass
    with locked(tmp_path / "grades"):
        pass


def test_an_unreadable_record_is_graded_again(room, tmp_path):
    work = hand_in(tmp_path / "class", ada="right")
    room.grade(work / "ada")
    for content in ("", "[]", '{"version": 1}', '{"version": 99}'):
        (room.out / "ada" / store.RECORD).write_text(content)
        room.grade(work / "ada")
        assert room.run == [("ada", ALL)] and room.points("ada") == 8


def test_a_submission_that_cannot_be_read_keeps_no_one_waiting(room, tmp_path):
    work = hand_in(tmp_path / "class", ada="right", bob="right")
    (work / "bob" / "simclr.ipynb").unlink()
    (work / "bob" / "simclr.ipynb").symlink_to("/nowhere")
    result = room.grade(work)
    assert room.points("ada") == 8 and room.points("bob") == 0
    assert result.failures == []
    assert any("empty" in line or "left out" in line for line in read_record(room.out / "bob").report.attention())


def busy(process):
    """How many descendants have worked for a second."""
    count = 0
    for child in psutil.Process(process.pid).children(recursive=True):
        with contextlib.suppress(psutil.Error):
            count += child.cpu_times().user > 1
    return count


def test_ctrl_c_ends_every_session_at_once(tmp_path):
    work = hand_in(tmp_path / "class", ada="hanging", bob="hanging")
    out = tmp_path / "grades"
    command = [sys.executable, "-m", "autograder", "grade", "simclr", str(work), "--out", str(out), "--jobs", "2"]
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a suite in the background ignores it
    )
    wait_for((out / store.LOCK).exists, process)
    wait_for(lambda: busy(process) >= 2, process)  # both are in their endless loops, for 20 seconds each time
    started = time.monotonic()
    family = psutil.Process(process.pid).children(recursive=True)
    assert len(family) >= 4, "two parents and their sessions"
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130 and said.strip().endswith("kit: stopped"), said
    assert time.monotonic() - started < 40
    assert psutil.wait_procs(family, timeout=20)[1] == []
    assert not out.exists()


# --- one submission and the others --------------------------------------------------------------------------------


def fails_for(student, wanted):
    """An exception for one student in the function of that name, in place of its work."""

    def fail(stock):
        def maybe(first, *rest, **more):
            if wanted(first) == student:
                raise RecursionError("too deep")
            return stock(first, *rest, **more)

        return maybe

    return fail


@pytest.mark.parametrize(
    ("place", "wanted", "said"),
    [
        ("make_plan", lambda handed: handed.students[0].id, "bob: not graded: the grader failed (RecursionError: too deep)"),
        ("add", lambda plan: plan.folder.name, "bob: not graded: the grader failed (RecursionError: too deep)"),
        ("pages", lambda report: report.submission, "bob: graded, but its reports could not be written"),
        ("members", lambda plan: plan.folder.name, "bob: graded, but missing in the tables of the class"),
    ],
    ids=["planning", "adding", "reporting", "tables"],
)  # fmt: skip
def test_whatever_fails_for_one_is_said_and_costs_no_other(place, wanted, said, room, tmp_path, monkeypatch):
    work = hand_in(tmp_path / "class", ada="right", bob="right", cleo="right")
    fail = fails_for("bob", wanted)
    monkeypatch.setattr(grade_class, place, fail(getattr(grade_class, place)))
    result = room.grade(work)
    lines = write_summary(room.out, room.plans, room.settings(), result, None, False, result.failures)
    assert len(result.failures) == 1 and result.failures[0].startswith(said)
    assert room.points("ada") == room.points("cleo") == 8
    assert "class.html" in "".join(lines) and said in (room.out / "class.html").read_text()
    monkeypatch.undo()
    result = room.grade(work)
    assert result.failures == [] and room.points("bob") == 8 and len(room.run) <= 1


def test_a_failure_in_showing_costs_nothing(room, tmp_path):
    def done(plan, report):
        if plan.folder.name == "ada":
            raise UnicodeEncodeError("ascii", "\udcff", 0, 1, "the terminal is old")

    result = room.grade(hand_in(tmp_path / "class", ada="right", bob="right"), done=done)
    assert room.points("ada") == room.points("bob") == 8
    assert len(result.failures) == 1 and "ada: graded, but not shown" in result.failures[0]


@pytest.mark.parametrize(
    ("where", "missing", "files"),
    [
        ("summary.similar_pairs", "The list of similar code", 5),
        ("summary.duplicates", "The list of equal files", 5),
        ("class_report.histogram", "The histogram of scores", 5),
        ("class_report.successes", "The table of questions", 5),
        ("class_report.mistakes", "The table of misconceptions", 5),
        ("class_report.leaderboards", "The leaderboard", 5),
        ("class_report.report_link", "The list of students", 5),
        ("summary.write_grades", "grades.csv", 4),
        ("tables.moodle_table", "moodle.csv", 4),
    ],
)
def test_a_part_that_fails_is_missing_by_name_and_the_rest_is_there(where, missing, files, room, tmp_path, monkeypatch):
    result = room.grade(hand_in(tmp_path / "class", ada="right", bob="wrong"))

    def fail(*_, **__):
        raise MemoryError("no memory left")

    monkeypatch.setattr(f"autograder.classroom.{where}", fail)
    lines = write_summary(room.out, room.plans, room.settings(), result, None, True)
    assert any(line.startswith(f"{missing} is missing: ") for line in result.failures)
    assert len([line for line in lines if line.strip().startswith(str(room.out))]) == files
    page = (room.out / "class.html").read_text()
    assert f"{missing} is missing: " in page or where.startswith("tables") and "moodle.csv is missing" in page


@pytest.mark.parametrize("broken", [False, True])
def test_a_namesake_does_not_take_the_row_of_another(broken, room, tmp_path, monkeypatch):
    """Also where the submission of the rightful student cannot be read."""
    work = hand_in(tmp_path / "class", **{"0042": "right", "Victim, Vic": "wrong", "ann": "right"})
    (tmp_path / "roster.csv").write_text(
        'Student,ID,SIS User ID,SIS Login ID,Section,simclr\n"Victim, Vic",0042,,,A,3\n"Lee, Ann",0043,,ann,A,\n'
    )
    make_plan = grade_class.make_plan

    def plan(submission, *rest):
        if broken and submission.students[0].id == "0042":
            raise KitError("it cannot be read")
        return make_plan(submission, *rest)

    monkeypatch.setattr(grade_class, "make_plan", plan)
    result = room.grade(work)
    lines = write_summary(room.out, room.plans, room.settings(), result, read_roster(tmp_path / "roster.csv"), False)
    with (room.out / "canvas.csv").open(newline="") as file:
        canvas = {row["ID"]: row["simclr"] for row in csv.DictReader(file)}
    assert (canvas["0042"], canvas["0043"]) == ("3" if broken else "8", "8")
    with (room.out / "grades.csv").open(encoding="utf-8-sig", newline="") as file:
        look = {row["id"]: row["needs a look"] for row in csv.DictReader(file)}
    said = "Several submissions match Vic Victim (0042) on the roster: 0042, Victim, Vic; 0042 has that row"
    assert said in look["Victim, Vic"] and look["0043"] == "" and (said in look["0042"]) != broken
    assert sum(said in line for line in lines) == 1 and said in (room.out / "class.html").read_text()


# --- folders of results -------------------------------------------------------------------------------------------


def test_results_of_an_earlier_version_are_found_by_their_record(room, tmp_path):
    """Nothing graded is lost, and nobody gets the folder of somebody else, whatever it is called."""
    victim = (Student("jane doe"),)
    former = former_folder_name(victim)
    assert former != folder_name(victim)
    work = hand_in(tmp_path / "class", **{"jane doe": "right", "Ada": "right"})
    room.grade(work)
    for name in ("jane doe", "Ada"):
        (room.out / folder_name((Student(name),))).rename(room.out / former_folder_name((Student(name),)))
    write_notebook(work / former / "simclr.ipynb", "wrong")  # a student who calls herself like that folder
    write_notebook(work / "ada" / "simclr.ipynb", "wrong")
    before = {name: (room.out / name / "record.json").read_bytes() for name in (former, "Ada")}
    for _ in range(2):
        room.grade(work)
        assert {name: (room.out / name / "record.json").read_bytes() for name in before} == before
        assert room.points(former) == 8
    assert room.run == []
    folders = {plan.handed.students[0].id: plan.folder.name for plan in room.plans}
    assert folders["jane doe"] == former and folders["Ada"] == "Ada" and len(set(folders.values())) == 4
    assert read_record(room.out / folders[former]).students[0].id == former


def test_a_former_folder_in_the_place_of_the_class_report_is_moved(room, tmp_path):
    """An earlier version graded a student called class.html and then could not write class.html."""
    work = hand_in(tmp_path / "class", **{"class.html": "right", "bob": "right"})
    room.grade(work)
    mine = room.out / folder_name((Student("class.html"),))
    mine.rename(room.out / "class.html")
    result = room.grade(work)
    write_summary(room.out, room.plans, room.settings(), result, None, False)
    assert room.run == [] and result.failures == []
    assert (room.out / "class.html").is_file() and read_record(mine).report.score == 8


def test_what_can_be_read_at_last_is_graded(room, tmp_path, monkeypatch):
    """Size and time of a file stay when its mode changes."""
    work = hand_in(tmp_path / "class", ada="right", bob="wrong")
    stock = os.open

    def closed(path, *rest, **more):
        folder = os.readlink(f"/proc/self/fd/{more['dir_fd']}") if more.get("dir_fd") is not None else ""
        if os.path.join(folder, path).endswith("ada/simclr.ipynb"):
            raise PermissionError(13, "Permission denied")
        return stock(path, *rest, **more)

    with monkeypatch.context() as without:
        without.setattr(os, "open", closed)
        result = room.grade(work)
        assert result.failures == [] and room.points("ada") == 0
        graded = {one.student.id: one for one in graded_students(room.plans, room.settings(), result, lambda s: s)}
        assert "simclr.ipynb cannot be read: Permission denied." in graded["ada"].attention
        room.grade(work)
        assert room.run == []
    room.grade(work)
    assert room.run == [("ada", ALL)] and room.points("ada") == 8


def test_no_student_is_called_like_a_file_of_the_class(room, tmp_path):
    names = ("class.html", "grades.csv", "gradescope.csv", ".lock", ".pseudonyms", "Ada", "ADA", "e\u0301", "é", "nul")
    sources = [hand_in(tmp_path / str(number), **{name: "right"}) / name for number, name in enumerate(names)]
    result = room.grade(*sources)
    lines = write_summary(room.out, room.plans, room.settings(), result, None, True)
    assert result.failures == [] and result.graded == len(names)
    assert lines[0].startswith("10 students")
    files = [path for path in room.out.iterdir() if path.is_file()]
    assert {path.name for path in files} >= {"class.html", "grades.csv", "canvas.csv", "moodle.csv", "gradescope.csv"}
    assert len([path for path in room.out.iterdir() if path.is_dir()]) == len(names)
    room.grade(*sources)
    assert room.run == []


def test_a_name_that_is_not_utf8_is_found_again(room, tmp_path):
    work = hand_in(tmp_path / "class", **{"j\udcffrg": "right", "bob": "right"})
    room.grade(work)
    result = room.grade(work)
    assert room.run == [] and result.failures == [] and len(list(room.out.iterdir())) == 2


# --- what was recorded --------------------------------------------------------------------------------------------

LATE = "[late]\ndue = 2026-09-21T17:00:00Z\nper_day = 0.1\nmost_days = 3\n\n[limits]"
IN_TIME, TOO_LATE = 1_790_000_000, 1_790_100_000


def at(time, folder):
    """Give all files of a folder a time."""
    for path in folder.rglob("*"):
        os.utime(path, (time, time))
    return folder


def looked_at(room, result):
    return {
        one.student.id: one for one in graded_students(room.plans, room.settings(), result, lambda student: student)
    }


def test_a_copy_of_a_class_is_no_later_than_the_class(room, tmp_path):
    """cp -r writes new times; the same bytes keep the recorded one, also where they are graded again."""
    edit(room.bundle, "[limits]", LATE)
    work = at(IN_TIME, hand_in(tmp_path / "class", ada="right", bob="wrong"))
    room.grade(work)
    copy = at(TOO_LATE, tmp_path / "copy" if shutil.copytree(work, tmp_path / "copy") else None)
    for again in (False, True):
        result = room.grade(copy, regrade=again)
        graded = looked_at(room, result)
        assert (
            graded["ada"].late == "" and graded["ada"].submitted.timestamp() == IN_TIME and not graded["ada"].attention
        )
    write_notebook(copy / "bob" / "simclr.ipynb", "right")  # other bytes have another time
    at(TOO_LATE, copy)
    bob = looked_at(room, room.grade(copy))["bob"]
    assert bob.deduction == pytest.approx(1.6) and "Late by the time of its newest file" in " ".join(bob.attention)
    assert looked_at(room, room.grade(at(IN_TIME, work)))["ada"].late == ""


def test_a_time_of_a_platform_stays_and_replaces_that_of_a_file(room, tmp_path):
    edit(room.bundle, "[limits]", LATE)
    work = at(TOO_LATE, hand_in(tmp_path / "class", ada="right", bob="wrong"))
    room.grade(work)
    for student, moment in (("ada", "2026-09-21 16:00:00 UTC"), ("bob", "2026-09-21 21:30:00 CET")):
        place = tmp_path / "submitted" / student / "simclr"
        place.parent.mkdir(parents=True)
        shutil.copytree(work / student, place)
        (place / "timestamp.txt").write_text(moment)
    graded = looked_at(room, room.grade(tmp_path / "submitted"))
    assert graded["ada"].late == "" and graded["bob"].late.startswith("Handed in 2 hours and 30 minutes after")
    assert not graded["bob"].attention
    nested = tmp_path / "nested"
    for student in ("ada", "bob"):
        shutil.copytree(tmp_path / "submitted" / student / "simclr", nested / student)
    assert {id: one.submitted for id, one in looked_at(room, room.grade(at(TOO_LATE, nested))).items()} == {
        id: one.submitted for id, one in graded.items()
    }


def test_every_record_is_counted_again_and_in_the_tables(room, tmp_path):
    """Also those whose files are not there this time; what could not be tested again is said."""
    work = hand_in(tmp_path / "class", ada="right", bob="wrong", cleo="right")
    room.grade(work)
    edit(room.bundle, "value = 3", "value = 13")
    change_title(room, "q1c")
    settings, result = room.settings(), room.grade(work / "ada")
    plans = [*room.plans, *(others := other_plans(room.out, room.plans, settings, result))]
    carry_out(others, settings, lambda tasks: (), result)
    write_summary(room.out, plans, settings, result, None, False)
    rows = table_of(room.out)
    assert {id: row["total"] for id, row in rows.items()}["cleo"] == "18" and set(rows) == {"ada", "bob", "cleo"}
    assert rows["ada"]["needs a look"] == "" and "before q1c changed" in rows["cleo"]["needs a look"]
    assert len(result.changes) == 3
    room.grade(work)
    assert sorted(room.run) == [("bob", {"q1c"}), ("cleo", {"q1c"})], "the tests that changed are still run"


def table_of(out):
    with (out / "grades.csv").open(encoding="utf-8-sig", newline="") as file:
        return {row["id"]: row for row in csv.DictReader(file)}


def test_who_has_other_points_is_said_with_the_reason(room, tmp_path):
    work = at(TOO_LATE, hand_in(tmp_path / "class", ada="right", bob="broken", cleo="wrong"))
    assert room.grade(work).changes == []
    edit(room.bundle, "value = 3", "value = 13")
    result = room.grade(work)
    assert result.rescored == 3
    assert result.changes[0] == (
        "ada: 18 points instead of 8 (+10): q1a value counts 13 instead of 3, earned 13 instead of 3"
    )
    assert [line.partition(":")[0] for line in result.changes] == ["ada", "bob", "cleo"]
    lines = write_summary(room.out, room.plans, room.settings(), result, None, False)
    assert "3 counted again, 3 with other points than before" in lines[0]
    assert result.changes[2] in (room.out / "class.html").read_text()
    edit(room.bundle, "[limits]", LATE)
    (late, *_) = room.grade(work).changes
    assert late == "ada: 14.4 points instead of 18 (-3.6): lateness costs 3.6 instead of 0"
    write_notebook(work / "ada" / "simclr.ipynb", "broken")
    (other,) = room.grade(at(TOO_LATE, work)).changes
    assert other.startswith(
        "ada: 0 points instead of 14.4 (-14.4): another submission; q1a value earned 0 instead of 13"
    )
    assert room.grade(work).changes == []


def test_a_title_changes_nobodys_points(room, tmp_path):
    work = hand_in(tmp_path / "class", ada="right", bob="wrong")
    room.grade(work)
    edit(room.bundle, 'title = "NT-Xent loss"', 'title = "Another title"')
    result = room.grade(work)
    assert (result.rescored, result.changes) == (2, [])


def test_members_of_a_group_have_its_points(room, tmp_path):
    """Moodle writes the group into the name; who handed in alone as well has the own points."""
    for name, kind in (("Group A_17", "right"), ("Bo Roe_18", "wrong"), ("Default group", "broken")):
        write_notebook(tmp_path / "class" / f"{name}_assignsubmission_file_" / "simclr.ipynb", kind)
    header = "Identifier,Full name,Email address,Status,Group,Grade,Maximum Grade,Feedback comments\n"
    people = (
        (17, "Ann Lee", "Group A"), (18, "Bo Roe", "Group A"), (19, "Cy Fox", "Group A"), (20, "Di Oz", "Default group"),
        (21, "Ed Ek", "Group B"),
    )  # fmt: skip
    rows = (f"Participant {number},{name},{name[:2]}@x,Yes,{group},,20,\n" for number, name, group in people)
    (tmp_path / "roster.csv").write_text(header + "".join(rows))
    result = room.grade(tmp_path / "class")
    write_summary(room.out, room.plans, room.settings(), result, read_roster(tmp_path / "roster.csv"), False)
    total = {row["name"]: row["total"] for row in table_of(room.out).values()}
    assert (total["Ann Lee"], total["Cy Fox"], total["Di Oz"], total["Ed Ek"]) == ("8", "8", "0", "")
    assert 0 < float(total["Bo Roe"]) < 8 and len(total) == 5
    with (room.out / "moodle.csv").open(newline="") as file:
        assert [row["Grade"] for row in csv.DictReader(file)] == list(total[name] for _, name, _ in people)


def test_another_assignment_does_not_overwrite_these_results(room, tmp_path):
    room.grade(hand_in(tmp_path / "class", ada="right") / "ada")
    assignment = room.settings().assignment
    refuse_other_assignment(room.out, assignment)
    with pytest.raises(KitError, match=r"holds results of simclr \(ada\); give another folder for ddpm with --out"):
        refuse_other_assignment(room.out, replace(assignment, name="ddpm"))


def test_a_renamed_checkpoint_is_measured_and_the_feedback_says_so(room, images, checkpoint, tmp_path):
    """As Canvas calls a second upload; of two, none is taken, and both are named."""
    work = hand_in(tmp_path / "class", ada="right", bob="right")
    (work / "ada" / "simclr_lin_best-1.pt").write_bytes(checkpoint.read_bytes())
    for number in (1, 2):
        (work / "bob" / f"simclr_lin_best-{number}.pt").write_bytes(b"%d" % number)
    room.data = images
    room.grade(work)
    report = read_record(room.out / "ada").report
    assert report.headlines["q6"].value > 0
    assert "simclr_lin_best-1.pt was taken for simclr_lin_best.pt." in report.remarks
    (said,) = read_record(room.out / "bob").report.findings["q6"].sentences.values()
    assert (
        "not in the submission. The submission has simclr_lin_best-1.pt, simclr_lin_best-2.pt; give the right" in said
    )


def test_a_class_that_comes_another_way_keeps_its_rows(room, tmp_path):
    """The results of the first way stay, and those of this run count."""
    (tmp_path / "roster.csv").write_text("id,name,email\nann,Ann Lee,a@x\nbo,Bo Roe,b@x\n")
    roster = read_roster(tmp_path / "roster.csv")
    room.grade(hand_in(tmp_path / "first", **{"Ann Lee": "wrong", "bo": "wrong"}))
    settings, result = room.settings(), room.grade(hand_in(tmp_path / "second", ann="right", eve="broken"))
    others = other_plans(room.out, room.plans, settings, result)
    carry_out(others, settings, lambda tasks: (), result)
    write_summary(room.out, [*room.plans, *others], settings, result, roster, False)
    rows = table_of(room.out)
    assert rows["ann"]["total"] == "8" and rows["eve"]["total"] == "0" and set(rows) == {"ann", "bo", "eve", "Ann Lee"}
    assert 0 < float(rows["bo"]["total"]) < 8 and rows["bo"]["needs a look"] == rows["ann"]["needs a look"] == ""
    assert (
        "A result of an earlier run for Ann Lee (ann), who has handed in as ann in this run"
        in rows["Ann Lee"]["needs a look"]
    )
