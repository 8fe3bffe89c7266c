"""A class of forty made-up submissions goes through the downloads and tables of every platform, cell by cell.

Each kind of notebook is graded once for real; all else (folders, zip files, rosters, records, tables) is real each time.
"""

import csv
import os
import zipfile
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest

from autograder.classroom import class_report
from autograder.classroom.intake import Notes
from autograder.classroom.pool import grade_task, staged
from autograder.classroom.roster import read_roster
from autograder.classroom.summary import write_summary
from autograder.engine.submission import collect
from autograder.errors import KitError
from tests.classroom.conftest import Room, edit, small_bundle, write_notebook

DUE = datetime(2026, 12, 1, 12, tzinfo=UTC)
IN_TIME, LATE = DUE - timedelta(hours=1), DUE + timedelta(hours=25)
HARD_NAMES = (
    ("Zoë", "Müller"), ("小明", "王"), ("민준", "김"), ("Иван", "Петров"), ("Ann Mary", "van der Berg"),
    ('Anna "Ann"', "O'Neil"),
    ("José María", "García López"), ("Søren", "Ångström"), ("Ann", "Lee"), ("Ann", "Lee"), ("Eve", "=SUM(A1)"),
    ("太郎", "山田"),
)  # fmt: skip
KINDS = ("right", "wrong", "blank", "broken", "late", "doubled", "checkpoint renamed", "right")
POINTS = {"right": 8, "blank": 0, "broken": 0, "late": 8, "doubled": 8, "checkpoint renamed": 8}


@dataclass(frozen=True)
class Person:
    """A student; ``kind`` None hands in nothing."""

    number: int
    first: str
    last: str
    kind: str | None

    @property
    def id(self) -> str:
        return f"{self.number:06}"

    @property
    def email(self) -> str:
        return f"s{self.number}@uni.example"

    @property
    def name(self) -> str:
        return f"{self.first} {self.last}"

    @property
    def reversed(self) -> str:
        return f"{self.last}, {self.first}"

    @property
    def run_together(self) -> str:
        return "".join(c for c in (self.last + self.first).casefold() if c.isalnum())


def person(place: int) -> Person:
    first, last = HARD_NAMES[place] if place < len(HARD_NAMES) else (f"First{place}", f"Last{place}")
    return Person(1001 + place, first, last, KINDS[place % len(KINDS)] if place < 40 else None)


PEOPLE = [person(place) for place in range(44)]
FORTY = PEOPLE[:40]


