"""Rosters as Canvas, Moodle and Gradescope export them, a plain one, and what is wrong with a roster."""

import os
import time

import pytest

from autograder.classroom.model import Student
from autograder.classroom.roster import read_roster, split_name
from autograder.errors import KitError

CANVAS = '''\
Student,ID,SIS User ID,SIS Login ID,Section,Homework 1 (881),Final Score
,,,,,Manual Posting,
    Points Possible,,,,,50.00,(read only)
"Müller, Jörg",101,s-101,jm@uni.edu,Lab 1,,
"O'Neil, Anna ""Ann""",102,s-102,ao@uni.edu,Lab 1,12,
"van der Berg, Ann Mary",103,s-103,ab@uni.edu,"Lab 1 and Lab 2",,
"Student, Test",104,,3f786850e387550fdab836ed7e6dc881de23001b,Lab 1,,
'''
WORKSHEET = """\
Identifier,"Full name","Email address",Status,Grade,"Maximum Grade","Grade can be changed",\
"Last modified (submission)","Last modified (grade)","Feedback comments"
"Participant 7001","王 小明",wang@uni.edu,"Submitted for grading",,50.00,Yes,"Monday, 2 November 2026, 9:00 AM",-,
"Participant 7002","Zoë ../../x",zoe@uni.edu,"No submission",,50.00,Yes,-,-,
"""
PARTICIPANTS = """\
First name;Surname;ID number;Email address
Иван;Петров;77;ivan@uni.edu
Мария;Петрова;;maria@uni.edu
"""
GRADESCOPE = """\
First Name,Last Name,SID,Email,Role
Jane,Doe,999,jane@uni.edu,Student
John,Doe,,john@uni.edu,Student
Grace,Hopper,,grace@uni.edu,Instructor
"""
PLAIN = "id,name,email\na1,Ann Lee,ann@uni.edu\nb2,Bob Lee,\n"


@pytest.fixture
def read(tmp_path):
    """Reads a roster from its text or bytes."""

    def from_content(content: str | bytes):
        path = tmp_path / "roster.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_roster(path)

    return from_content


def test_canvas(read):
    roster = read(CANVAS)
    assert roster.kind == "canvas"
    assert [s.id for s in roster.students] == ["101", "102", "103"]
    assert roster.students[0] == Student("101", "Jörg Müller")
    assert roster.students[1].name == 'Anna "Ann" O\'Neil'
    assert roster.columns[5] == "Homework 1 (881)"
    assert roster.points_possible[5] == "50.00"
    assert roster.rows[2][0] == "van der Berg, Ann Mary"
    assert roster.cell(roster.students[1], "Homework 1 (881)") == "12"


def test_moodle_grading_worksheet(read):
    roster = read(WORKSHEET)
    assert roster.kind == "moodle"
    assert roster.students[0] == Student("wang@uni.edu", "王 小明", "wang@uni.edu")
    assert roster.students[1].name == "Zoë ../../x"


def test_moodle_participants_with_semicolons(read):
    roster = read(PARTICIPANTS)
    assert roster.kind == "moodle"
    assert roster.students[0] == Student("77", "Иван Петров", "ivan@uni.edu")
    assert roster.students[1].id == "maria@uni.edu", "no ID number: the e-mail address stands for it"


def test_gradescope_without_its_staff(read):
    roster = read(GRADESCOPE)
    assert roster.kind == "gradescope"
    assert roster.students == (
        Student("999", "Jane Doe", "jane@uni.edu"),
        Student("john@uni.edu", "John Doe", "john@uni.edu"),
    )


def test_plain(read):
    roster = read(PLAIN)
    assert roster.kind == "plain"
    assert roster.students == (Student("a1", "Ann Lee", "ann@uni.edu"), Student("b2", "Bob Lee", ""))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_encodings_and_delimiters(read, encoding, delimiter):
    text = f"id{delimiter}name{delimiter}email\r\n1{delimiter}Ωmega{delimiter}o@uni.edu\r\n"
    assert read(text.encode(encoding)).students == (Student("1", "Ωmega", "o@uni.edu"),)


