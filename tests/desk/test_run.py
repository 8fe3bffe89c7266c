"""The tests of a question in the student's own process: what they say, and that the session stays as it was."""

import random
import sys
import threading
import time
from _thread import interrupt_main
from dataclasses import replace
from importlib import import_module

import numpy as np
import pytest
import torch

from autograder.desk import by_hand
from autograder.desk.run import outcomes, sentence
from autograder.desk.table import dumped, loaded

STUB = 'def softmax_loss(W, x, y):\n    raise NotImplementedError("q1: return (loss, gradient)")\n'
RAISES = "def softmax_loss(W, x, y):\n    scores = x @ W.T\n    return scores.sum(), W\n"
CALLS = "def softmax_loss(W, x, y):\n    return helper(W, x, y)\n"
ENDLESS = "def softmax_loss(W, x, y):\n    import time\n    while True:\n        {}\n"
BY_HAND = """from otter.test_files import test_case


@test_case(name="first")
def test_first(softmax_loss):
    softmax_loss(None, None, None)


@test_case(name="second")
def test_second(softmax_loss):
    softmax_loss(None, None, None)
"""
ONE_NUMBER = """from otter.test_files import test_case


@test_case(name="one number")
def test_one(softmax_loss):
    assert abs(float(softmax_loss(1, 2, 3)) - 2) < 1e-5, "Expected 2."
"""
LISTS = "def softmax_loss(W, x, y):\n    return [0.0], [1.0]\n"


def find(address):
    """A probe by its address."""
    module, _, name = address.rpartition(".")
    return getattr(import_module(module), name)


def checked(tests, names):
    """What the tests say of a namespace."""
    return {outcome.id: outcome for outcome in outcomes(loaded(dumped(tests)), find, names)}


def defined(source):
    """The names that a cell defines."""
    names = {"torch": torch}
    exec(compile(source, "<cell>", "exec"), names)
    return names


def test_correct_solutions_pass(tests, question):
    for names in question.correct.values():
        assert all(outcome.judgement.passed for outcome in checked(tests, dict(names)).values())


def test_each_mistake_gets_its_hint(tests, question):
    for mistake in question.misconceptions:
        told = [outcome.judgement for outcome in checked(tests, dict(mistake.namespace)).values()]
        assert mistake.hint in {one.message for one in told if not one.passed}


def test_a_stub_is_not_implemented(tests):
    for outcome in checked(tests, defined(STUB)).values():
        assert (outcome.judgement.passed, outcome.raised.stub) == (False, "softmax_loss")


def test_a_missing_name_is_named(tests):
    assert {one.raised.missing for one in checked(tests, {}).values()} == {"softmax_loss"}
    assert {one.raised.missing for one in checked(tests, defined(CALLS)).values()} == {"helper"}


def test_an_exception_names_the_line(tests):
    raised = checked(tests, defined(RAISES))["value"].raised
    assert (raised.type, raised.number) == ("RuntimeError", 2)


def test_a_complaint_of_a_probe_is_its_sentence(tests):
    outcome = checked(tests, defined(LISTS))["value"]
    assert outcome.raised.complains and outcome.judgement.message.startswith("The loss is a list, expected a tensor")


CHANGES = (
    "torch.manual_seed(7)\n"
    "    torch.set_grad_enabled(False)\n"
    "    torch.set_default_dtype(torch.float64)\n"
    "    import random, numpy\n"
    "    random.seed(1)\n"
    "    numpy.random.seed(1)\n"
    "    print('noise')\n"
)


@pytest.mark.parametrize(
    "body", ["pass\n", CHANGES, CHANGES + "    1 / 0\n", CHANGES + "    raise KeyboardInterrupt\n"]
)
def test_the_session_stays_as_it_was(tests, body, capsys):
    names = defined(f"def softmax_loss(W, x, y):\n    {body}")
    torch.manual_seed(3), random.seed(3), np.random.seed(3)
    torch.set_default_dtype(torch.float16)
    before = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tolist()
    kept, streams = dict(names), (sys.stdout, sys.stderr)
    try:
        with torch.no_grad():
            try:
                checked(tests, names)
            except KeyboardInterrupt:
                assert "KeyboardInterrupt" in body
            assert not torch.is_grad_enabled()
        assert torch.get_default_dtype() is torch.float16
    finally:
        torch.set_default_dtype(torch.float32)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert (random.getstate(), np.random.get_state()[1].tolist()) == before[1:]
    assert names == kept and (sys.stdout, sys.stderr) == streams
    assert capsys.readouterr().out == ""