class Once:
    """Grades each notebook once, and gives the same report for the same bytes."""

    def __init__(self, room):
        self.room, self.reports = room, {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def run(self, tasks):
        settings, grader = self.room.settings(), self.room.grader
        grader.bundle, grader.data, grader.assignment, grader.key = (
            self.room.bundle,
            None,
            settings.assignment,
            settings.key,
        )
        grader.tests = tuple(settings.key.values())
        for task in tasks:
            with staged(task.files) as source:
                into = self.room.out.parent / "collected" / f"{len(list(self.room.out.parent.glob('collected/*')))}"
                try:
                    submission = collect(source, into, "simclr")
                    key = (submission.notebook.read_bytes(), bool(submission.find("simclr_lin_best.pt")))
                except KitError:
                    key = task.number
            if key not in self.reports:
                self.reports[key] = grade_task(grader, replace(task, questions=frozenset(settings.parts)))
            yield task.number, self.reports[key]


@pytest.fixture(scope="module")
def course(bundle, grader, tmp_path_factory):
    """Grades classes of a small assignment with a due date."""
    folder = tmp_path_factory.mktemp("forty")
    small = small_bundle(bundle, folder / "bundle")
    edit(small, "[limits]", f"[late]\ndue = {DUE.isoformat()}\nper_day = 0.25\nmost_days = 7\n\n[limits]")
    room = Room(small, folder / "grades", grader)
    settings = room.settings()
    room.settings = lambda: settings  # the answer key is read once
    patch = pytest.MonkeyPatch()
    patch.setattr(class_report, "histogram", lambda *_: "")
    once = Once(room)

    def grade(name, source, roster, assignments=()):
        """Grade a class and return its tables, by platform: the rows of each, header first."""
        room.out = folder / name
        room.out.mkdir()
        (folder / f"{name}.csv").write_text(roster, encoding="utf-8-sig")
        read = read_roster(folder / f"{name}.csv")
        notes = Notes()
        result = room.grade(source, workers=once, notes=notes)
        write_summary(room.out, room.plans, room.settings(), result, read, False, notes)
        assert result.failures == []
        tables = {
            kind: list(csv.reader((room.out / f"{kind}.csv").read_text(encoding="utf-8-sig").splitlines()))
            for kind in ("grades", "canvas", "moodle", "gradescope")
        }
        return tables | {"notes": notes, "page": (room.out / "class.html").read_text(encoding="utf-8")}

    yield grade
    patch.undo()


def write_files(folder, person, prefix=""):
    """The files of one student, with a prefix before each name."""
    kind = {"late": "right", "doubled": "right", "checkpoint renamed": "right"}.get(person.kind, person.kind)
    write_notebook(folder / f"{prefix}simclr.ipynb", kind)
    if person.kind == "doubled":
        write_notebook(folder / f"{prefix}first try.ipynb", "broken")
    if person.kind == "checkpoint renamed":
        (folder / f"{prefix}simclr_lin_best-1.pt").write_bytes(b"weights")
    (folder / f"{prefix}._simclr.ipynb").write_bytes(b"\0\5\x16\7") if not prefix else None


def points_of(tables):
    """Points of each student without lateness, from the table for people; those of "wrong" as they were measured."""
    header, *rows = tables["grades"]
    return {row[0]: dict(zip(header, row)) for row in rows}


def expected(person, timed, wrong):
    """The points of a student, as a person would write them."""
    if person.kind is None:
        return ""
    return wrong if person.kind == "wrong" else "4" if timed and person.kind == "late" else str(POINTS[person.kind])


def measured_wrong(tables, ids):
    """What the wrong notebook earns: some points, and the same for everyone who hands it in."""
    rows = points_of(tables)
    (wrong,) = {rows[id]["total"] for id in ids}
    assert 0 < float(wrong) < 8
    return wrong


def safe(text):
    """No cell is a formula."""
    return f"'{text}" if text.startswith("=") else text


def written(rows):
    """A table as text, with quotes around every cell."""
    return "".join(",".join('"' + str(cell).replace('"', '""') + '"' for cell in row) + "\n" for row in rows)


WRONG = [p for p in FORTY if p.kind == "wrong"]


def test_canvas(course, tmp_path):
    (download := tmp_path / "download").mkdir()
    serials = count(55501)  # Canvas numbers each file
    for p in FORTY:
        write_files(tmp_path / p.id, p)
        for path in sorted((tmp_path / p.id).glob("[!.]*")):
            late = "LATE_" * (p.kind == "late")
            path.rename(download / f"{p.run_together}_{late}{p.number}_{next(serials)}_{path.name}")
    head = ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "Simclr notes", "simclr (4711)", "Final Score"]
    rows = [[p.reversed, p.number, p.id, f"s{p.number}", "A, B", "", "3", ""] for p in PEOPLE]
    possible = ["    Points Possible", "", "", "", "", "", "16", "(read only)"]
    test = ["Student, Test", "9999", "", "abcdef", "A, B", "", "", ""]
    tables = course("canvas", download, written([head, possible, *rows, test]))
    wrong = measured_wrong(tables, [str(p.number) for p in WRONG])
    assert tables["canvas"][0] == [*head[:5], "simclr (4711)"]
    assert tables["canvas"][1] == ["    Points Possible", "", "", "", "", "16"]
    assert tables["canvas"][2:] == [
        [safe(p.reversed), str(p.number), p.id, f"s{p.number}", "A, B", expected(p, False, wrong) or "3"]
        for p in PEOPLE
    ]
    rows = points_of(tables)
    late = {id for id, row in rows.items() if "marked it as late" in row["needs a look"]}
    assert late == {str(p.number) for p in FORTY if p.kind == "late"}
    assert {id for id, row in rows.items() if row["total"] == ""} == {str(p.number) for p in PEOPLE[40:]}


