"""A report in Gradescope's format, as HTML and as a table: whole, escaped, and free of references."""

import json
import re
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
import torch
from nbformat.v4 import new_code_cell
from rich.console import Console

from autograder.artefacts import Headline
from autograder.classroom.model import Graded, Student
from autograder.classroom.tables import feedback
from autograder.engine.report import Curve, Report, Verdict, Written, by_message, told_once
from autograder.engine.report import told as report_told
from autograder.frontends.figures import curve_panels, curves_figure, picture_figure
from autograder.frontends.gradescope import results, write_results
from autograder.frontends.html import pages, render
from autograder.frontends.nbgrader import write_outputs
from autograder.frontends.otter import test_files as otter_files
from autograder.frontends.terminal import print_report, reason
from autograder.pictures import Picture

SCHEMA = json.loads((Path(__file__).parent / "gradescope_schema.json").read_text())
HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>"


@pytest.fixture
def report():
    verdicts = [
        Verdict("q1a", "NT-Xent", "value", "value", 3, 3, "", "after_due_date"),
        Verdict(
            "q1a", "NT-Xent", "gradient", "gradient", 0, 3, HOSTILE, "after_due_date", "detail", "denominator detached"
        ),
        Verdict("q6", "Accuracy", "accuracy", "top-1", 4.25, 8, "61.2 %", "visible"),
        Verdict("q6", "Accuracy", "bonus", "bonus", 0, 0, "", "visible"),
    ]
    curves = [Curve("pre-training loss", (1, 2, 3), (5.0, 4.0, 3.5)), Curve("test top-1", (1, 2), (0.3, 0.4))]
    return Report("simclr", "SimCLR", HOSTILE, verdicts, [HOSTILE], ["note"], [("uid", True, "")], curves,
                  [Picture("Two views", torch.rand(16, 3, 32, 32), 8)], seconds=3.0,
                  headlines={"q6": Headline("Top-1 accuracy", "top1", 0.612, "61.20 %")})  # fmt: skip


def test_results_follow_the_documented_schema(report, tmp_path):
    write_results(tmp_path / "results.json", report)
    content = json.loads((tmp_path / "results.json").read_text())
    jsonschema.validate(content, SCHEMA)
    assert content == results(report)
    assert content["score"] == 7.25
    assert [entry["number"] for entry in content["tests"]] == ["q1a", "q1a", "q6", "q6"]
    assert content["leaderboard"] == [{"name": "Top-1 accuracy", "value": 0.612, "order": "desc"}]
    assert list(tmp_path.iterdir()) == [tmp_path / "results.json"]


@pytest.mark.parametrize("later", ["after_due_date", "after_published", "hidden"])
def test_what_is_measured_is_not_told_before_its_verdicts(report, later):
    report.verdicts = [replace(verdict, visibility=later) for verdict in report.verdicts]
    content = results(report)
    assert "leaderboard" not in content and "61.2" not in content["output"]


@pytest.mark.parametrize("by_hand", [True, False])
def test_written_answers_follow_it_too(report, by_hand):
    report.written = [Written("w1", "In your own words", 4, "two views", 3.0, "good"), Written("w2", "The batch", 6)]
    report.by_hand = by_hand
    content = results(report)
    jsonschema.validate(content, SCHEMA)
    tests = {test["number"]: test for test in content["tests"]}
    assert (tests["w1"]["score"], tests["w1"]["max_score"]) == ((3, 4) if by_hand else (0, 0))
    assert content["score"] == sum(test["score"] for test in content["tests"])
    assert "two views" in tests["w1"]["output"] and "no answer" in tests["w2"]["output"]
    assert "w1" not in {file.name for file in otter_files(content["tests"])}  # stock Otter knows no points by hand


