"""``kit draw``: draw and store the inputs of questions."""

from __future__ import annotations

import argparse

from autograder.errors import KitError

EXAMPLE = "kit draw simclr q1a"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="the assignment, e.g. simclr")
    parser.add_argument("questions", nargs="*", metavar="QUESTION", help="only these, e.g. q1a (default: all)")


def run(arguments: argparse.Namespace) -> int:
    from autograder.course import find_course

    folder = find_course(arguments.course).assignment(arguments.name)
    known = folder.question_folders()
    unknown = [id for id in arguments.questions if id not in known]
    if unknown:
        raise KitError(f"{arguments.name} has no question {unknown[0]!r}; its questions are {', '.join(known)}")

    from autograder.questions.cases import draw_cases
    from autograder.questions.loading import load_question

    for id in arguments.questions or known:
        print(draw_cases(load_question(folder, id, known[id])))
    return 0
