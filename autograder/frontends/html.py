"""A report as one HTML file that opens offline: verdicts, hints, loss curves and the student's own augmented views."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import jinja2
import matplotlib
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from autograder.engine.report import Curve, Report
from autograder.frontends.terminal import by_question, number

TEMPLATES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=jinja2.StrictUndefined,
    trim_blocks=True, lstrip_blocks=True,
)  # fmt: skip
TEMPLATES.filters["points"] = number


def render(report: Report) -> str:
    """The HTML text of a report. All student-controlled text is escaped by the template engine."""
    figures = []
    if report.curves:
        figures.append(("Learning curves, as the submission reports them", png(curves_figure(report.curves))))
    if report.views is not None:
        figures.append(
            ("Two views of eight test images, drawn by the submission's own transform", png(views_figure(report.views)))
        )
    return TEMPLATES.get_template("report.html.jinja").render(
        report=report, questions=by_question(report.verdicts), figures=figures
    )


def png(figure: Figure) -> str:
    """A figure as a data URI."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def curves_figure(curves: list[Curve]) -> Figure:
    """Pre-training loss, fine-tuning losses and accuracies side by side, against epochs."""
    panels: dict[str, list[Curve]] = {}
    for curve in curves:
        name = (
            curve.label if curve.label.startswith("pre-training") else "loss" if "loss" in curve.label else "accuracy"
        )
        panels.setdefault(name, []).append(curve)
    with matplotlib.rc_context({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False}):
        figure = Figure(figsize=(3.2 * len(panels), 2.6), layout="constrained")
        FigureCanvasAgg(figure)
        for axes, (name, group) in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels.items()):
            for curve in group:
                axes.plot(curve.epochs, curve.values, marker=".", label=curve.label)
            axes.set(xlabel="epoch", ylabel=name)
            if len(group) > 1:
                axes.legend(frameon=False)
    return figure


def views_figure(views: torch.Tensor) -> Figure:
    """``views``: (k, 2, 3, s, s), drawn in two rows; each image is stretched to its own range."""
    count = views.shape[0]
    figure = Figure(figsize=(count, 2.1), layout="constrained")
    FigureCanvasAgg(figure)
    for column, axes in enumerate(figure.subplots(2, count).T):
        for row, axis in enumerate(axes):
            image = views[column, row].float()
            low, high = image.min(), image.max()
            axis.imshow(((image - low) / (high - low).clamp(min=1e-6)).permute(1, 2, 0).numpy())
            axis.axis("off")
    return figure


def write_html(path: Path, report: Report) -> None:
    """Write the report to ``path``."""
    path.write_text(render(report), encoding="utf-8")
