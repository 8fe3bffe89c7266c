"""The report of real submissions as a page: what it says first, on a phone, in the dark, for readers who cannot see it."""

import re
import shutil
from html import unescape
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest
import torch

from autograder.classroom.class_report import render as render_class
from autograder.engine.grade import Grader
from autograder.engine.report import Curve, Report, Verdict, Written, line_of
from autograder.frontends import html
from autograder.frontends.html import hints, pages, went_well
from autograder.pictures import Picture
from tests.classroom.conftest import HEAD, RIGHT, small_bundle
from tests.classroom.made_up import assignment, made_up_class

PHONE, DESK = 390, 1200
LONGEST = 7_000  # pixels of a report without written answers, on a phone; it was 19,000 to 41,000
LONGEST_CLASS = 14_000
HOSTILE = "<script>alert(1)</script>"
RAISING = f"""
def nt_xent(z_i, z_j, temperature):
    z = torch.cat([z_i, z_j])
    return (z @ z / temperature).mean()  # {HOSTILE}
"""
ITSELF = RIGHT.replace('.masked_fill(torch.eye(2 * n, dtype=torch.bool), float("-inf"))', "")
EUCLIDEAN = "\ndef nt_xent_euclidean(z_i, z_j, temperature):\n    raise NotImplementedError('q1c: \"your turn\"')\n"
BLANK = "\ndef nt_xent(z_i, z_j, temperature):\n    raise NotImplementedError('q1a: your turn')\n"


@pytest.fixture(scope="module")
def graded(bundle, tmp_path_factory):
    """The report on a notebook whose code cells are these."""
    folder = tmp_path_factory.mktemp("pages")
    with Grader(small_bundle(bundle, folder / "bundle"), for_class=True) as grader:

        def grade(*cells: str) -> Report:
            from nbformat.v4 import new_code_cell, new_notebook, writes

            path = folder / "simclr.ipynb"
            path.write_text(writes(new_notebook(cells=[new_code_cell(cell) for cell in cells])))
            report = grader.grade(path)
            report.curves = [Curve(label, tuple(range(1, 8)), tuple(2 / k for k in range(1, 8))) for label in (
                "pre-training loss", "train loss", "test loss")]  # fmt: skip
            report.pictures = [Picture("Two views", torch.rand(16, 3, 32, 32), 8)]
            return report

        yield grade


@pytest.fixture(scope="module")
def reports(graded):
    return {
        "raising": graded(HEAD, RAISING, EUCLIDEAN),
        "itself": graded(HEAD, ITSELF, EUCLIDEAN),
        "blank": graded(HEAD, BLANK, EUCLIDEAN),
        "right": graded(HEAD, RIGHT),
        "broken": graded(HEAD + "\nx = undefined + 1\n", "def nt_xent(:\n"),
    }


def text_of(page: str) -> str:
    """What a reader sees, in one line."""
    body = re.sub(r"<style>.*?</style>|<[^>]+>", " ", page.split("<body>")[1], flags=re.DOTALL)
    return " ".join(unescape(body).split())


def test_points_first_then_what_went_well_then_what_cost_most(reports):
    text = text_of(pages(reports["right"])[1])
    order = ["8 of 20 points", "Full points for NT-Xent loss.", "What to look at next", "1. q6", "2. q1c", "All tests"]
    places = [text.index(part) for part in order]
    assert places == sorted(places)
    for report in reports.values():
        found = hints(report.verdicts)
        assert all(one.lost >= next_.lost > 0 for one, next_ in pairwise(found))
        assert sum(hint.lost for hint in found) == report.possible() - report.score


def test_a_known_mistake_is_told_once_with_its_cost_its_cell_and_an_input_to_try(reports):
    report = reports["itself"]
    hint = next(hint for hint in hints(report.verdicts) if hint.verdicts[0].question == "q1a")
    assert hint.where == "nt_xent in cell 2" and len(hint.verdicts) >= 2
    assert hint.example == "n = 1, d = 4, temperature 0.5, row norms 1"
    text = text_of(pages(report)[1])
    assert text.count(hint.message) == 1 and text.count(f"Try this input: {hint.example}.") == 1
    assert f"− {hint.lost:g} points" in text and "nt_xent in cell 2" in text