def test_excels_hint_and_a_name_over_two_lines(read):
    roster = read('sep=;\nid;name;email\n1;"Ann\nLee; Dr.";a@uni.edu\n2;Bob;\n')
    assert [s.name for s in roster.students] == ["Ann Lee; Dr.", "Bob"]


@pytest.mark.parametrize(
    "handed_in, expected",
    [
        (Student("101"), "101"),
        (Student("whatever", "Somebody Else", "AB@uni.edu"), "103"),
        (Student("s-102"), "102"),
        (Student("ao"), "102"),
        (Student("vanderbergannmary"), "103"),
        (Student("?", "Ann Mary van der Berg"), "103"),
        (Student("mullerjorg"), "101"),
        (Student("jörg_müller"), "101"),
        (Student("?", "Müller, Jörg"), "101"),
        (Student("999", "Nobody"), None),
        (Student("101", "", "ab@uni.edu"), None),
        (Student(""), None),
        (Student("///", "..", ""), None),
    ],
)
def test_find(read, handed_in, expected):
    found = read(CANVAS).find(handed_in)
    assert (found and found.id) == expected


def test_find_knows_moodles_number_of_a_participant(read):
    assert read(WORKSHEET).find(Student("7001", "王 小明")).email == "wang@uni.edu"


def test_a_name_of_very_many_words_takes_no_time_and_no_memory(read):
    roster, started = read(PLAIN), time.process_time()
    assert roster.find(Student("s", " ".join(map(str, range(50_000))))) is None
    assert time.process_time() - started < 1
    assert roster.find(Student("s", "Lee, Ann")).id == "a1"


def test_two_students_of_one_name_are_told_apart_by_id_alone(read):
    roster = read("id,name,email\n1,Ann Lee,a@x.edu\n2,Lee Ann,b@x.edu\n")
    assert roster.find(Student("?", "Ann Lee")) is None
    assert roster.find(Student("2", "Ann Lee")).id == "2"


def test_names_that_differ_in_vowel_signs_are_different(read):
    roster = read("id,name,email\n1,राम,\n2,रमा,\n")
    assert roster.find(Student("?", "राम")).id == "1"


# --- one student of the roster is one person ----------------------------------------------------------------------

CLASS = "id,name,email\n0042,Vic Victim,vic@x.edu\n0043,Ann Lee,ann@x.edu\n"
VIC, NAMESAKE = Student("0042", "Vic Victim"), Student("666", "Vic Victim", "eve@evil.edu")


@pytest.mark.parametrize(
    ("people", "expected"),
    [
        ([VIC, NAMESAKE], ["0042", "666"]),
        ([NAMESAKE, VIC], ["666", "0042"]),
        ([Student("0042"), Student("Victim, Vic")], ["0042", "Victim, Vic"]),
        ([Student("501", "Vic Victim"), Student("502", "Victim Vic")], ["501", "502"]),
        ([Student("vic@x.edu"), NAMESAKE, Student("Vic_Victim")], ["0042", "666", "Vic_Victim"]),
        ([Student("?", "", "vic@x.edu"), NAMESAKE], ["0042", "666"]),
        ([Student("0042 (submission_1)", "Vic", "vic@x.edu"), Student("0042 (submission_2)", "Vic Victim", "e@e.edu")],
         ["0042", "0042 (submission_2)"]),
        ([Student("vic@x.edu", "Vic", "vic@x.edu"), Student("0042", "Eve", "e@e.edu")], ["vic@x.edu", "0042-2"]),
        ([Student("0042", "Eve", "ann@x.edu"), Student("vic@x.edu", "Vic", "vic@x.edu")], ["0042-2", "0042"]),
        ([Student("0042", "Eve", "ann@x.edu"), Student("Vic Victim"), Student("0042-2")],
         ["0042-3", "0042", "0042-2"]),
    ],
)  # fmt: skip
def test_a_student_of_the_roster_is_one_person(read, people, expected):
    assigned, remarks = read(CLASS).assign(people)
    assert [assigned[student.id].id for student in people] == expected
    concerned = {student.id for student in people} - {"0042-2"}
    if people[0].email == "ann@x.edu":
        concerned = {"0042"}
        assert "belong to different students" in remarks["0042"]
    else:
        assert all("match Vic Victim (0042) on the roster" in remark for remark in remarks.values())
        assert all(student.id in remark for student in people for remark in remarks.values())
        won = "0042" in expected
        assert all(("none of them has that row" in remark) != won for remark in remarks.values())
    assert set(remarks) == concerned


