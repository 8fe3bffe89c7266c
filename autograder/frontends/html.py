"""Renders a report as one HTML file that opens offline: verdicts, hints, learning curves and images."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import jinja2
import markupsafe
import matplotlib
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from autograder.engine.report import Curve, Report, number, told_once
from autograder.frontends.at_once import as_html, headline, progress
from autograder.frontends.terminal import by_question, given
from autograder.pictures import Picture

TEMPLATES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=jinja2.StrictUndefined,
    trim_blocks=True, lstrip_blocks=True,
)  # fmt: skip
TEMPLATES.filters |= {"points": number, "given": given}
WIDEST = 8.0  # inches
GAP = 0.08  # of an image's place


def render(report: Report) -> str:
    """The HTML text of a report, for the instructor."""
    return pages(report)[0]


def pages(report: Report, rubrics: Mapping[str, str] = MappingProxyType({})) -> tuple[str, str]:
    """The HTML text of a report for the instructor, and of the report for the student.

    Students do not see details of the sandbox and hidden tests (which still count). The template engine escapes all text
    that students control. ``rubrics`` are for the instructor, by written question.
    """
    figures = []
    if report.curves:
        figures.append(("Learning curves, as the submission reports them", png(curves_figure(report.curves))))
    figures += [(picture.title, png(picture_figure(picture))) for picture in report.pictures]
    shown = [verdict for verdict in report.verdicts if verdict.visibility != "hidden"]
    template = TEMPLATES.get_template("report.html.jinja")
    instructor, student = (
        template.render(
            report=report,
            headline=headline(report) if report.filled else "",
            progress=markupsafe.Markup(as_html(progress(report))),  # noqa: S704  (it has escaped the text)
            questions=by_question(told_once(verdicts)),
            figures=figures,
            instructor=all_of_it,
            rubrics=rubrics,
        )
        for verdicts, all_of_it in ((report.verdicts, True), (shown, False))
    )
    return instructor, student


def png(figure: Figure) -> str:
    """A figure as a data URI."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def curves_figure(curves: list[Curve]) -> Figure:
    """The training loss, the fine-tuning losses and the accuracies against epochs, side by side."""
    panels: dict[str, list[Curve]] = {}
    for curve in curves:
        alone = curve.label.endswith("training loss")
        name = curve.label if alone else "loss" if "loss" in curve.label else "accuracy"
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


def picture_figure(picture: Picture) -> Figure:
    """The images in rows, at most ``WIDEST`` wide in total and at most one inch each."""
    rows = math.ceil(len(picture.images) / picture.columns)
    height, width = picture.images.shape[2:]
    side, pitch = min(1.0, WIDEST / picture.columns), 1.05 * height / width
    figure = Figure(figsize=(side * picture.columns, side * pitch * rows))
    FigureCanvasAgg(figure)
    # All images in one pair of axes; 64 pairs would take seconds.
    axes = figure.add_axes((0, 0, 1, 1))
    for place, image in enumerate(picture.images):
        row, column = divmod(place, picture.columns)
        left, top = column + GAP / 2, (row + GAP / 2) * pitch
        extent = (left, left + 1 - GAP, top + (1 - GAP) * height / width, top)
        axes.imshow(shades(image).expand(3, -1, -1).permute(1, 2, 0).numpy(), extent=extent)
    axes.set(xlim=(0, picture.columns), ylim=(rows * pitch, 0))
    axes.axis("off")
    return figure


def shades(image: torch.Tensor) -> torch.Tensor:
    """One image with values in [0, 1]."""
    if image.dtype == torch.uint8:
        return image / 255
    image = image.float()
    low, high = image.min(), image.max()
    return (image - low) / (high - low).clamp(min=1e-6)


def write_html(path: Path, report: Report) -> None:
    """Write the report to ``path``."""
    path.write_text(render(report), encoding="utf-8")