def test_a_line_that_raised_is_shown_once_as_text(reports):
    _, page = pages(reports["raising"])
    assert page.count("Line 4 of cell 2 in your notebook:") == 1
    assert page.count("return (z @ z / temperature).mean()") == 1
    assert HOSTILE not in page and "# &lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_what_is_not_written_yet_is_one_hint(reports):
    found = [hint for hint in hints(reports["blank"].verdicts) if hint.message.startswith("Not implemented yet")]
    assert [(hint.message, sorted(hint.questions)) for hint in found] == [("Not implemented yet.", ["q1a", "q1c"])]
    text = text_of(pages(reports["blank"])[1])
    assert "Questions q1a, q1c" in text and "(nt_xent in cell 2)" in text and "Line " not in text
    alone = next(hint for hint in hints(reports["raising"].verdicts) if hint.verdicts[0].question == "q1c")
    assert alone.message.startswith('Not implemented yet ("q1c: ')


def test_the_line_of_a_broken_cell_is_quoted(reports):
    (remark,) = [remark for remark in reports["broken"].remarks if remark.startswith("Cell 1: ")]
    assert remark.endswith('The line is "x = undefined + 1".')
    told = [text for text in (*reports["broken"].remarks, *(v.message for v in reports["broken"].verdicts))
            if "SyntaxError in line 1" in text]  # fmt: skip
    assert len(told) == 5 and all(
        '; the line is "def nt_xent(:", so none of its lines was run' in text for text in told
    )


@pytest.mark.parametrize(
    ("cell", "line", "found"),
    [(1, 2, "b = 2"), (2, 1, "c"), (1, 3, ""), (0, 1, ""), (3, 1, ""), (1, 0, ""), (-1, 1, ""), (1, 10**9, "")],
)
def test_a_submission_that_makes_a_place_up_gets_no_line(cell, line, found):
    assert line_of(["a = 1\n  b = 2\n"[:-1], "c"], cell, line) == found
    assert len(line_of(["x" * 10**6], 1, 1)) < 300


def verdict(question, points, possible=2, **fields):
    share = float(points == possible)
    return Verdict(question, question.upper(), "value", "value", points, possible, "", "visible", share=share, **fields)


@pytest.mark.parametrize(
    ("points", "said"),
    [
        ((2, 2), "Full points in all 2 questions."),
        ((2,), "Full points for Q0."),
        ((2, 0), "Full points for Q0."),
        ((2, 2, 2, 1), "Full points for Q0, Q1 and Q2."),
        ((0, 1), ""),
    ],
)
def test_what_went_well_is_one_sentence(points, said):
    assert went_well([verdict(f"q{k}", earned) for k, earned in enumerate(points)]) == said


def test_a_bonus_comes_last_and_is_no_loss():
    bonus = Verdict("q7", "Guidance", "guided", "guided", 0, 0, "Not guided.", "visible", bonus=9)
    found = hints([bonus, verdict("q0", 1)])
    assert [(hint.bonus, hint.lost) for hint in found] == [(False, 1), (True, 9)]
    text = text_of(pages(Report("s", "S", "s", [bonus, verdict("q0", 1)]))[1])
    assert "− 1 point" in text and "+ 9 bonus points" in text and "− 9" not in text


def test_a_message_that_also_cost_nothing_is_not_repeated():
    torn = "simclr.ipynb is not a notebook."
    verdicts = [
        Verdict("q6", "Accuracy", test, test, 0, worth, torn, "visible") for test, worth in (("top", 8), ("more", 0))
    ]
    for page in pages(Report("s", "S", "s", verdicts)):
        assert page.count(torn) == 1 and page.count('<a href="#hint1">') == 2


def test_students_read_nothing_of_a_hidden_test():
    hidden = verdict("q1", 0, detail="", example="the secret input", where="secret in cell 1", misconception="secret")
    report = Report("s", "S", "s", [verdict("q0", 2), Verdict(**{**vars(hidden), "visibility": "hidden"})])
    instructor, student = pages(report)
    assert "secret" in instructor and "secret" not in student


# --- as a page ----------------------------------------------------------------------------------------------------


