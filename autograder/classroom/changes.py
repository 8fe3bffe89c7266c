"""Says how the points of a submission differ from before, and why."""

from __future__ import annotations

from collections.abc import Iterator

from autograder.classroom.store import Record
from autograder.engine.report import Verdict
from autograder.text import one_line

MOST_REASONS = 4


def change(before: Record, after: Record, why: str = "") -> str:
    """A sentence with the student, the points before and after, and the reasons; '' if the points are the same.

    ``why`` says why the submission was graded again, if it was.
    """
    if round(after.score - before.score, 4) == 0 and before.report.possible() == after.report.possible():
        return ""
    who = ", ".join(one_line(student.shown, 60) for student in after.students[:3])
    reasons = list(_reasons(before, after))
    more = [f"and {len(reasons) - MOST_REASONS} more"] if len(reasons) > MOST_REASONS + 1 else []
    told = reasons[: MOST_REASONS if more else None] + more
    said = "; ".join([*([why] if why else []), *told])
    difference = f"{after.score - before.score:+.4g}"
    return (
        f"{who}: {_points(after.score)} points instead of {_points(before.score)} ({difference}){said and f': {said}'}"
    )


def _reasons(before: Record, after: Record) -> Iterator[str]:
    """What differs, test by test: how much it counts, or what was earned."""
    old, new = ({(v.question, v.test): v for v in record.report.verdicts} for record in (before, after))
    for place in dict.fromkeys([*old, *new]):
        name = f"{place[0]} {place[1]}"
        one, other = old.get(place), new.get(place)
        if one is None or other is None:
            verdict, how = (other, "is new") if one is None else (one, "is gone")
            yield f"{name} {how} ({_earned(verdict)})"
        elif (one.possible, one.bonus) != (other.possible, other.bonus):
            earned = f"earned {_points(other.points)} instead of {_points(one.points)}"
            yield f"{name} counts {_worth(other)} instead of {_worth(one)}, {earned}"
        elif round(one.points - other.points, 4):
            yield f"{name} earned {_points(other.points)} instead of {_points(one.points)}"
    if round(before.deduction - after.deduction, 4):
        yield f"lateness costs {_points(after.deduction)} instead of {_points(before.deduction)}"


def _worth(verdict: Verdict) -> str:
    return _points(verdict.possible) if verdict.possible else f"{_points(verdict.bonus)} bonus"


def _earned(verdict: Verdict) -> str:
    return f"{_points(verdict.points)} of {_worth(verdict)}"


def _points(value: float) -> str:
    return f"{value:.4g}"