def test_answers_are_text_and_the_rubric_is_for_one_side(report):
    report.written = [Written("w1", HOSTILE, 4, HOSTILE, None, HOSTILE)]
    instructor, student = pages(report, {"w1": "the rubric"})
    assert "the rubric" in instructor and "the rubric" not in student
    for page in (instructor, student):
        assert HOSTILE not in page and page.count("&lt;script&gt;") >= 4 and "graded by hand (4 points)" in page


def test_the_schema_refuses_what_gradescope_does_not_know(report):
    content = results(report)
    content["tests"][0]["visibility"] = "later"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(content, SCHEMA)


def test_html_escapes_and_embeds(report):
    html = render(report)
    assert "<script" not in html and "onerror=alert(2)>" not in html
    assert "&lt;script&gt;" in html
    assert html.count("data:image/png;base64,") == 1 and html.count("data:image/svg+xml;base64,") == 2
    assert "http://" not in html and "https://" not in html


@pytest.mark.parametrize(
    ("images", "columns", "inches"),
    [
        (torch.rand(16, 3, 32, 32), 8, (8, 2.1)),
        (torch.rand(4, 3, 32, 32), 2, (2, 2.1)),
        (torch.randint(0, 256, (64, 1, 28, 28), dtype=torch.uint8), 16, (8, 2.1)),
        (torch.randint(0, 256, (5, 1, 28, 28), dtype=torch.uint8), 16, (8, 0.525)),
        (torch.randint(0, 256, (3, 3, 20, 10), dtype=torch.uint8), 2, (2, 4.2)),
    ],
)
def test_pictures_stand_in_rows(images, columns, inches):
    figure = picture_figure(Picture("title", images, columns))
    assert tuple(figure.get_size_inches()) == pytest.approx(inches)
    shown = figure.axes[0].images
    assert len(shown) == len(images)
    for place, image in enumerate(shown):
        left, right, bottom, top = image.get_extent()
        assert (int(top / (bottom - top) * 0.9), int(left)) == divmod(place, columns)
        height, width = images.shape[2:]
        assert (bottom - top) / (right - left) == pytest.approx(height / width)


def test_bytes_are_shown_as_they_are_and_floats_in_their_own_range():
    grey = torch.tensor([51, 102], dtype=torch.uint8).view(1, 1, 1, 2)
    for images, expected in ((grey, [0.2, 0.4]), (grey.float() - 7, [0, 1]), (grey.float() * 0, [0, 0])):
        shown = picture_figure(Picture("title", images, 1)).axes[0].images[0].get_array()
        assert shown.shape == (1, 2, 3)
        for channel in range(3):
            assert shown[0, :, channel].tolist() == pytest.approx(expected)


def test_curves_stand_in_panels_of_their_kind():
    def panels(*labels):
        return [
            (one.caption, one.text) for one in curve_panels([Curve(label, (1, 2), (0.5, 0.25)) for label in labels])
        ]

    line = "{}: 0.5 in epoch 1, 0.25 in epoch 2"
    assert panels("training loss") == [("Training loss", line.format("training loss"))]
    assert panels("pre-training loss", "train loss", "test loss", "test top-1") == [
        ("Pre-training loss", line.format("pre-training loss")),
        ("Loss", f"{line.format('train loss')}; {line.format('test loss')}"),
        ("Accuracy", line.format("test top-1")),
    ]


@pytest.mark.parametrize("epochs", [1, 2, 3, 5, 7, 12, 100, 5000])
def test_curves_have_whole_epochs_on_their_axis(epochs):
    """Every tick in sight is an epoch that was trained, and no line has more points than can be seen."""
    span = tuple(range(1, epochs + 1))
    figure = curves_figure([Curve("train loss", span, tuple(1 / k for k in span)), Curve("test loss", (1,), (0.5,))])
    (axes,) = figure.axes
    low, high = axes.get_xlim()
    ticks = [tick for tick in axes.get_xticks() if low <= tick <= high]
    assert ticks and all(tick in span for tick in ticks)
    line = axes.lines[0].get_xdata()
    assert (line[0], line[-1]) == (1, epochs) and len(line) <= 401 and list(line) == sorted(set(line))


