"""What ran out of time is an incident: what is certain counts, a person is told, and the next run tries it again."""

from __future__ import annotations

import itertools
import json
import time

import pytest

from autograder.artefacts.accuracy import measure
from autograder.classroom.grade_class import graded_students
from autograder.classroom.summary import write_summary
from autograder.engine import grade
from autograder.engine.clock import clock_of
from autograder.engine.notebook import NotebookError
from autograder.engine.runner import Runner
from autograder.engine.scoring import NOT_REACHED, OUT_OF_TIME
from tests.classroom.conftest import edit, hand_in

LONG = 1e6  # seconds, more than any limit


@pytest.fixture
def ends(monkeypatch):
    """Lets the time of submissions run out: after a number of batches of images, or of calls of probes (None: never)."""
    counted = measure.count_top1
    calls, now = Runner.calls, {"batches": None, "calls": None, "over": 0.0}

    def counting(*arguments, clock, **settings):
        batches = itertools.count()
        late = lambda: clock() + LONG * (now["batches"] is not None and next(batches) >= now["batches"])  # noqa: E731
        return counted(*arguments, clock=late, **settings)

    def calling(runner, probe, cases, *arguments):
        if now["calls"] is not None:
            now["over"] = LONG * (now["calls"] <= 0)
            now["calls"] -= len(cases)
        return calls(runner, probe, cases, *arguments)

    monkeypatch.setattr(measure, "count_top1", counting)
    monkeypatch.setattr(Runner, "calls", calling)
    monkeypatch.setattr(grade, "clock_of", lambda *_: lambda: time.monotonic() + now["over"])
    return now


def attention(room, result):
    (one,) = graded_students(room.plans, room.settings(), result, lambda student: student)
    return one.attention


def test_a_checkpoint_that_was_measured_in_part_is_measured_again(room, ends, images, checkpoint, tmp_path):
    work = hand_in(tmp_path / "class", ada="right")
    (work / "ada" / checkpoint.name).write_bytes(checkpoint.read_bytes())
    room.data = images
    edit(room.bundle, "ramp_from = 0.40", "ramp_from = 0.0")
    points = {}
    for batches in (4, 1, None):
        ends["batches"] = batches
        result = room.grade(work / "ada")
        assert room.run == [("ada", {"q1a", "q1c", "q6"} if batches == 4 else {"q6"})]
        points[batches] = room.points("ada")
        told = attention(room, result)
        assert (told == ()) if batches is None else (told == (f"q6 accuracy, q6 bonus: {OUT_OF_TIME}",))
    assert 8 < points[4] == points[1] < points[None]  # the second run, which got less far, takes nothing away
    room.grade(work / "ada")
    assert room.run == []


def test_tests_that_were_not_reached_are_tried_again(room, ends, tmp_path):
    work = hand_in(tmp_path / "class", ada="right")
    ends["calls"] = 22  # within q1a: its first test has fewer cases, all its tests have more
    result = room.grade(work / "ada")
    first = room.points("ada")
    told = " ".join(attention(room, result))
    assert 0 < first < 8 and "q1c value" in told and "q6 accuracy" in told and OUT_OF_TIME in told
    content = json.loads((room.out / "ada" / "results.json").read_text())
    assert any(test["output"].startswith(NOT_REACHED) for test in content["tests"])
    write_summary(room.out, room.plans, room.settings(), result, None, False)
    page = (room.out / "class.html").read_text()
    assert "ran out before this was finished" in page and "ran out of time or looked suspicious" not in page
    ends |= {"calls": 0, "over": 0.0}
    room.grade(work / "ada")
    assert {"q1c", "q6"} <= room.run[0][1] and room.points("ada") == first  # nothing was reached, nothing is lost
    ends |= {"calls": None, "over": 0.0}
    result = room.grade(work / "ada")
    assert room.points("ada") == 8 and attention(room, result) == ()
    room.grade(work / "ada")
    assert room.run == []


def test_a_notebook_that_there_was_no_time_to_read_is_read_again(room, ends, tmp_path, monkeypatch):
    work = hand_in(tmp_path / "class", ada="right")

    def slow(*_):
        ends["over"] = LONG
        raise NotebookError("simclr.ipynb holds too much data to be a notebook. Clear its outputs.")

    with monkeypatch.context() as patch:
        patch.setattr(grade, "read_notebook", slow)
        result = room.grade(work / "ada")
    told = " ".join(attention(room, result))
    assert OUT_OF_TIME in told and "too much data" not in told + (room.out / "ada" / "results.json").read_text()
    ends["over"] = 0.0
    result = room.grade(work / "ada")
    assert room.points("ada") == 8 and attention(room, result) == ()


class Sessions:
    worked = 0.0


def test_a_fair_clock_stands_still_while_others_have_the_processor():
    sessions = Sessions()
    fair, wall = clock_of(sessions, 4), clock_of(sessions, 1)
    first, started = fair(), wall()
    time.sleep(0.4)
    slept, passed = fair() - first, wall() - started
    assert passed >= 0.4 and slept < 0.5 * passed  # a quarter, and what this thread has computed
    sessions.worked += 0.3
    assert fair() - first >= 0.2  # more than a quarter of the sleep, which the first look may have met half-way
    sessions.worked += LONG
    assert fair() - first <= wall() - started + 0.1