MOODLE = {
    "en": ("Identifier", "Participant ", "Full name", "Email address", "Status", "Group", "Grade", "Maximum Grade",
           "Grade can be changed", "Last modified (submission)", "Last modified (grade)", "Feedback comments"),
    "de": ("ID", "Teilnehmer/in", "Vollständiger Name", "E-Mail-Adresse", "Status", "Gruppe", "Bewertung", "Bestwertung",
           "Bewertung kann geändert werden", "Zuletzt geändert (Abgabe)", "Zuletzt geändert (Bewertung)",
           "Feedback als Kommentar"),
    "ja": ("ID", "参加者", "フルネーム", "メールアドレス", "ステータス", "グループ", "評点", "最大評点", "評点を変更できる",
           "最終更新日時 (提出)", "最終更新日時 (評点)", "フィードバックコメント"),
    "fr": ("Identifiant", "Participant ", "Nom complet", "Adresse de courriel", "Statut", "Groupe", "Note", "Note maximale",
           "La note peut être modifiée", "Dernière modification (travail remis)", "Dernière modification (note)",
           "Feedback par commentaires"),
    "tr": ("Kimlik", "Katılımcı", "Tam Adı", "E-posta", "Durum", "Grup", "Not", "En Yüksek Not", "Not değiştirilebilir",
           "Son değiştirme (gönderim)", "Son değiştirme (not)", "Geri bildirim yorumları"),
}  # fmt: skip


def worksheet(language, group=lambda p: None, most="16.00"):
    """The header and rows of a grading worksheet of Moodle."""
    columns = MOODLE[language]
    header = [columns[0], *columns[2:]]
    rows = [
        [f"{columns[1]}{p.number}", p.name, p.email, "Submitted" if p.kind else "-", group(p) or "", "", most, "Yes",
         "Tuesday, 1 December 2026, 9:00 AM" if p.kind else "-", "-", ""]
        for p in PEOPLE
    ]  # fmt: skip
    if not group(PEOPLE[0]):
        header, rows = header[:4] + header[5:], [row[:4] + row[5:] for row in rows]
    return header, rows


def check_moodle(tables, header, rows, points, comma=False):
    """The worksheet comes back, with grades and feedback, and with nothing else changed."""
    grade, comments = len(header) - 6, len(header) - 1
    assert tables["moodle"][0] == header
    for p, row, got in zip(PEOPLE, rows, tables["moodle"][1:], strict=True):
        score = points(p).replace(".", ",") if comma else points(p)
        wanted = [*row[:grade], score, *row[grade + 1 : comments]]
        assert got[:comments] == [safe(cell) for cell in wanted], p
        assert bool(got[comments]) == bool(score)
        assert not score or f"q1a NT-Xent loss: {points(p)} / 8" in got[comments]


@pytest.mark.parametrize(
    ("language", "form"),
    [("en", "folders"), ("de", "files"), ("ja", "onlinetext"), ("fr", "wrapped"), ("tr", "folders")],
)
def test_moodle(course, tmp_path, language, form):
    place = tmp_path / "download" / ("DL-simclr-42" if form == "wrapped" else "")
    for p in FORTY:
        entry = f"{p.name}_{p.number}_assignsubmission_file"
        if form == "files":
            write_files(place, p, f"{entry}_")
        else:
            write_files(place / f"{entry}_", p)
        if form == "onlinetext":
            (place / f"{p.name}_{p.number}_assignsubmission_onlinetext").mkdir()
            (place / f"{p.name}_{p.number}_assignsubmission_onlinetext" / "onlinetext.html").write_text("<p>I did it.")
    comma = language in ("de", "fr", "tr")
    header, rows = worksheet(language, most="16,00" if comma else "16.00")
    tables = course(f"moodle-{language}", tmp_path / "download", written([header, *rows]))
    wrong = measured_wrong(tables, [p.email for p in WRONG])
    check_moodle(tables, header, rows, lambda p: expected(p, False, wrong), comma)
    assert {row[0] for row in tables["grades"][1:]} == {p.email for p in PEOPLE}


