"""``kit new``: a small assignment that builds, tests and grades, and a course around it where there is none."""

from __future__ import annotations

import argparse
import keyword
import os
import re
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from autograder.course import AssignmentFolder, Course

EXAMPLE = "kit new regression"
LONGEST = 40
# The file of an assignment that each template becomes.
FILES = {
    "assignment.toml": "assignment.toml",
    "master.py": "master.py",
    **{f"{file}.py": f"q1_softmax_loss/{file}.py" for file in ("question", "probes", "oracle", "correct", "mistakes")},
    "test_question.py": "q1_softmax_loss/test_question.py",
}


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="its name: small letters, digits and _, such as softmax")


def run(arguments: argparse.Namespace) -> int:
    name, course = arguments.name, course_for(arguments.course)
    for path in make(course, name):
        print(path)

    from autograder.questions.cases import draw_cases
    from autograder.questions.loading import load_questions

    for question in load_questions(course.assignment(name)):
        print(draw_cases(question))
    print(
        f"next: kit build {name}, then kit check {name}; the next steps are in docs/writing.md of the kit",
        file=sys.stderr,
    )
    return 0


def course_for(given: Path | None) -> Course:
    """The course that gets the assignment: the one that is found, else a new one where it was looked for."""
    from autograder.course import Course, find_course
    from autograder.errors import KitError

    try:
        return find_course(given)
    except KitError:
        return Course(Path(given or os.environ.get("KIT_COURSE") or ".").resolve())


def make(course: Course, name: str) -> list[Path]:
    """Write the files of a new assignment: all of them, or none if one cannot be written.

    Raises:
        KitError: the name cannot be used, or a file cannot be written.
    """
    from autograder.course import AssignmentFolder
    from autograder.errors import KitError

    folder = AssignmentFolder(course, name)
    check_name(folder)

    import jinja2

    from autograder import release

    templates = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(release.__file__).parent / "template"),
        keep_trailing_newline=True,
        undefined=jinja2.StrictUndefined,
    )
    title = name.replace("_", " ").capitalize()
    texts = {
        folder.path / file: templates.get_template(f"{template}.jinja").render(name=name, title=title)
        for template, file in FILES.items()
    }
    if not (ignored := course.root / ".gitignore").exists():
        texts[ignored] = templates.get_template("gitignore.jinja").render()
    try:
        for path, text in texts.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    except OSError as error:
        shutil.rmtree(folder.path, ignore_errors=True)
        raise KitError(f"{error.filename}: {error.strerror}; nothing was made") from None
    return list(texts)


def check_name(folder: AssignmentFolder) -> None:
    """Refuse a name that is taken, or that cannot name a folder, a Python package and a file.

    Raises:
        KitError: says why.
    """
    from autograder.errors import KitError

    name = folder.name
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or len(name) > LONGEST:
        raise KitError(
            f"{name!r} cannot be the name of an assignment; use a small letter, then small letters, digits and _, "
            f"{LONGEST} characters at most"
        )
    if keyword.iskeyword(name) or keyword.issoftkeyword(name):
        raise KitError(f"{name!r} is a keyword of Python; choose another name")
    if taken := next((path for path in (folder.path, folder.student.parent) if path.exists()), None):
        raise KitError(f"{taken} exists already; choose another name")
