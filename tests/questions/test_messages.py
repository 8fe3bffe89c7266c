"""What students read: no hint, advice, title or message holds an internal name or a word that we do not write.

Every hint, title and advice is read, and every message that judging each misconception gives: recognised, and with the
known misconceptions left out, as a mistake that nobody listed would be told.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import nbformat
import pytest
import torch

from autograder import questions
from autograder.course import AssignmentFolder, find_course
from autograder.engine.answer_key import read_key
from autograder.engine.grade import sentence_of
from autograder.engine.judge import Failure, KeyTest, Result, judge
from autograder.engine.session import StudentError
from autograder.questions.loading import load_questions
from autograder.questions.model import Comparison, Misconception, Test
from autograder.release.bundle import build_bundle
from autograder.release.compile import run_probe

COURSE = find_course(Path(__file__).parents[2])
LIBRARIES = (torch, torch.Tensor, torch.nn.functional, torch.nn.Module, torch.optim.Optimizer)
# What we do not write, and what to write instead.
WORDS = (
    (r"\bdistort", "augment"),
    (r"\bpictures?\b", "image"),
    (r"\bconduct\b", "side effects"),
    (r"(?<!left to )(?<!left and )(?<!to the )\bright\b", "correct"),
    (r"\b((is|are) (not )?asked|asked for)\b", "say what to return"),
    (r"\bof no \w+", "has no …"),
    (r"\bso many\b", "name the number"),
    (r"\bwhich is no\b", "two sentences"),
    (r"\b(lies|belongs) (with|to) who", "name who"),
    (r"^Not (a|all|every|half|the)\b", "begin with the subject"),
)


@dataclass(frozen=True)
class Notebook:
    """The words of a student notebook, and the functions and classes that it defines."""

    words: frozenset[str]
    defined: frozenset[str]


@dataclass(frozen=True)
class Text:
    """One text, where it comes from, and whether a message begins with it."""

    where: str
    text: str
    begins: bool = False


def read_notebook(path: Path) -> Notebook:
    r"""Words of text and code, formulas among them: ``$\mathcal{C}_{ij}$`` makes ``C_ij`` and ``C`` names of the notebook."""
    cells = nbformat.read(path, as_version=4).cells
    everything = "\n".join(cell.source for cell in cells)
    everything = re.sub(r"\\math\w+\{(\w+)\}", r" \1", everything)
    everything += re.sub(r"_\{(\w+)\}", r"_\1", everything)
    code = "\n".join(cell.source for cell in cells if cell.cell_type == "code")
    words = set(re.findall(r"[A-Za-z_]\w*", everything))
    symbols = {word.partition("_")[0] for word in words}
    return Notebook(frozenset(words | symbols), frozenset(re.findall(r"(?:def|class) (\w+)", code)))


def faults(text: Text, notebook: Notebook, exceptions: Collection[str], outputs: Collection[str] = ()) -> Iterator[str]:
    """What is wrong with a text; ``outputs`` are the keys of the tensors that it may be about."""
    ours = re.sub(r"raised \w+: .*", "", text.text)  # what follows are the words of torch or of the student
    for name in re.findall(r"(?a:\b[A-Za-z]\w*_\w+)", ours):
        if name not in notebook.words and not any(hasattr(library, name) for library in LIBRARIES):
            yield f"the notebook has no name {name}"
    for quoted in re.findall(r"`([^`]+)`", text.text):
        if quoted in outputs:
            yield f"{quoted} is the key of an output: give the comparison a what="
    for name in exceptions:
        if re.search(rf"\b{name}\b", text.text):
            yield f"{name} is an exception of the kit's own"
    for symbol in re.findall(r"(?:^|[.:;!?] )([A-Z])(?= )", text.text):
        if symbol != "A" and symbol not in notebook.words:
            yield f"the sentence begins with the symbol {symbol}"
    first = text.text.split(" ", 1)[0]
    named = first in notebook.defined or len(first) == 1
    if text.begins and first != "a" and first.isalpha() and first.islower() and named:
        yield f"messages begin with a capital letter, and {first} is a name"
    for pattern, instead in WORDS:
        if found := re.search(pattern, text.text):
            yield f"'{found[0]}': {instead}"


def own_exceptions(folder: AssignmentFolder) -> frozenset[str]:
    """The names of the exceptions that probes raise."""
    files = [*Path(questions.__file__).parent.rglob("*.py"), *folder.path.rglob("probes.py")]
    found = (re.findall(r"^class (\w+)\(\w*(?:Error|Exception)\)", file.read_text("utf-8"), re.M) for file in files)
    return frozenset(name for names in found for name in names)


def with_messages(
    test: Test, key: KeyTest, results: Mapping[str, Result], mistake: Misconception, exceptions: Collection[str]
) -> dict[str, Result]:
    """Stored results, in which a failure has its sentence again: a probe's own one is raised once more for it."""
    told: dict[str, Result] = {}
    for case in key.cases:
        result = results[case.name]
        if isinstance(result, Failure):
            own = result.type in exceptions
            sizes = case.sizes if test.count else None
            message = run_probe(test, case, mistake.namespace, sizes).message if own else ""
            result = Failure(result.type, sentence_of(StudentError(result.type, message, complaint=own)))
        told[case.name] = result
    return told