class Outline(HTMLParser):
    """Levels of headings, ids, targets of links, images without text, and tags that are not closed."""

    VOID = frozenset({"meta", "img", "br", "link"})

    def __init__(self, page: str):
        super().__init__()
        self.levels, self.ids, self.targets, self.mute, self.open, self.wrong = [], [], [], [], [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag not in self.VOID:
            self.open.append(tag)
        if re.fullmatch("h[1-6]", tag):
            self.levels.append(int(tag[1]))
        self.ids += [attrs["id"]] if "id" in attrs else []
        self.targets += [attrs["href"][1:]] if attrs.get("href", "").startswith("#") else []
        if tag == "img" and not attrs.get("alt"):
            self.mute.append(attrs)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.wrong.append((tag, self.getpos()))


def pages_of(reports):
    for name, report in reports.items():
        report.written = [Written("w1", "In your own words", 4, "two views", 3.0, "good"), Written("w2", "Batch", 6)]
        for kind, page in zip(("report", "feedback"), pages(report, {"w1": "the rubric"})):
            yield f"{name}-{kind}", page


def test_pages_are_well_formed_and_read_aloud_in_order(reports):
    class_page = render_class(assignment(), made_up_class(30), secret=b"x" * 32)
    for name, page in [*pages_of(reports), ("class", class_page)]:
        outline = Outline(page)
        assert (outline.wrong, outline.open, outline.mute) == ([], [], []), name
        assert outline.levels[0] == 1 and outline.levels.count(1) == 1, name
        assert all(after - before <= 1 for before, after in pairwise(outline.levels)), (name, outline.levels)
        assert len(set(outline.ids)) == len(outline.ids) and set(outline.targets) <= set(outline.ids), name
        assert "<script" not in page and not re.search(r"https?://(?!www\.w3\.org)", page), name


def luminance(colour: str) -> float:
    """Relative luminance as in WCAG 2.1, from "#rrggbb"."""
    parts = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    red, green, blue = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_all_text_has_the_contrast_of_wcag():
    """At least 4.5 to 1, on both kinds of paper, in both themes."""
    css = (Path(html.__file__).parent / "page.css.jinja").read_text()
    themes = [dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", theme)) for theme in css.split("@media screen")]
    assert len(themes) == 2
    for theme in themes:
        for paper in ("paper", "card"):
            for ink in ("ink", "soft", "good", "part", "bad", "link"):
                light, dark = sorted((luminance(theme[paper]), luminance(theme[ink])), reverse=True)
                assert (light + 0.05) / (dark + 0.05) >= 4.5, (paper, ink, theme)


@pytest.fixture(scope="module")
def browser():
    """Chromium without a window."""
    api = pytest.importorskip("playwright.sync_api", reason="needs playwright to drive a browser")
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if program is None:
        pytest.skip("needs Chromium")
    with api.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


def opened(browser, path: Path, width: int, theme: str = "light"):
    page = browser.new_context(viewport={"width": width, "height": 844}, color_scheme=theme).new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(path.as_uri())
    assert all(url.startswith(("file:", "data:")) for url in asked)
    return page


WIDER = """() => [...document.querySelectorAll('body *')].filter(e => !e.closest('.unseen')
    && (e.getBoundingClientRect().right > innerWidth + 1 || e.getBoundingClientRect().left < -1))
    .map(e => e.tagName + ' ' + e.className + ': ' + e.textContent.slice(0, 40))"""
HEIGHT = "() => document.documentElement.scrollHeight"
COLOURS = "() => [getComputedStyle(document.body).color, getComputedStyle(document.body).backgroundColor]"


def test_reports_fit_a_phone_and_a_desk_in_light_and_dark(reports, browser, tmp_path):
    # What is longer than any line, as a name, an answer and an error.
    reports["raising"].submission = "x" * 300
    reports["raising"].remarks.append("y" * 400)
    for name, page in pages_of(reports):
        path = tmp_path / f"{name}.html"
        path.write_text(page.replace("<details>", "<details open>"), encoding="utf-8")
        for width in (PHONE, DESK):
            shown = opened(browser, path, width)
            assert shown.evaluate(WIDER) == [], (name, width)
            assert shown.evaluate("() => document.documentElement.scrollWidth") <= width, name
            if width == PHONE and name.endswith("feedback"):
                assert shown.evaluate(HEIGHT) < LONGEST, name
            broken = "() => [...document.images].filter(i => !i.naturalWidth).length"
            assert shown.evaluate(broken) == 0
        light, dark = (opened(browser, path, PHONE, theme).evaluate(COLOURS) for theme in ("light", "dark"))
        assert (light, dark) == (["rgb(31, 35, 40)", "rgb(255, 255, 255)"], ["rgb(230, 237, 243)", "rgb(13, 17, 23)"])


def test_a_dark_screen_prints_dark_ink_on_white_paper(reports, browser, tmp_path):
    path = tmp_path / "feedback.html"
    path.write_text(pages(reports["itself"])[1], encoding="utf-8")
    page = opened(browser, path, DESK, "dark")
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate(COLOURS) == ["rgb(31, 35, 40)", "rgb(255, 255, 255)"]


def test_the_report_on_a_class_fits_a_phone(browser, tmp_path):
    path = tmp_path / "class.html"
    path.write_text(render_class(assignment(), made_up_class(60), secret=b"x" * 32), encoding="utf-8")
    page = opened(browser, path, PHONE)
    assert page.evaluate(WIDER) == [] and page.evaluate(HEIGHT) < LONGEST_CLASS
