"""What lateness costs: examples by hand, and laws that hold for every policy."""

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.assignment import LatePolicy
from autograder.classroom.late import deduction, spoken

DUE = datetime(2026, 12, 1, 23, 59, tzinfo=timezone(timedelta(hours=1)))
POLICY = LatePolicy(DUE, grace_minutes=15, per_day=0.1, most_days=3)


@pytest.mark.parametrize(
    ("late", "points", "words"),
    [
        (timedelta(days=-400), 0, ""),
        (timedelta(0), 0, ""),
        (timedelta(minutes=15), 0, ""),
        (
            timedelta(minutes=15, seconds=1),
            4,
            "16 minutes after the due date, 2026-12-01 23:59+01:00. You lose 10% of the points",
        ),
        (timedelta(days=1), 4, "1 day after"),
        (timedelta(days=1, seconds=1), 8, "1 day and 1 minute after the due date"),
        (timedelta(days=2, hours=3), 12, "30% in total"),
        (timedelta(days=3), 12, "30% in total"),
        (timedelta(days=3, minutes=1), 40, "Submissions more than 3 days late earn no points"),
    ],
)
def test_forty_points_by_hand(late, points, words):
    found, sentence = deduction(POLICY, DUE + late, 40)
    assert found == pytest.approx(points)
    assert words in sentence and bool(sentence) == bool(words)


def test_nothing_is_taken_where_nothing_is_due_or_nothing_is_known():
    assert deduction(None, DUE + timedelta(days=9), 40) == (0, "")
    assert deduction(POLICY, None, 40) == (0, "")


def test_time_zones_are_compared_and_a_missing_one_is_that_of_the_due_date():
    in_utc = datetime(2026, 12, 1, 22, 59, tzinfo=timezone.utc)  # noqa: UP017 (a fixed offset like the others)
    assert deduction(POLICY, in_utc, 40) == (0, "")
    assert deduction(POLICY, in_utc + timedelta(hours=1), 40)[0] == 4
    assert deduction(POLICY, datetime(2026, 12, 1, 23, 59), 40) == (0, "")
    assert deduction(POLICY, datetime(2026, 12, 2, 0, 59), 40)[0] == 4


@given(
    st.timedeltas(timedelta(days=-30), timedelta(days=30)),
    st.timedeltas(timedelta(0), timedelta(days=30)),
    st.floats(0, 100),
    st.builds(LatePolicy, st.just(DUE), st.floats(0, 5000), st.floats(0, 1), st.integers(0, 20)),
)
def test_later_never_costs_less_and_never_more_than_was_earned(late, more, score, policy):
    points, sentence = deduction(policy, DUE + late, score)
    later, _ = deduction(policy, DUE + late + more, score)
    assert 0 <= points <= later + 1e-9 and later <= score + 0.01
    assert not points or sentence


def test_lengths_of_time_are_spoken_in_two_units():
    spans = {90: "2 minutes", 3600: "1 hour", 86_400 + 7_200 + 60: "1 day and 2 hours", 172_860: "2 days and 1 minute"}
    assert {seconds: spoken(timedelta(seconds=seconds)) for seconds in spans} == spans
