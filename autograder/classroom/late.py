"""Points off for late submissions. Pure functions of the policy in ``assignment.toml`` and the submission time."""

from __future__ import annotations

import math
from datetime import datetime, timedelta

from autograder.assignment import LatePolicy

DAY = timedelta(days=1)


def deduction(policy: LatePolicy | None, submitted: datetime | None, score: float) -> tuple[float, str]:
    """The points to deduct from ``score`` (points earned, with bonus) for lateness, and a sentence with the reason.

    (0, '') if there is no due date, if the submission is in time, or if its time is not known. A ``submitted`` without a
    time zone is read in the time zone of ``policy.due``. A day is always 24 hours.
    """
    if policy is None or submitted is None:
        return 0.0, ""
    if submitted.tzinfo is None:
        submitted = submitted.replace(tzinfo=policy.due.tzinfo)
    over = submitted - policy.due
    if over <= timedelta(minutes=policy.grace_minutes):
        return 0.0, ""
    days = math.ceil(over / DAY)
    came = f"Handed in {spoken(over)} after the due date, {policy.due.isoformat(' ', 'minutes')}"
    score = max(0.0, score)
    if days > policy.most_days:
        return score, f"{came}. Submissions more than {counted(policy.most_days, 'day')} late earn no points."
    share = min(1.0, policy.per_day * days)
    points = min(score, round(score * share, 2))
    rate = f"{100 * policy.per_day:g}% of the points earned"
    return points, f"{came}. You lose {rate} for each started day, {100 * share:g}% in total."


def spoken(time: timedelta) -> str:
    """A positive duration in its two largest units, rounded up to minutes: '1 day and 3 hours'."""
    minutes = math.ceil(time / timedelta(minutes=1))
    amounts = ((minutes // 1440, "day"), (minutes // 60 % 24, "hour"), (minutes % 60, "minute"))
    return " and ".join([counted(amount, unit) for amount, unit in amounts if amount][:2])


def counted(amount: int, unit: str) -> str:
    """'1 day', '2 days'."""
    return f"{amount} {unit}{'' if amount == 1 else 's'}"