def comparison_texts(where: str, outputs: Mapping[str, Comparison]) -> Iterator[Text]:
    """Advice and names of outputs: each may begin a message."""
    for name, comparison in outputs.items():
        for text in filter(None, (comparison.advice, comparison.what)):
            yield Text(f"{where} {name}", text, begins=True)


def judged_texts(test: Test, key: KeyTest, mistake: Misconception, exceptions: Collection[str]) -> Iterator[Text]:
    """The messages of one test to a misconception that it sees: recognised, and as one that nobody listed."""
    stored = next((known for known in key.misconceptions if known.id == mistake.id), None)
    if stored is None:
        return
    where = f"{key.question} {key.id} {mistake.id}"
    results = with_messages(test, key, stored.results, mistake, exceptions)
    for result in results.values():
        if isinstance(result, Failure):
            yield Text(where, result.message, begins=True)
    for known in (key, replace(key, misconceptions=())):
        yield Text(where, judge(known, results).message)


def texts_of(
    name: str, keys: Mapping[tuple[str, str], KeyTest], exceptions: Collection[str]
) -> Iterator[tuple[Text, Collection[str]]]:
    """All texts of an assignment, and the keys of the outputs that each is about."""
    for question in load_questions(COURSE.assignment(name)):
        for mistake in question.misconceptions:
            yield Text(f"{question.id} {mistake.id}", mistake.hint), ()
        for test in question.tests:
            key = keys[question.id, test.id]
            yield Text(f"{question.id} {test.id}", test.title), ()
            for text in comparison_texts(f"{question.id} {test.id}", test.outputs):
                yield text, ()
            for mistake in question.misconceptions:
                for text in judged_texts(test, key, mistake, exceptions):
                    yield text, test.outputs


def faults_of(name: str) -> list[str]:
    """The faults of an assignment's texts, each with the first text that has it."""
    folder = COURSE.assignment(name)
    keys = {(test.question, test.id): test for test in read_key(build_bundle(folder) / "key.safetensors")}
    notebook, exceptions = read_notebook(folder.student), own_exceptions(folder)
    found: dict[tuple[str, str], str] = {}
    for text, outputs in texts_of(name, keys, exceptions):
        for fault in faults(text, notebook, exceptions, outputs):
            key = (fault, "" if "key of an output" in fault else text.text)
            found.setdefault(key, f"{text.where}: {fault}: {text.text}")
    return list(found.values())


