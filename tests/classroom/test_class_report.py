"""The class report: whole, offline, harmless whatever students call themselves, and right in its counts."""

import base64
import re
import stat
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest

from autograder.classroom.class_report import (
    SECRET,
    bin_width,
    histogram,
    leaderboards,
    mistakes,
    pseudonym,
    pseudonym_secret,
    render,
    report_link,
    successes,
    write_class_report,
)
from autograder.classroom.model import Student
from autograder.classroom.similarity import Pair
from autograder.errors import KitError
from tests.classroom.made_up import HOSTILE, assignment, made_up_class, top1

VOID = {"meta", "img", "br", "link", "input"}


class Page(HTMLParser):
    """Tags, attributes and text of a page; refuses tags that do not close in order."""

    def __init__(self, text: str):
        super().__init__()
        self.tags, self.attributes, self.texts, self.open = [], [], [], []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())


@pytest.fixture(scope="module")
def sheet():
    return assignment()


@pytest.fixture(scope="module")
def made_up():
    return made_up_class(120)


def test_the_page_is_whole_and_needs_nothing_from_elsewhere(sheet, made_up):
    missing, pairs = [Student("m", "Missing Person")], [Pair(made_up[0].student, made_up[1].student, 0.93)]
    text = render(sheet, made_up, missing, [(made_up[2].student, made_up[3].student)], pairs, b"secret")
    page = Page(text)
    assert "script" not in page.tags
    assert ("http-equiv", "Content-Security-Policy") in page.attributes
    addresses = [value for name, value in page.attributes if name in ("src", "href")]
    assert all(address.startswith(("#", "./", "data:image/svg+xml;base64,")) for address in addresses)
    ids = {value for name, value in page.attributes if name == "id"}
    assert {a[1:] for a in addresses if a[0] == "#"} <= ids
    for heading in ("Scores", "Success per question and test case", "Most frequent misconceptions",
                    "Leaderboard", "Similar code", "Late", "Missing", "Time per submission"):  # fmt: skip
        assert heading in page.text
    assert "A place to look, not a verdict." in page.text
    assert "93" in page.text and "Missing Person" in page.text


def test_no_leaderboard_unless_asked(sheet, made_up):
    assert "leaderboard" not in render(sheet, made_up)


