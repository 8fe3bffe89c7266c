"""Prints a report as a table in the terminal."""

from __future__ import annotations

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from autograder.engine.report import Report, Verdict, Written, by_message, number, told


def by_question(verdicts: list[Verdict]) -> dict[str, list[Verdict]]:
    """Verdicts grouped by question, in order."""
    groups: dict[str, list[Verdict]] = {}
    for verdict in verdicts:
        groups.setdefault(verdict.question, []).append(verdict)
    return groups


def given(written: Written) -> str:
    """The points of a written answer, or that a person still has to give them."""
    most = number(written.possible)
    return f"graded by hand ({most} points)" if written.points is None else f"{number(written.points)} / {most}"


def reason(verdicts: list[Verdict]) -> str:
    """The messages of a question's failing cases in one line, each message once and with what it costs."""
    messages = [told(group) for group in by_message(verdicts) if not group[0].passed or group[0].misconception]
    return " · ".join(filter(None, messages)) or next((v.message for v in verdicts if v.message), "")


def points_of(written: Written) -> Text:
    """The points of a written answer, for a narrow column."""
    return Text("by hand" if written.points is None else given(written))


def print_report(console: Console, report: Report) -> None:
    """Print question, points and a one-line reason, then the remarks."""
    table = Table(title=Text(f"{report.submission}"), title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("", no_wrap=True)
    table.add_column("question", max_width=24)
    table.add_column("points", justify="right", no_wrap=True)
    table.add_column("reason", overflow="fold", ratio=1)
    for question, verdicts in by_question(report.verdicts).items():
        earned, possible = sum(v.points for v in verdicts), sum(v.possible for v in verdicts)
        passed = all(v.passed for v in verdicts if v.possible or not possible)  # full marks need no bonus
        colour = "green" if passed else "yellow" if earned else "red" if possible else ""
        table.add_row(
            question,
            Text(verdicts[0].question_title),
            Text(f"{number(earned)} / {number(possible)}" if possible else f"+ {number(earned)}", style=colour),
            Text(reason(verdicts)),
        )
    for one in report.written:
        said = one.comment or ("" if one.answer else "no answer")
        table.add_row(one.question, Text(one.title), points_of(one), Text(said))
    by_hand = sum(one.possible for one in report.written)
    waiting = f"; {number(by_hand)} more points are given by hand" if by_hand and not report.by_hand else ""
    table.add_section()
    table.add_row(
        "", "total", f"{number(report.score)} / {number(report.possible())}", Text(f"{report.seconds:.1f} s{waiting}")
    )
    console.print(table)
    for remark in report.remarks:
        console.print(Text(f"  {remark}"))