def test_who_is_alone_with_a_name_and_who_comes_twice_is_not_remarked_on(read):
    people = [Student("victim_vic"), Student("0043"), Student("0043"), Student("7", "Bo")]
    assigned, remarks = read(CLASS).assign(people)
    assert [assigned[student.id].id for student in people] == ["0042", "0043", "0043", "7"] and not remarks


@pytest.mark.parametrize(
    "content, words",
    [
        ("", ["is empty", "Canvas"]),
        ("\n\n", ["is empty"]),
        ("color,size\nred,1\n", ["line 1", "id, name and email"]),
        ("id,name,email\n1,A,\n2,B,\n1,C,\n", ["line 4", "'1' is already in line 2"]),
        ("id,name,email\n1,A,\n,B,\n", ["line 3", "'B' has no id"]),
        ("id,name,email\n1,Lee, Ann,a@x.edu\n", ["line 2", "4 cells", "quotes"]),
        ('id,name,email\n1,"A" B,\n', ["line 2", "not a CSV row"]),
        ('id,name,email\n1,"A,\n', ["line 2", "not a CSV row"]),
        ("id,name\n1,Jörg\n".encode("latin-1"), ["line 2", "CSV UTF-8"]),
        ("x" * 300_000, ["not a CSV row"]),
        (b"PK\x03\x04\x00\xff\xfe", ["CSV UTF-8"]),
        ("First Name,Last Name,SID,Email\nA,B,,\n", ["line 2", "no SID and no Email"]),
    ],
)
def test_what_is_wrong_is_said_with_file_and_line(read, content, words):
    with pytest.raises(KitError) as caught:
        read(content)
    for word in [*words, "roster.csv"]:
        assert word in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_roster_that_is_not_there_or_is_a_folder(tmp_path):
    with pytest.raises(KitError, match="No such file"):
        read_roster(tmp_path / "none.csv")
    with pytest.raises(KitError, match="directory"):
        read_roster(tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_an_unreadable_roster(tmp_path):
    path = tmp_path / "roster.csv"
    path.write_text(PLAIN)
    path.chmod(0)
    with pytest.raises(KitError, match="Permission denied"):
        read_roster(path)


def test_control_characters_stay_in_the_table_and_out_of_names(read):
    roster = read("id,name,email\n1,An\x1b[31mn\u202e,\n")
    assert "\x1b" not in roster.students[0].name and "\u202e" not in roster.students[0].name
    assert roster.rows[0][1] == "An\x1b[31mn\u202e"


# --- other languages, other columns -------------------------------------------------------------------------------

GERMAN = """\
ID,"Vollständiger Name",E-Mail-Adresse,Status,Bewertung,Bestwertung,"Bewertung kann geändert werden",\
"Zuletzt geändert (Abgabe)","Zuletzt geändert (Bewertung)","Feedback als Kommentar"
Teilnehmer/in7001,"Jörg Müller",joerg@uni.example,"Zur Bewertung abgegeben",,"50,00",Ja,"Montag, 2. November 2026, 09:00",-,
Teilnehmer/in7002,"Ида Ли",ida@uni.example,"Keine Abgabe","41,5","50,00",Ja,-,"Montag, 2. November 2026, 09:00",gut
"""
# No e-mail address, a scale of Moodle's own words for everything, and no comments.
UNKNOWN = """\
Tunnus,Koko nimi,Tila,Arvosana,Enimmäisarvosana,Arvosanaa voi muuttaa,\
Viimeksi muokattu (palautus),Viimeksi muokattu (arvosana)
Osallistuja 7001,Aino Virtanen,Palautettu,,50.00,Kyllä,"maanantai, 2. marraskuuta 2026, 9.00",-
Osallistuja 7002,Väinö Mäki,Ei palautusta,-,50.00,Kyllä,-,-
"""


def test_a_worksheet_in_german(read):
    roster = read("\ufeff" + GERMAN)
    assert roster.kind == "moodle"
    assert roster.keys[0] == "identifier" and roster.keys[4:6] == ("grade", "maximum grade")
    assert roster.keys[-1] == "feedback comments" and roster.columns[0] == "ID"
    assert roster.students[0] == Student("joerg@uni.example", "Jörg Müller", "joerg@uni.example")
    assert roster.find(Student("7002", "?")).name == "Ида Ли"
    assert roster.cell(roster.students[1], "Grade", "Maximum Grade") == "41,5"


def test_a_worksheet_in_an_unknown_language_is_told_by_its_cells(read):
    roster = read(UNKNOWN)
    assert roster.kind == "moodle" and "feedback comments" not in roster.keys
    assert roster.students[0] == Student("Osallistuja 7001", "Aino Virtanen")
    assert roster.find(Student("7001", "Aino Virtanen")) == roster.students[0]
    assert [roster.cell(student, "maximum grade") for student in roster.students] == ["50.00", "50.00"]


def test_a_worksheet_of_students_without_names(read):
    """Blind marking: no name and no address."""
    rows = "".join(f"参加者{number},提出済み,,16.00,はい,-,-,\n" for number in (1, 2, 3))
    roster = read(
        "ID,ステータス,評点,最大評点,評点を変更できる,最終更新日時 (提出),最終更新日時 (評点),フィードバック\n" + rows
    )
    assert roster.students[1] == Student("参加者2") and roster.find(Student("2", "Participant")) == roster.students[1]


@pytest.mark.parametrize(
    ("header", "row", "kind", "student"),
    [
        ("Vorname;Nachname;Matrikelnummer;E-Mail-Adresse", "Zoë;Groß;0042;z@x", "moodle", ("0042", "Zoë Groß", "z@x")),
        (
            "Prénom,Nom,Numéro d’identification,Adresse de courriel",
            "Zoé,Petit,42,z@x",
            "moodle",
            ("42", "Zoé Petit", "z@x"),
        ),
        ("Nombre,Apellido(s),Dirección de correo", "José,Gil,j@x", "moodle", ("j@x", "José Gil", "j@x")),
        ("姓,名,メールアドレス", "山田,太郎,t@x", "moodle", ("t@x", "太郎 山田", "t@x")),
        ("Student ID,Name,Email", "0042,Ann Lee,a@x", "plain", ("0042", "Ann Lee", "a@x")),
        ("Student ID,First Name,Last Name,Email", "0042,Ann,Lee,a@x", "plain", ("0042", "Ann Lee", "a@x")),
        ("name,email,student number", "Ann,a@x,42", "plain", ("42", "Ann", "a@x")),
        ("id,name,email address", "7,Ann,a@x", "plain", ("7", "Ann", "a@x")),
        ("ID,Full name,Email address,Group", "7,Ann,a@x,B", "plain", ("7", "Ann", "a@x")),
        ("username,name,email", "ann,Ann Lee,a@x", "plain", ("ann", "Ann Lee", "a@x")),
        ("id,name,email,,", "7,Ann,a@x,,,,", "plain", ("7", "Ann", "a@x")),
        ("id,name,email", "7,Ann,a@x,,  ,", "plain", ("7", "Ann", "a@x")),
        ("id,name,email", "7", "plain", ("7", "", "")),
        ("id,name,grade,max,pass,day", "s001,Ann,,50,yes,-", "plain", ("s001", "Ann", "")),
        ("First Name,Last Name,SID,Email,Role", "Ann,Lee,,a@x,Student", "gradescope", ("a@x", "Ann Lee", "a@x")),
    ],
)
def test_columns_are_what_a_person_means(read, header, row, kind, student):
    roster = read(f"{header}\n{row}\n")
    assert (roster.kind, roster.students) == (kind, (Student(*student),))
    assert "is read as" in roster.described and "\n" not in roster.described


def test_a_roster_that_is_none_names_its_columns(read):
    with pytest.raises(KitError, match="do not identify a student: Farbe, Größe; expected"):
        read("Farbe,Größe\nrot,1\n")


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        (["alice", "ALICE"], {"alice": "alice", "ALICE": "ALICE"}),
        (["ALICE"], {"ALICE": "alice"}),
        (["Alice", "ALICE"], {"Alice": "Alice", "ALICE": "ALICE"}),
        (["42"], {"42": "0042"}),
        (["42", "0042"], {"42": "42", "0042": "0042"}),
        (["7"], {"7": "7"}),
        (["0", "00"], {"0": "0", "00": "00"}),
    ],
)
def test_case_and_leading_zeros(read, ids, expected):
    """A spreadsheet drops the zeros, and who hands in under both ways of writing is named."""
    roster = read("id,name\nalice,Alice\n0042,Vic\n07,Ann\n007,Bo\n")
    assigned, remarks = roster.assign([Student(id) for id in ids])
    assert {id: student.id for id, student in assigned.items()} == expected
    assert set(remarks) == (set(ids) if len(ids) > 1 and ids[0] != "0" else set())


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [
        ("Müller, Zoë", "Zoë", "Müller"),
        ("van der Berg, Ann Mary", "Ann Mary", "van der Berg"),
        ("King, Martin Luther, Jr.", "Martin Luther, Jr.", "King"),
        ("Ann Lee, PhD", "Ann", "Lee, PhD"),
        ("Zoë Müller", "Zoë", "Müller"),
        ("王 小明", "小明", "王"),
        ("李雷", "李雷", ""),
        ("김 민준", "민준", "김"),
        ("Cher", "Cher", ""),
        ("Müller,", "Müller,", ""),
    ],
)
def test_names_are_split_as_people_write_them(name, first, last):
    assert split_name(name) == (first, last)