MOVED = """def softmax_loss(W, x, y):
    return tuple(part.to(DEVICE) for part in right(W.to(DEVICE), x.to(DEVICE), y.to(DEVICE)))
"""


def test_code_of_another_device_is_checked_on_the_processor(tests, question):
    names = defined(MOVED)
    names |= {"right": question.correct["by formula"]["softmax_loss"], "DEVICE": torch.device("meta")}
    assert all(outcome.judgement.passed for outcome in checked(tests, names).values())
    assert names["DEVICE"] == torch.device("meta")


def timed(do):
    """What a call returns, and how many seconds it took."""
    start = time.monotonic()
    return do(), time.monotonic() - start


@pytest.mark.parametrize("body", ["pass", "time.sleep(60)"])
def test_code_that_never_ends_is_stopped_once_and_told_with_its_line(tests, body):
    names = defined(ENDLESS.format(body))
    short = [replace(test, seconds=0.3) for test in tests]
    (outcome,), seconds = timed(lambda: outcomes(short, find, names))
    assert seconds < 5 and not outcome.judgement.passed
    assert sentence(outcome.raised) == "your code was stopped after 0.3 seconds: it is too slow or never ends"
    assert outcome.raised.number in (3, 4)
    right = defined("def softmax_loss(W, x, y):\n    return torch.zeros(3)\n")
    assert len(outcomes(short, find, right)) == len(tests)  # the session goes on, and no interrupt is left behind


def test_a_test_by_hand_has_a_limit_too(monkeypatch):
    monkeypatch.setattr(by_hand, "SECONDS", 0.3)
    (first,), seconds = timed(lambda: by_hand.by_hand(BY_HAND, defined(ENDLESS.format("pass"))))
    assert seconds < 5 and first.raised.late and "never ends" in first.wrong


@pytest.mark.parametrize(
    ("result", "said"),
    [
        (
            "None",
            "What softmax_loss returns is None, expected torch.Tensor; the check cannot use it (TypeError: float() ",
        ),
        (
            "torch.ones(3)",
            "What softmax_loss returns is a tensor of shape (3,); the check cannot use it (ValueError: ",
        ),
        (
            "{'loss': 2.0}",
            "What softmax_loss returns is a dict, expected torch.Tensor; the check cannot use it (TypeError: ",
        ),
        ("W / 0", "your code raised ZeroDivisionError: division by zero"),
        ("[][0]", "your code raised IndexError: list index out of range"),
        ("torch.ones(())", "Expected 2."),
        ("2.0", ""),
        ("np.float32(2)", ""),
        ("[torch.tensor(2.0)][0]", ""),
    ],
)
def test_a_check_says_what_it_cannot_use(result, said):
    names = defined(f"import numpy as np\ndef softmax_loss(W, x, y) -> torch.Tensor:\n    return {result}\n")
    (found,) = by_hand.by_hand(ONE_NUMBER, names)
    assert found.wrong.startswith(said) and bool(found.wrong) is bool(said)


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (
            "class softmax_loss:\n    def __init__(self, *given): self.shape = given",
            "The check cannot use what softmax_loss gives ",
        ),
        ("class softmax_loss:\n    def __init__(self, *given): self.nothing", "your code raised AttributeError: "),
        ("def softmax_loss(W, x, y): raise NotImplementedError", "softmax_loss is not implemented yet"),
        ("from functools import partial\nsoftmax_loss = partial(max)", "Expected 2."),
        ("class Two:\n    def __call__(self, *given): return 2.0\nsoftmax_loss = Two()", ""),
    ],
)
def test_a_check_tells_classes_and_stubs_as_before(code, said):
    (found,) = by_hand.by_hand(ONE_NUMBER, defined(code))
    assert found.wrong.startswith(said) and bool(found.wrong) is bool(said)


def test_an_interrupt_of_the_student_stays_one(tests):
    threading.Timer(0.3, interrupt_main).start()
    with pytest.raises(KeyboardInterrupt):
        outcomes(tests, find, defined(ENDLESS.format("pass")))


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("softmax_loss(W, x, y)", "your code raised RecursionError: maximum recursion depth exceeded"),
        ("torch.empty(10**15)", "your code asks for more memory than there is: 4,000,000 GB"),
        ("[0] * 10**15", "your code asks for more memory than there is"),
        ("__import__('sys').exit(3)", "your code raised SystemExit: 3"),
    ],
)
def test_what_would_end_a_session_is_a_sentence(tests, expression, said):
    names = defined(f"def softmax_loss(W, x, y):\n    return {expression}\n")
    for outcome in checked(tests, names).values():
        assert sentence(outcome.raised).startswith(said)
