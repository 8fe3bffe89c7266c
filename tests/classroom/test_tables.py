"""Tables of grades: whole, in the columns that platforms know, harmless in a spreadsheet, never half written."""

import csv
import io
import shutil
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from autograder.classroom.model import Graded, Student
from autograder.classroom.roster import read_roster
from autograder.classroom.tables import NUMBER, feedback, guarded, points, write_exports, write_grades
from autograder.engine.report import Report, Verdict
from autograder.errors import KitError
from tests.classroom.made_up import HOSTILE, assignment, made_up_class, top1

FORMULAS = ("=1+1", "+1+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", " =1", "= 1", "\uff1d1+1", "a;=1+1", "a\n=1")
HARMLESS = ("", "Ann", "-", "3", "-3", "+4.5", "O'Neil", "Ann-Marie", "a@b.edu", "a + b", "q1 = 3", "–")


@pytest.fixture(scope="module")
def sheet():
    return assignment()


@pytest.fixture(scope="module")
def made_up():
    return made_up_class(30)


def rows(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig"), newline="")))


def with_points(student: Student, earned: float, bonus: float = 0, **about) -> Graded:
    """Somebody with these points of 50 in one question, and a bonus."""
    verdicts = [
        Verdict("q1a", "NT-Xent loss", "value", "value", earned, 50, "wrong <b>sign</b>", "visible"),
        Verdict("q1a", "NT-Xent loss", "secret", "secret", 0, 0, "not for students", "hidden"),
        Verdict("q6", "Accuracy", "bonus", "bonus", bonus, 0, "", "visible"),
    ]
    return Graded(student, Path(student.id), Report("simclr", "SimCLR", "x", verdicts, seconds=2.0), **about)


# --- grades.csv ---------------------------------------------------------------------------------------------------


def test_columns_of_questions_less_the_deduction_are_the_total(tmp_path, sheet, made_up):
    write_grades(tmp_path / "grades.csv", sheet, made_up)
    found = rows(tmp_path / "grades.csv")
    assert [row["id"] for row in found] == sorted(one.student.id for one in made_up)
    by_id = {one.student.id: one for one in made_up}
    assert any(one.deduction for one in made_up) and any(top1(one) is None for one in made_up)
    for row in found:
        one = by_id[row["id"]]
        questions = sum(float(row[f"q{k}"]) for k in ("1a", "1b", "1c", "2", "3", "4", "5", "6"))
        assert float(row["total"]) == pytest.approx(max(0, questions - float(row["deduction"])), abs=1e-3)
        assert float(row["total"]) == pytest.approx(one.score, abs=1e-3)
        assert row["possible"] == "50"
        assert row["top1"] == ("" if top1(one) is None else points(top1(one)))
        assert row["needs a look"] == " | ".join(one.attention)


def test_who_is_missing_has_a_row_without_points(tmp_path, sheet):
    graded = [with_points(Student("b", "Bo"), 40)]
    write_grades(tmp_path / "grades.csv", sheet, graded, [Student("a", "Ann", "ann@uni.edu")])
    missing, there = rows(tmp_path / "grades.csv")
    assert (missing["id"], missing["total"], missing["q1a"], missing["possible"]) == ("a", "", "", "50")
    assert (there["id"], there["total"]) == ("b", "40")


def test_two_submissions_of_one_student_both_stand_in_the_table(tmp_path, sheet):
    ann = Student("a", "Ann")
    early = replace(with_points(ann, 10), submitted=datetime(2026, 11, 1, tzinfo=UTC), folder=Path("ann"))
    late = replace(with_points(ann, 20), submitted=datetime(2026, 11, 2, tzinfo=UTC), folder=Path("ann-2"))
    write_grades(tmp_path / "grades.csv", sheet, [late, early])
    assert [row["total"] for row in rows(tmp_path / "grades.csv")] == ["10", "20"]
    exports = write_exports(tmp_path, sheet, [late, early])
    assert [row["Total Score"] for row in rows(tmp_path / "gradescope.csv")] == ["20"]
    assert len(exports.notes) == 1 and "ann-2" in exports.notes[0]


def test_an_empty_class_is_a_header(tmp_path, sheet):
    write_grades(tmp_path / "grades.csv", sheet, [])
    assert (tmp_path / "grades.csv").read_text(encoding="utf-8-sig").count("\n") == 1
    assert len(write_exports(tmp_path, sheet, []).paths) == 3


@pytest.mark.parametrize("text", FORMULAS)
def test_formulas_are_guarded(text):
    assert guarded(text) != text
    assert guarded(text).replace("'", "") == text
    assert guarded(guarded(text)) == guarded(text)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize(
    "text",
    [
        *FORMULAS, ';"=1+1;', "x;\"=cmd|' /C calc'!A0;y", '\t"=1+1"', '"=1+1"', 'x\n" "\t=1;', 'a;" \u00a0""@SUM(A1)',
        "a;" + " " * 30 + "=1+1", "x;=", "\t-3\t", '"\uff1d1+1', "-3", "=", "-", 'a"\r\n;;\t"" =1\r',
    ],
)  # fmt: skip
def test_no_cell_is_a_formula_whatever_separates_cells(tmp_path, sheet, text, delimiter):
    graded = [with_points(Student(text, text, text), 40), with_points(Student("b" + text, "B", "1+1"), 30)]
    missing = [Student("m" + text, text), Student(f"{text}2", text, text)]
    write_grades(tmp_path / "grades.csv", sheet, graded, missing)
    write_exports(tmp_path, sheet, graded, missing)
    for path in tmp_path.iterdir():
        content = io.StringIO(path.read_text(encoding="utf-8-sig"), newline="")
        cells = [cell for row in csv.reader(content, delimiter=delimiter) for cell in row]
        assert len(cells) >= 5
        read = [cell.lstrip('\t\r\n "\u00a0') for cell in cells]
        signed = [cell for cell in read if cell.startswith(tuple("=+-@\uff1d"))]
        assert [cell for cell in signed if cell != "-" and not NUMBER.fullmatch(cell)] == []


def test_a_long_run_of_separators_costs_no_time(sheet):
    started = time.process_time()
    for text in ("\t" * 200_000, ';"' * 200_000, "\n " * 200_000, ";=" + " " * 200_000):
        guarded(text)
    assert time.process_time() - started < 5


@pytest.mark.parametrize("text", HARMLESS)
def test_harmless_text_stays_as_it_is(text):
    assert guarded(text) == text


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_names_stay_one_harmless_cell(tmp_path, sheet, name):
    graded = [with_points(Student(name, name, name), 40), with_points(Student("b"), 30)]
    write_grades(tmp_path / "grades.csv", sheet, graded)
    write_exports(tmp_path, sheet, graded, [Student("m" + name, name, name)])
    assert {path.name for path in tmp_path.iterdir()} == {"canvas.csv", "gradescope.csv", "grades.csv", "moodle.csv"}
    for path in tmp_path.iterdir():
        found = rows(path)
        assert None not in {key for row in found for key in row}, "no row has more cells than the header"
        cells = [cell for row in found for cell in row.values()]
        assert all(not cell.lstrip().startswith(("=", "@")) and "\x1b" not in cell for cell in cells)
    assert {"40", "30"} <= {row["total"] for row in rows(tmp_path / "grades.csv")}


def test_a_full_disk_ends_in_a_sentence_and_the_old_file_is_whole(tmp_path, sheet):
    """/dev/full refuses every byte with "No space left on device"."""
    path = tmp_path / "grades.csv"
    write_grades(path, sheet, [with_points(Student("a"), 1)])
    before = path.read_bytes()
    (tmp_path / ".grades.csv.part").symlink_to("/dev/full")
    with pytest.raises(KitError, match="grades.csv could not be written: No space left on device.*kept"):
        write_grades(path, sheet, [with_points(Student("a"), 2)])
    assert path.read_bytes() == before


# --- what platforms take ------------------------------------------------------------------------------------------


@pytest.fixture
def roster_of(tmp_path):
    def read(text: str):
        folder = tmp_path / "exported"
        folder.mkdir(exist_ok=True)
        (folder / "roster.csv").write_text(text, encoding="utf-8")
        return read_roster(folder / "roster.csv")

    return read


def test_canvas_gets_its_own_columns_back(tmp_path, sheet, roster_of):
    title = f"{sheet.title} (4711)"
    roster = roster_of(
        f'Student,ID,SIS User ID,SIS Login ID,Section,Notes,"Other (1)","{title}",Final Score\n'
        "    Points Possible,,,,,,9,50.0,(read only)\n"
        '"Lee, Ann",101,u1,ann,"A, B",,3,,88\n"Roe, Bo",102,u2,bo,A,,4,EX,90\n'
    )
    ann, bo = roster.students
    exports = write_exports(tmp_path, sheet, [with_points(ann, 41.5, 5)], [bo], roster)
    assert exports.notes == ()
    text = (tmp_path / "canvas.csv").read_bytes()
    assert not text.startswith(b"\xef\xbb\xbf"), "Canvas compares the first header byte by byte"
    assert list(csv.reader(text.decode().splitlines())) == [
        ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", title],
        ["    Points Possible", "", "", "", "", "50"],
        ["Lee, Ann", "101", "u1", "ann", "A, B", "46.5"],
        ["Roe, Bo", "102", "u2", "bo", "A", "EX"],
    ]


def test_canvas_without_the_assignments_column_or_with_other_full_marks_is_told(tmp_path, sheet, roster_of):
    head = "Student,ID,SIS User ID,SIS Login ID,Section"
    roster = roster_of(f'{head}\n"Lee, Ann",101,u1,ann,A\n')
    graded = [with_points(roster.students[0], 40)]
    assert "Canvas will ask" in write_exports(tmp_path, sheet, graded, [], roster).notes[0]
    roster = roster_of(f'{head},simclr (3)\n  Points Possible,,,,,100\n"Lee, Ann",101,u1,ann,A,\n')
    exports = write_exports(tmp_path, sheet, graded, [], roster)
    assert "100 points in Canvas and 50 here" in exports.notes[0]
    assert rows(tmp_path / "canvas.csv")[0]["simclr (3)"] == "100", "an import must not change Canvas's full marks"


def test_who_is_not_on_the_roster_is_named(tmp_path, sheet, roster_of):
    roster = roster_of('Student,ID,SIS User ID,SIS Login ID,Section,simclr\n"Lee, Ann",101,u1,ann,A,\n')
    graded = [with_points(roster.students[0], 40), with_points(Student("x", "Xaver"), 30)]
    exports = write_exports(tmp_path, sheet, graded, [], roster)
    assert "leaves out Xaver, not on the roster" in " ".join(exports.notes)
    assert [row["Student"] for row in rows(tmp_path / "canvas.csv")][1:] == ["Lee, Ann"]
    assert "Xaver" in (tmp_path / "moodle.csv").read_text()


def test_canvas_without_its_roster_has_the_id_where_canvas_looks_for_it(tmp_path, sheet):
    write_exports(tmp_path, sheet, [with_points(Student("jdoe", "Jane Doe"), 40)])
    row = rows(tmp_path / "canvas.csv")[1]
    assert (row["ID"], row["SIS User ID"], row["SIS Login ID"], row[sheet.title]) == ("", "jdoe", "jdoe", "40")


def test_canvas_without_its_roster_finds_nobody_by_a_name_that_several_have(tmp_path, sheet):
    graded = [with_points(Student("1", "Vic Victim"), 40), with_points(Student("x", "vic  victim"), 0)]
    write_exports(tmp_path, sheet, [*graded, with_points(Student("2", "Ann"), 30)], [Student("3", "VIC VICTIM")])
    assert [row["Student"] for row in rows(tmp_path / "canvas.csv")][1:] == ["1", "Ann", "x", "3"]


WORKSHEET = (
    'Identifier,"Full name","Email address",Status,Grade,"Maximum Grade","Grade can be changed",'
    '"Last modified (submission)","Last modified (grade)","Feedback comments"\n'
    '"Participant 7","Ann Lee",ann@uni.edu,Submitted,,{most},Yes,"Monday, 2 November 2026, 9:00 AM",-,\n'
    '"Participant 8","Bo Roe",bo@uni.edu,"No submission",,{most},Yes,-,-,old\n'
)


def test_moodles_worksheet_comes_back_filled_in(tmp_path, sheet, roster_of):
    roster = roster_of(WORKSHEET.format(most="50.00"))
    ann, bo = roster.students
    exports = write_exports(tmp_path, sheet, [with_points(ann, 41.5)], [bo], roster)
    assert exports.notes == ()
    first, second = rows(tmp_path / "moodle.csv")
    assert tuple(first) == roster.columns
    assert (first["Identifier"], first["Grade"]) == ("Participant 7", "41.5")
    assert first["Last modified (grade)"] == "-", "Moodle compares it with the time of its own grade"
    assert "NT-Xent loss: 41.5 / 50" in first["Feedback comments"]
    assert (second["Grade"], second["Feedback comments"]) == ("", "old")


def test_more_than_moodles_maximum_is_written_as_the_maximum_and_said(tmp_path, sheet, roster_of):
    """Moodle ignores a grade above its maximum without a message."""
    roster = roster_of(WORKSHEET.format(most="50.00"))
    exports = write_exports(tmp_path, sheet, [with_points(roster.students[0], 48, 5)], [], roster)
    assert rows(tmp_path / "moodle.csv")[0]["Grade"] == "50"
    assert "one student has more points than Moodle's maximum" in exports.notes[0]


def test_another_maximum_in_moodle_is_said(tmp_path, sheet, roster_of):
    roster = roster_of(WORKSHEET.format(most="100.00"))
    exports = write_exports(tmp_path, sheet, [with_points(roster.students[0], 48)], [], roster)
    assert rows(tmp_path / "moodle.csv")[0]["Grade"] == "48"
    assert "maximum grade is 100, but full marks are 50" in exports.notes[0]


def test_moodles_gradebook_import(tmp_path, sheet, roster_of):
    roster = roster_of("First name,Last name,ID number,Email address\nAnn,Lee,7,ann@uni.edu\nBo,,,bo@uni.edu\n")
    write_exports(tmp_path, sheet, [with_points(roster.students[0], 40)], [roster.students[1]], roster)
    first, second = rows(tmp_path / "moodle.csv")
    assert (first["First name"], first["Last name"], first["ID number"], first["Grade"]) == ("Ann", "Lee", "7", "40")
    assert (second["ID number"], second["Email address"], second["Grade"]) == ("", "bo@uni.edu", "")


def test_feedback_is_escaped_and_keeps_what_is_hidden(sheet):
    text = feedback(with_points(Student("a"), 10, late="two days late"))
    assert "wrong &lt;b&gt;sign&lt;/b&gt;" in text and "<b>" not in text
    assert "not for students" not in text
    assert text.endswith("<br>two days late")


def test_gradescopes_columns(tmp_path, sheet, roster_of):
    roster = roster_of("First Name,Last Name,SID,Email,Role\nMary Ann,Lee,7,ann@uni.edu,Student\nBo,Roe,8,,Student\n")
    time = datetime(2026, 11, 1, 12, tzinfo=UTC)
    write_exports(tmp_path, sheet, [with_points(roster.students[0], 40, submitted=time)], [roster.students[1]], roster)
    first, second = rows(tmp_path / "gradescope.csv")
    assert (first["First Name"], first["Last Name"], first["SID"]) == ("Mary Ann", "Lee", "7")
    assert (first["Total Score"], first["Max Points"], first["Status"]) == ("40", "50", "Graded")
    assert first["q1a: NT-Xent loss (8 pts)"] == "40"
    assert first["Submission Time"] == "2026-11-01 12:00:00+00:00"
    assert (second["Total Score"], second["Status"]) == ("", "Missing")


def test_a_folder_that_is_not_there_is_made(tmp_path, sheet):
    write_exports(tmp_path / "new" / "folder", sheet, [with_points(Student("a"), 1)])
    assert (tmp_path / "new" / "folder" / "canvas.csv").is_file()
    shutil.rmtree(tmp_path / "new")
    (tmp_path / "new").write_text("a file")
    with pytest.raises(KitError, match="could not be written"):
        write_exports(tmp_path / "new", sheet, [])
