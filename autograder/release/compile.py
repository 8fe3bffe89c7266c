"""Compile an answer key: run every probe of an assignment on its oracle and on each misconception."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np

from autograder import arrays, questions
from autograder.arrays import copied, one_thread, plain
from autograder.course import AssignmentFolder
from autograder.engine import answer_key, counting, packing
from autograder.engine.counting import Sizes, counted
from autograder.engine.judge import Failure, KeyCase, KeyMisconception, KeyTest, Result, case_complaint
from autograder.errors import KitError
from autograder.questions.cases import FILE, same_inputs, stored_draws
from autograder.questions.loading import load_questions, place_of
from autograder.questions.model import Answer, Case, Close, Comparison, Inputs, Namespace, Question, Test
from autograder.stand_ins import globals_of, standing_in

# What a key is made from, beside the assignment itself.
MADE_WITH = (
    Path(questions.__file__).parent,
    *(Path(m.__file__) for m in (arrays, answer_key, packing, counting)),
    Path(__file__),
)


def address(function: Callable) -> str:
    """Module and name of a probe, a count or a stand-in, by which the sandbox or the engine finds it."""
    return f"{function.__module__}.{function.__name__}"


def run_probe(test: Test, case: Case, student: Namespace, sizes: Sizes | None = None) -> Result:
    """Call a probe in this process on trusted code, a misconception or a correct solution, and count what it produced.

    ``sizes``: see ``counted``.
    """
    try:
        produced = _produced(test, student, _copies(case, double=False))
    except Exception as error:
        return Failure(type(error).__name__, str(error))
    return counted(test.count, produced, _copies(case, double=False), sizes)


def answer_of(test: Test, case: Case, oracle: Namespace) -> tuple[Answer, Sizes]:
    """The same for the oracle, in float64, and the shapes of what is counted. Lets exceptions through."""
    produced = _produced(test, oracle, _copies(case, double=True))
    if test.count is None:
        return produced, {}
    answer = {name: plain(value) for name, value in test.count(produced, **_copies(case, double=True)).items()}
    return answer, {name: tuple(tensor.shape) for name, tensor in produced.items()}


def _produced(test: Test, student: Namespace, inputs: Inputs) -> Answer:
    sent = {name: value for name, value in inputs.items() if name not in test.kept}
    places = globals_of(student.values()) if test.stand_ins else ()
    with np.errstate(), standing_in(test.stand_ins, places):  # a mistake may change what NumPy does about errors
        return {name: plain(value) for name, value in test.probe(student, **sent).items()}


def _copies(case: Case, double: bool) -> Inputs:
    return {name: copied(value, double) for name, value in case.inputs.items()}


def key_test(question: Question, test: Test, cases: Mapping[str, Case], draw: int = 0) -> KeyTest:
    """Run one test on the oracle and on the misconceptions, with the ``cases`` of one draw.

    Raises:
        KitError: a case is not stored, or the oracle raised or left an output out: the question is broken.
    """
    if missing := [name for name in test.cases if name not in cases]:
        raise KitError(
            f"{question.folder / FILE} has no case {missing[0]!r}, which {question.id} {test.id} needs; "
            f"draw the cases again: kit draw {question.folder.parent.name} {question.id}"
        )
    if unknown := set(test.needs) - {other.id for other in question.tests if other.id != test.id}:
        raise KitError(
            f"{question.folder / 'question.py'}: {test.id} needs {sorted(unknown)[0]!r}, which is no other test of "
            f"{question.id}"
        )
    ids = {other.id for other in question.tests if not other.instead_of}
    if test.instead_of and test.instead_of not in ids:
        raise KitError(
            f"{question.folder / 'question.py'}: {test.id} stands for {test.instead_of!r}, which is no test of {question.id}"
        )
    chosen = [cases[name] for name in test.cases]
    asked = Asked(question.oracle)
    key_cases = tuple(_key_case(asked, question, test, case) for case in chosen)
    probe = address(test.probe)
    count = address(test.count) if test.count else ""
    bare = KeyTest(
        *(question.id, test.id, test.title, probe, test.seconds, test.outputs, key_cases),
        misconceptions=(),
        count=count,
        kept=test.kept,
        needs=test.needs,
        instead_of=test.instead_of,
        after=test.after,
        stand_ins={name: address(stand_in) for name, stand_in in test.stand_ins.items()},
        draw=draw,
        framework=question.framework,
    )
    sizes = {case.name: case.sizes if test.count else None for case in key_cases}
    mistakes, known = [], {}
    for mistake in question.misconceptions if not test.instead_of else ():  # a variant passes or not, and gives no hint
        same = tuple(id(mistake.namespace.get(name)) for name in sorted(asked.names))
        if same not in known:  # same functions, same results: the mistake is in another function of the question
            known[same] = {case.name: run_probe(test, case, mistake.namespace, sizes[case.name]) for case in chosen}
        results = known[same]
        if any(case_complaint(bare, case, results[case.name]) for case in key_cases):  # else invisible in this test
            mistakes.append(KeyMisconception(mistake.id, mistake.hint, mistake.harmless, results))
    return dataclasses.replace(bare, misconceptions=tuple(mistakes), names=tuple(sorted(asked.names)))


class Asked(Mapping):
    """A namespace that remembers which names a probe looked up."""

    def __init__(self, namespace: Namespace) -> None:
        self.namespace = namespace
        self.names: set[str] = set()

    def __getitem__(self, name: str) -> object:
        self.names.add(name)
        return self.namespace[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.namespace)

    def __len__(self) -> int:
        return len(self.namespace)


def _key_case(oracle: Namespace, question: Question, test: Test, case: Case) -> KeyCase:
    where = f"{question.id} {test.id}, case {case.name!r}"
    try:
        reference, sizes = answer_of(test, case, oracle)
    except Exception as error:
        place = place_of(error, question.folder.parent) or str(question.folder / "oracle.py")
        raise KitError(f"{place}: the oracle raised {type(error).__name__}: {error} ({where})") from error
    if missing := sorted(set(test.outputs) - set(reference)):
        source = test.count or test.probe
        file = f"{source.__module__.rpartition('.')[2]}.py"
        raise KitError(f"{question.folder / file}: {source.__name__} does not return {', '.join(missing)} ({where})")
    kept = {name: reference[name] for name in test.outputs}
    return KeyCase(case.name, case.inputs, kept, {name: _atol(c, case) for name, c in test.outputs.items()}, sizes)


def _atol(comparison: Comparison, case: Case) -> float:
    if not isinstance(comparison, Close):
        return 0.0
    return float(comparison.atol(case) if callable(comparison.atol) else comparison.atol)


def compile_key(assignment: AssignmentFolder) -> tuple[KeyTest, ...]:
    """Run every test of an assignment on one thread, so that the numbers do not depend on the machine's cores.

    Raises:
        KitError: a question has no stored cases, or is broken.
    """
    questions = load_questions(assignment)
    with one_thread():
        return tuple(test for question in questions for test in key_tests(question))


def key_tests(question: Question) -> Iterator[KeyTest]:
    """Every test of a question for every draw. A test whose cases are the same in each draw comes once. Raises KitError."""
    first, *others = draws_of(question)
    for test in question.tests:
        yield key_test(question, test, first)
    for number, cases in enumerate(others, 1):
        for test in question.tests:
            if not all(same_inputs(cases[name], first[name]) for name in test.cases):
                yield key_test(question, test, cases, number)


def draws_of(question: Question) -> tuple[dict[str, Case], ...]:
    """The stored draws of a question's cases. Raises KitError where there are none."""
    if not (question.folder / FILE).is_file():
        raise KitError(
            f"{question.folder / FILE} is missing: {question.id} has no stored cases; draw them: "
            f"kit draw {question.folder.parent.name} {question.id}"
        )
    return stored_draws(question.folder)


def fingerprint(assignment: AssignmentFolder) -> str:
    """Hash of everything a key is made from: the assignment's questions and cases, the families, and this file."""
    digest = hashlib.sha256()
    for top in (assignment.path, *MADE_WITH):
        for file in sorted(top.rglob("*")) if top.is_dir() else [top]:
            made_from = file.suffix in (".py", ".safetensors") and not file.name.startswith("test_")
            if made_from and file != assignment.master:
                digest.update(file.relative_to(top.parent).as_posix().encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()