@pytest.mark.parametrize("values", [(1e12, -1e12), (5e-324, 0.0), (0.5, 0.5), (1e-300,), (999_999_999_999, 0.1)])
def test_curves_of_any_numbers_are_drawn(values):
    """A submission may report any finite number below 1e12 in size."""
    (shown,) = curve_panels([Curve("training loss", tuple(range(1, len(values) + 1)), values)])
    assert shown.source.startswith("data:image/svg+xml;base64,") and len(shown.source) < 100_000


def colours(html):
    """The class of each test in a report, by its title."""
    found = re.findall(r'<li class="test (\w*)">.*?</span>([^<]+?)(?: <a|<div|</div)', html)
    return {title: colour for colour, title in found}


def bonus(points):
    message = "" if points else "Not implemented yet."
    return Verdict("q7", "Guidance", "guided", "guided", points, 0, message, "hidden", bonus=3, share=points / 3)


@pytest.mark.parametrize(
    ("points", "status", "colour"), [(3, "passed", "passed"), (1, "failed", "partial"), (0, "failed", "")]
)
def test_points_of_a_bonus_question_come_on_top(points, status, colour):
    verdicts = [Verdict("q1", "Loss", "value", "value", 2, 3, "", "hidden"), bonus(points)]
    report = Report("ddpm", "DDPM", "s", verdicts)
    assert (report.score, report.possible()) == (2 + points, 3)
    content = results(report)
    jsonschema.validate(content, SCHEMA)
    assert (content["tests"][1]["score"], content["tests"][1]["max_score"]) == (points, 0)
    assert content["tests"][1]["status"] == status
    html = render(report)
    assert colours(html)["guided"] == colour
    assert f'<span class="points">bonus + {points}</span>' in html
    console = Console(record=True, width=120)
    print_report(console, report)
    text = console.export_text()
    assert f"+ {points}" in text and f"{2 + points} / 3" in text
    assert ("Not implemented yet." in text) == (points == 0)


@pytest.mark.parametrize(("share", "status", "colour"), [(1.0, "passed", "passed"), (0.0, "failed", "")])
def test_a_test_of_no_points_is_passed_if_it_was_earned(share, status, colour):
    """Nothing is asked for it, so its points alone cannot tell; the same for a bonus that was not earned."""
    message = "" if share else "You get it with more than 93% top-1."
    report = Report("s", "S", "s", [Verdict("q6", "A", "bonus", "bonus", 0, 0, message, "visible", share=share)])
    assert results(report)["tests"][0]["status"] == status
    assert colours(render(report))["bonus"] == colour


def test_table_shows_points_and_reasons(report):
    console = Console(record=True, width=120)
    print_report(console, report)
    text = console.export_text()
    assert "3 / 6" in text and "4.25 / 8" in text and "7.25 / 14" in text and "61.2 %" in text


HINT = "You sum the losses of the 2n anchors; return their mean."


def failed(test, title, possible, message=HINT, **fields):
    """A test of q1a that failed; its title is the id with some words."""
    fields = {"points": 0, "visibility": "after_due_date", **fields}
    return Verdict("q1a", "NT-Xent", test, title, possible=possible, message=message, **fields)


TWICE = [failed("value", "value of the loss", 3), failed("gradient", "gradient to both views", 3, misconception="sum")]