def test_groups_of_moodle(read):
    """A group has the number of nobody; its members have its points."""
    header = "Identifier,Full name,Email address,Status,Group,Grade,Maximum Grade"
    roster = read(header + "".join(
        f'\nParticipant {number},{name},{name[:2]}@x,Yes,"{group}",,50'
        for number, name, group in (
            (17, "Ann Lee", "Group A"), (18, "Bo Roe", "Group A"), (19, "Cy Fox", "Team_1, Team 2"), (20, "Di Oz", "")
        )
    ))  # fmt: skip
    group, own = Student("17", "Group A"), Student("20", "Di Oz")
    assert [student.name for student in roster.group(group)] == ["Ann Lee", "Bo Roe"]
    assert [student.name for student in roster.group(Student("3", "team 1"))] == ["Cy Fox"]
    assigned, remarks = roster.assign([group, own])
    assert assigned["20"].id == "Di@x" and assigned["17"].id not in [student.id for student in roster.students]
    assert not remarks and roster.group(own) == roster.group(Student("x")) == ()
    assert roster.find(Student("?", "Group B-Cy Fox")).name == "Cy Fox"


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("Teilnehmer/in", "moodle"),
        ("Participant ", "moodle"),
        ("参加者", "moodle"),
        ("student", "plain"),
        ("s", "plain"),
    ],
)
def test_a_worksheet_that_is_graded_by_words(read, word, kind):
    """The ids of a table of somebody's own begin with a short word."""
    header = "ID,Vollständiger Name,E-Mail-Adresse,Status,Bewertung,Skala,Bewertung kann geändert werden"
    roster = read(f"{header}\n{word}7001,Zoë,z@x,-,-,gut,Ja\n{word}7002,Ida,i@x,-,-,gut,Ja\n")
    assert (roster.kind, roster.students[0].id) == (kind, "z@x" if kind == "moodle" else f"{word}7001")
    assert roster.find(Student("i@x")).name == "Ida"