def page_of(text: str, folder: Path, sheet, one) -> Page:
    """A class report with a text in every place that a student controls."""
    student = Student(text, text, text)
    verdicts = [replace(v, message=text, misconception="one") for v in one.report.verdicts]
    one = replace(
        one, student=student, folder=folder / "x", attention=(text,), late=text, code=text,
        report=replace(one.report, verdicts=verdicts, submission=text),
    )  # fmt: skip
    other = Student("m" + text, text, text)
    path = folder / "class.html"
    write_class_report(path, sheet, [one], [other], [(student, other)], [Pair(student, other, 0.9)], b"secret")
    return Page(path.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def plain(tmp_path_factory, sheet, made_up):
    return page_of("plain", tmp_path_factory.mktemp("plain"), sheet, made_up[0])


@pytest.mark.parametrize("hostile", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_is_harmless(sheet, made_up, plain, tmp_path, hostile):
    """Tags and attributes are those of the same page with plain text."""
    page = page_of(hostile, tmp_path, sheet, made_up[0])
    assert page.tags == plain.tags
    assert [name for name, _ in page.attributes] == [name for name, _ in plain.attributes]
    assert not re.search("[\x00-\x08\x1b\u202e\ud800-\udfff]", "".join(page.texts))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["class.html"]


@pytest.mark.parametrize("folder", ["javascript:alert(1)", "a b", 'x"onclick=', "ü", "100%", "?a#b", "\udcff"])
def test_links_lead_to_the_report_whatever_the_folder_is_called(tmp_path, folder):
    link = report_link(tmp_path / folder, tmp_path)
    assert re.fullmatch(r"\./[\w./%~-]+", link, re.ASCII)
    assert unquote(link, errors="surrogateescape") == f"./{folder}/report.html"


def test_success_is_counted_for_questions_and_cases(sheet, made_up):
    found = successes(sheet, made_up)
    assert [row.id for row in found] == ["q1a", "q1b", "q1c", "q2", "q3", "q4", "q5", "q6"]
    value = found[0].cases[0]
    earned = [v.points for one in made_up for v in one.report.verdicts if (v.question, v.test) == ("q1a", "value")]
    assert (value.full, value.none, value.total) == (earned.count(3), earned.count(0), len(made_up))
    whole = [sum(v.points for v in one.report.verdicts if v.question == "q1a") for one in made_up]
    assert found[0].full == whole.count(8)
    assert found[0].none == whole.count(0)
    assert found[0].part == len(whole) - whole.count(8) - whole.count(0)
    assert found[0].mean == pytest.approx(sum(whole) / len(whole))
    bonus = next(case for case in found[-1].cases if case.id == "bonus")
    assert bonus.full == sum((top1(one) or 0) > 0.85 for one in made_up) > 0
    assert bonus.bonus and not bonus.part


def test_a_misconception_counts_each_student_once(sheet, made_up):
    found = mistakes(made_up)
    counts = [len(mistake.who) for mistake in found]
    assert counts == sorted(counts, reverse=True) and counts[0] > 1
    first = found[0]
    having = {
        one.student.id
        for one in made_up
        for v in one.report.verdicts
        if v.question == first.question and v.misconception and v.message == first.hint
    }
    assert {one.student.id for one in first.who} == having
    assert first.hint in Page(render(sheet, made_up)).text


def test_an_empty_class_has_a_page(sheet, tmp_path):
    write_class_report(tmp_path / "class.html", sheet, [], [Student("a", "Ann Lee")], secret=b"secret")
    page = Page((tmp_path / "class.html").read_text())
    assert "No submission has been graded yet" in page.text and "Ann Lee" in page.text


def test_one_student_without_a_point(sheet, made_up):
    nothing = [replace(v, points=0) for v in made_up[0].report.verdicts]
    one = replace(
        made_up[0], report=replace(made_up[0].report, verdicts=nothing, findings={}, headlines={}, seconds=0.0)
    )
    assert "from 0 to 0 of 50 points" in Page(render(sheet, [one])).text


def test_long_lists_are_folded_and_lose_nobody(sheet, made_up):
    missing = [Student(f"m{k}", f"Missing {k}") for k in range(300)]
    page = Page(render(sheet, made_up, missing))
    assert "290 more missing students" in page.text
    assert all(f"Missing {k} " in page.text for k in range(300))


def test_reports_are_found_from_the_page(sheet, made_up, tmp_path):
    graded = [replace(one, folder=tmp_path / one.student.id) for one in made_up]
    write_class_report(tmp_path / "class.html", sheet, graded)
    page = Page((tmp_path / "class.html").read_text())
    links = {value for name, value in page.attributes if name == "href" and value.startswith("./")}
    assert links == {f"./{one.student.id}/report.html" for one in graded}


# --- pseudonyms ---------------------------------------------------------------------------------------------------


def test_pseudonyms_need_the_secret_and_stay_the_same(tmp_path, made_up):
    secret = pseudonym_secret(tmp_path)
    assert pseudonym_secret(tmp_path) == secret and len(secret) == 32
    assert stat.S_IMODE((tmp_path / SECRET).stat().st_mode) == 0o600
    ann = Student("ann", "Ann")
    assert pseudonym(secret, ann) == pseudonym(secret, replace(ann, name="Another"))
    assert pseudonym(secret, ann) != pseudonym(pseudonym_secret(tmp_path / "other"), ann)
    names = {pseudonym(secret, one.student) for one in made_up}
    assert len(names) == len(made_up)


def test_the_leaderboard_shows_accuracies_and_no_names(sheet, made_up):
    boards = leaderboards(made_up, b"secret")
    table = boards["Top-1 accuracy"]
    assert list(boards) == ["Top-1 accuracy"] and len(table) == sum(top1(one) is not None for one in made_up)
    assert [row.value for row in table] == sorted((row.value for row in table), reverse=True)
    assert table[0].text == f"{100 * table[0].value:.2f} %"
    assert all(one.place <= other.place for one, other in zip(table, table[1:]))
    (equal,) = leaderboards([made_up[0], replace(made_up[0], student=Student("twin"))], b"secret").values()
    assert [row.place for row in equal] == [1, 1]
    text = render(sheet, made_up, secret=b"secret")
    board = text[text.index('id="leaderboard"') : text.index('id="pairs"')]
    assert not any(one.student.name in board or one.student.id in board for one in made_up)


def test_a_secret_that_cannot_be_kept_ends_in_a_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(KitError, match="secret for pseudonyms"):
        pseudonym_secret(tmp_path / "file")


# --- figures ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("top", [1e-9, 0.02, 1, 8, 26, 26.001, 49, 50, 55, 100, 12345])
def test_bins_are_round_and_few(top):
    width = bin_width(top)
    assert 5 < top / width <= 26.0000001
    assert float(f"{width:.2g}") == pytest.approx(width)


def test_a_histogram_follows_the_page_and_has_no_script():
    picture = base64.b64decode(histogram([1, 2, 2, 3], "points", 4).partition("base64,")[2]).decode()
    assert "prefers-color-scheme" in picture and "currentColor" in picture
    assert "<script" not in picture and "#010203" not in picture


def test_a_full_disk_leaves_the_old_report(sheet, made_up, tmp_path):
    path = tmp_path / "class.html"
    write_class_report(path, sheet, made_up)
    before = path.read_bytes()
    (tmp_path / ".class.html.part").symlink_to("/dev/full")
    with pytest.raises(KitError, match="No space left on device"):
        write_class_report(path, sheet, made_up[:5])
    assert path.read_bytes() == before


def test_ddpm_with_its_bonus_question():
    sheet = assignment("ddpm")
    assert any(question.bonus for question in sheet.questions)
    found = successes(sheet, made_up_class(5, "ddpm"))
    assert any(row.bonus for row in found)