# "The value is correct, but …": a hint is told where one test fails, and another test decides about the value.
CLAIM = re.compile(
    r"\b(?:is|are|was|were|looks?|seems?|stays?) (?:otherwise |already |still |also |all )*"
    r"(?:correct|right|fine|good|OK|as (?:expected|asked|defined))\b|\b(?:correct|right)(?:ly)? (?:value|loss|gradient)s?\b"
    r"|\b(?:correctly|rightly)\b|\bnothing is wrong\b",
    re.IGNORECASE,
)
# Hints that the numbers of the failed test prove, and how.
KNOWN = {"max-pool left in": "the features h are those of a network with this first convolution"}


def claims(text: str) -> list[str]:
    """What a text says is correct, although no test that failed can show it."""
    return [found[0] for found in CLAIM.finditer(text)]


@pytest.mark.parametrize("name", COURSE.names())
def test_no_hint_claims_the_result_of_another_test(name):
    found = []
    for question in load_questions(COURSE.assignment(name)):
        hints = [Text(f"{question.id} {m.id}", m.hint) for m in question.misconceptions if not m.harmless]
        # Advice on a later output is told where the outputs before it are correct; that of a variant is never told.
        tests = [test for test in question.tests if not test.instead_of]
        firsts = {f"{question.id} {test.id}": dict(list(test.outputs.items())[:1]) for test in tests}
        advice = [text for where, outputs in firsts.items() for text in comparison_texts(where, outputs)]
        texts = [text for text in hints + advice if text.where.partition(" ")[2] not in KNOWN]
        found += [f"{text.where}: {text.text}" for text in texts if claims(text.text)]
    assert found == []


@pytest.mark.parametrize(
    "text",
    [
        "The value is correct, but no gradient flows through the denominator.",
        "The forward pass is right, but backward raises an error.",
        "Your gradient is fine; the value is not.",
        "You return the right value, without a graph.",
        "You compute the mean correctly; divide by n.",
    ],
)
def test_a_claim_is_found(text):
    assert claims(text)


@pytest.mark.parametrize(
    "text",
    [
        "The parameters after the epoch are not correct: clear the gradients.",
        "Count the correct rows; divide by the number of all rows.",
        "Flip training images left to right with probability 0.5",
        "Your targets are those of the other view.",
    ],
)
def test_what_is_no_claim(text):
    assert claims(text) == []


@pytest.mark.parametrize("name", COURSE.names())
def test_students_read_plain_words_and_no_internal_names(name):
    assert faults_of(name) == []


SMALL = Notebook(frozenset({"z_i", "T", "evaluate"}), frozenset({"evaluate"}))


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("gradient_a has nan entries", "the notebook has no name gradient_a"),
        ("`value` is nan.", "value is the key of an output: give the comparison a what="),
        ("your code raised LostGradient: the loss has no graph", "LostGradient is an exception of the kit's own"),
        ("Z is normalised. H is not.", "the sentence begins with the symbol Z"),
        ("z is normalised", "messages begin with a capital letter, and z is a name"),
        ("evaluate changes the model", "messages begin with a capital letter, and evaluate is a name"),
        ("The distortion is the same twice", "'distort': augment"),
        ("The mean is asked", "'is asked': say what to return"),
        ("a view of C_ii", "the notebook has no name C_ii"),
        ("Not half of the images is flipped", "'Not half': begin with the subject"),
    ],
)
def test_a_fault_is_found(text, fault):
    assert fault in faults(Text("", text, begins=True), SMALL, {"LostGradient"}, {"value"})


@pytest.mark.parametrize(
    "text",
    [
        "T is the number of steps, and z_i a view",
        "A view is flipped from left to right",
        "Your code calls zero_grad after backward; call it before",
        "The gradient to z_i is nan",
    ],
)
def test_a_plain_sentence_has_no_fault(text):
    assert list(faults(Text("", text, begins=True), SMALL, {"LostGradient"}, {"value"})) == []