def group_of(p):
    """Twenty groups of two; the last two are in none. Those who hand in nothing are in none either."""
    place = PEOPLE.index(p)
    return f"Group {place // 2 + 1}" if place < 38 else "Default group"


@pytest.mark.parametrize(("language", "form"), [("en", "group"), ("de", "group"), ("ja", "group and name")])
def test_moodle_with_groups(course, tmp_path, language, form):
    place = tmp_path / "download"
    captain = {p: FORTY[PEOPLE.index(p) // 2 * 2] for p in FORTY} | {p: FORTY[38] for p in PEOPLE[38:]}
    for p in PEOPLE:
        if form == "group and name":
            write_files(place / f"{group_of(p)}-{p.name}_{p.number}_assignsubmission_file_", captain[p])
        elif p is captain[p]:
            number = "" if group_of(p) == "Default group" else f"_{PEOPLE.index(p) // 2 + 17}"
            write_files(place / f"{group_of(p)}{number}_assignsubmission_file_", p)
    header, rows = worksheet(language, group_of)
    tables = course(f"groups-{language}", place, written([header, *rows]))
    wrong = next(iter({points_of(tables)[p.email]["total"] for p in PEOPLE if captain[p].kind == "wrong"}), "")
    check_moodle(tables, header, rows, lambda p: expected(captain[p], False, wrong))
    assert {row[0] for row in tables["grades"][1:]} == {p.email for p in PEOPLE}


def test_gradescope(course, tmp_path):
    """Two students of a group share a submission; the second of each pair of Lees is in it."""
    place, lines = tmp_path / "assignment_77_export", ["---"]
    partner = {FORTY[8]: FORTY[9]}
    for p in FORTY:
        if p in partner.values():
            continue
        write_files(place / f"submission_{p.number}", p)
        lines += [f"submission_{p.number}:", "  :submitters:"]
        for one in filter(None, (p, partner.get(p))):
            name = one.name.replace("'", "''")
            lines += [f"  - :name: '{name}'", f"    :sid: '{one.id}'", f"    :email: {one.email}"]
        lines += [f"  :created_at: {(LATE if p.kind == 'late' else IN_TIME):%Y-%m-%d %H:%M:%S.0 Z}"]
    (place / "submission_metadata.yml").write_text("\n".join(lines), encoding="utf-8")
    head = ["First Name", "Last Name", "SID", "Email", "Role"]
    rows = [[p.first, p.last, p.id, p.email, "Student"] for p in PEOPLE]
    tables = course("gradescope", place, written([head, *rows, ["Grace", "Hopper", "", "g@uni.example", "Instructor"]]))
    wrong = measured_wrong(tables, [p.id for p in WRONG if p not in partner.values()])
    header, *rows = tables["gradescope"]
    assert header[:8] == [*head[:4], "Total Score", "Max Points", "Status", "Submission Time"]
    assert header[8] == "q1a: NT-Xent loss (8 pts)"
    rows = {row[2]: row for row in rows}
    assert set(rows) == {p.id for p in PEOPLE}
    for p in PEOPLE:
        score = expected(FORTY[8] if p in partner.values() else p, True, wrong)
        time = "" if p.kind is None else str(LATE if p.kind == "late" else IN_TIME)
        whole = "8" if p.kind == "late" else score  # a question has its points without the deduction
        assert rows[p.id][:9] == [
            p.first, safe(p.last), p.id, p.email, score, "20", "Graded" if p.kind else "Missing", time, whole,
        ]  # fmt: skip


def test_nbgrader(course, tmp_path):
    """Its times have a zone; one of them is only late where the zone is known."""
    for p in FORTY:
        write_files(tmp_path / "submitted" / f"s{p.number}" / "simclr", p)
        time = LATE if p.kind == "late" else DUE
        (tmp_path / "submitted" / f"s{p.number}" / "simclr" / "timestamp.txt").write_text(
            f"{time + timedelta(hours=1):%Y-%m-%d %H:%M:%S.%f} CET"
        )
    roster = written([["id", "name", "email"], *([f"s{p.number}", p.reversed, p.email] for p in PEOPLE)])
    tables = course("nbgrader", tmp_path, roster)
    wrong = measured_wrong(tables, [f"s{p.number}" for p in WRONG])
    rows = points_of(tables)
    assert {id: (row["name"], row["total"]) for id, row in rows.items()} == {
        f"s{p.number}": (safe(p.reversed), expected(p, True, wrong)) for p in PEOPLE
    }
    assert rows["s1005"]["submitted"] == "2026-12-02 13:00:00+00:00" and rows["s1005"]["deduction"] == "4"
    assert {id for id, row in rows.items() if row["needs a look"]} == {f"s{p.number}" for p in PEOPLE[40:]}


def test_folders_zips_and_notebooks(course, tmp_path):
    """An own table with "Last, First"; ids lost their zeros in a spreadsheet; times are those of files."""
    place = tmp_path / "class"
    for number, p in enumerate(FORTY):
        own = (p.id, str(p.number), p.email.upper(), p.reversed)[number % 4]
        if p.name == "Ann Lee":
            own = p.id
        write_files(place / own, p)
        for path in (place / own).iterdir():
            os.utime(path, ((LATE if p.kind == "late" else IN_TIME).timestamp(),) * 2)
        if number % 3 == 0:
            with zipfile.ZipFile(place / f"{own}.zip", "w") as archive:
                for path in (place / own).iterdir():
                    archive.write(path, f"{own}/{path.name}")
                    archive.writestr(f"__MACOSX/{own}/._{path.name}", b"\0\5\x16\7")
                    path.unlink()
            os.utime(place / f"{own}.zip", ((LATE if p.kind == "late" else IN_TIME).timestamp(),) * 2)
            (place / own).rmdir()
    (place / f"{PEOPLE[40].id}.rar").write_bytes(b"Rar!")
    os.utime(write_notebook(place / f"{FORTY[0].id}.ipynb", "broken"), (IN_TIME.timestamp() - 9,) * 2)
    roster = written([["Student ID", "Name", "Email", ""], *([p.id, p.reversed, p.email, "", ""] for p in PEOPLE)])
    tables = course("plain", place, roster)
    wrong = measured_wrong(tables, [p.id for p in WRONG])
    assert {id: (row["name"], row["total"]) for id, row in points_of(tables).items()} == {
        p.id: (safe(p.reversed), expected(p, True, wrong)) for p in PEOPLE
    }
    look = {id: row["needs a look"] for id, row in points_of(tables).items()}
    passed = f"{PEOPLE[40].id}.rar was passed over"
    assert passed in look[PEOPLE[40].id] and passed in tables["page"] and passed in "\n".join(tables["notes"])
    assert look[PEOPLE[41].id] == "nothing was handed in"
    assert all("which copying changes" in look[p.id] for p in FORTY if p.kind == "late")
    assert f"{FORTY[0].id}.ipynb is an older one and was not graded" in look[FORTY[0].id]
    header, *rows = tables["moodle"]
    assert header == [
        "First name",
        "Last name",
        "ID number",
        "Email address",
        "Grade",
        "Maximum Grade",
        "Feedback comments",
    ]
    assert [row[:6] for row in rows] == [
        [p.first, safe(p.last), p.id, p.email, expected(p, True, wrong), "20"] for p in PEOPLE
    ]
