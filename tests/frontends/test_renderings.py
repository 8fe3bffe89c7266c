"""A report in Gradescope's format, as HTML and as a table: whole, escaped, and free of references."""

import json
from pathlib import Path

import jsonschema
import pytest
import torch
from rich.console import Console

from autograder.engine.report import Curve, Report, Verdict
from autograder.frontends.gradescope import results, write_results
from autograder.frontends.html import render
from autograder.frontends.terminal import print_report, reason

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
                  torch.rand(8, 2, 3, 32, 32), 0.612, 3.0)  # fmt: skip


def test_results_follow_the_documented_schema(report, tmp_path):
    write_results(tmp_path / "results.json", report)
    content = json.loads((tmp_path / "results.json").read_text())
    jsonschema.validate(content, SCHEMA)
    assert content == results(report)
    assert content["score"] == 7.25
    assert [entry["number"] for entry in content["tests"]] == ["q1a", "q1a", "q6", "q6"]
    assert content["leaderboard"] == [{"name": "Top-1 accuracy", "value": 0.612, "order": "desc"}]
    assert list(tmp_path.iterdir()) == [tmp_path / "results.json"]


def test_the_schema_refuses_what_gradescope_does_not_know(report):
    content = results(report)
    content["tests"][0]["visibility"] = "later"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(content, SCHEMA)


def test_html_escapes_and_embeds(report):
    html = render(report)
    assert "<script" not in html and "onerror=alert(2)>" not in html
    assert "&lt;script&gt;" in html
    assert html.count("data:image/png;base64,") == 2
    assert "http://" not in html and "https://" not in html


def test_table_shows_points_and_reasons(report):
    console = Console(record=True, width=120)
    print_report(console, report)
    text = console.export_text()
    assert "3 / 6" in text and "4.25 / 8" in text and "7.25 / 14" in text and "61.2 %" in text


def test_a_reason_is_told_once():
    same = [Verdict("q", "Q", str(k), str(k), 0, 1, "not implemented yet", "hidden") for k in range(3)]
    assert reason(same) == "not implemented yet"