@pytest.mark.parametrize(
    ("verdicts", "told"),
    [
        (TWICE, [f"{HINT} (costs 3 + 3 points: value, gradient)"]),
        (TWICE[:1], [HINT]),
        (
            [*TWICE, failed("conduct", "inputs stay as they are", 0.5), failed("mean_loss", "the mean loss, top-1", 1)],
            [f"{HINT} (costs 3 + 3 + 0.5 + 1 points: value, gradient, mean loss, 1 other test)"],
        ),
        (
            [*TWICE, failed("scale", "value, for any length", 1)],
            [f"{HINT} (costs 3 + 3 + 1 points: value, gradient, 1 other test)"],
        ),
        (
            [*TWICE, failed("empty", "no rows", 1, "It raised.")],
            [f"{HINT} (costs 3 + 3 points: value, gradient)", "It raised."],
        ),
        ([failed("one", "A", 1), failed("two", "B", 1.5)], [f"{HINT} (costs 1 + 1.5 points in 2 tests)"]),
        ([TWICE[0], failed("zero", "no points", 0)], [HINT]),
        ([TWICE[0], failed("extra", "extra", 0, bonus=2)], [f"{HINT} (costs 3 + 2 points: value, extra)"]),
        ([TWICE[0], failed("half", "half of it", 2, points=1)], [f"{HINT} (costs 3 + 1 points: value, half)"]),
        ([replace(v, points=3, share=1.0, misconception="odd") for v in TWICE], [HINT]),
        ([TWICE[0], replace(TWICE[1], visibility="hidden")], [HINT, HINT]),
        ([TWICE[0], replace(TWICE[1], question="q1b")], [HINT, HINT]),
    ],
)
def test_a_message_is_told_once_with_what_it_costs(verdicts, told):
    assert [message for group in by_message(verdicts) if (message := report_told(group))] == told
    shown = told_once(verdicts)
    assert [(v.question, v.test, v.points) for v in shown] == [(v.question, v.test, v.points) for v in verdicts]
    assert [v.message for v in shown if v.message and not v.message.startswith("See above: ")] == told


def test_every_rendering_tells_a_hint_once_and_keeps_each_test():
    """Terminal, HTML, Gradescope and so Otter, Moodle's feedback, and the graded cell of nbgrader."""
    verdicts = [*TWICE, failed("zero", "no rows", 1, "It raised.")]
    report = Report("simclr", "SimCLR", "jane", verdicts)
    console = Console(record=True, width=400)
    print_report(console, report)
    content = results(report)
    jsonschema.validate(content, SCHEMA)
    assert [entry["output"] for entry in content["tests"]] == [
        f"{HINT} (costs 3 + 3 points: value, gradient)", "See above: value of the loss.", "It raised.",
    ]  # fmt: skip
    assert [(entry["name"], entry["max_score"]) for entry in content["tests"]] == [
        ("NT-Xent: value of the loss", 3), ("NT-Xent: gradient to both views", 3), ("NT-Xent: no rows", 1),
    ]  # fmt: skip
    otter = [result.message for result in otter_files(content["tests"])[0].test_case_results]
    cell = new_code_cell(metadata={"nbgrader": {"grade": True, "solution": False, "grade_id": "q1a", "points": 7}})
    write_outputs([cell], report)
    moodle = feedback(Graded(Student("jane"), Path("jane"), report))
    texts = [console.export_text(), "\n".join(otter), cell.outputs[0]["data"]["text/html"], moodle]
    for text in texts:
        assert text.count("(costs 3 + 3 points: value, gradient)") == 1, text
    for text in [*texts, *pages(report)]:
        assert text.count(HINT) == 1 and text.count("It raised.") == 1
    for page in pages(report):
        assert page.count("− 6 points") == 1 and page.count('<a href="#hint1">') == 2
    assert reason(verdicts) == f"{HINT} (costs 3 + 3 points: value, gradient) · It raised."


def test_a_hint_is_told_on_the_student_s_page_if_its_first_test_is_hidden():
    verdicts = [replace(TWICE[0], visibility="hidden"), *TWICE[1:], failed("again", "again", 2)]
    _, student = pages(Report("simclr", "SimCLR", "jane", verdicts))
    assert student.count(HINT) == 1 and student.count("− 5 points") == 1 and "value of the loss" not in student
    assert "The total includes 1 test that is not shown here." in student
