"""``./kit new``: a minimal new assignment that builds, tests and grades."""

from __future__ import annotations

import argparse
import keyword
import re
import shutil
import sys
from pathlib import Path

EXAMPLE = "./kit new softmax"
LONGEST = 40
# Template, and the file that it becomes under the checkout; {} is the assignment's name.
FILES = {
    "assignment.toml": "solutions/{}/assignment.toml",
    "master.py": "solutions/{}/{}.py",
    "init.py": "autograder/questions/{}/__init__.py",
    "catalogue.py": "autograder/questions/{}/catalogue.py",
    "softmax_loss.py": "autograder/questions/{}/softmax_loss.py",
    "probes.py": "autograder/questions/{}/probes/__init__.py",
    "test_softmax_loss.py": "tests/questions/{}/test_softmax_loss.py",
}
# All that carries the name of an assignment: none of it may be there before.
PLACES = (
    *("solutions/{}", "assignments/{}", "autograder/questions/{}", "autograder/questions/{}.py"),
    *("autograder/references/{}", "tests/questions/{}"),
)


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="its name: small letters, digits and _, e.g. softmax")


def run(arguments: argparse.Namespace) -> int:
    from autograder.questions import draw

    name = arguments.name
    for path in make(name):
        print(path)
    draw.main([name])
    print(f"next: ./kit build {name}, then ./kit check {name}; docs/writing.md goes on from here", file=sys.stderr)
    return 0


def make(name: str) -> list[Path]:
    """Write the files of a new assignment; all of them or, where that fails, none.

    Raises:
        KitError: the name cannot be had, or a file cannot be written.
    """
    import jinja2

    from autograder.errors import KitError
    from autograder.places import ROOT

    check_name(name, ROOT)
    folder = ROOT / "autograder" / "release" / "template"
    templates = jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder), keep_trailing_newline=True, undefined=jinja2.StrictUndefined
    )
    title = name.replace("_", " ").capitalize()
    texts = {
        ROOT / target.format(name, name): templates.get_template(f"{template}.jinja").render(name=name, title=title)
        for template, target in FILES.items()
    }
    try:
        for path, text in texts.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    except OSError as error:
        for place in PLACES:
            shutil.rmtree(ROOT / place.format(name), ignore_errors=True)
        raise KitError(f"{error.filename}: {error.strerror}; nothing was made") from None
    return list(texts)


def check_name(name: str, root: Path) -> None:
    """Refuse a name that cannot be a folder, a Python package and part of a file's name at once, or is taken.

    Raises:
        KitError: says why.
    """
    from autograder.errors import KitError

    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or len(name) > LONGEST:
        raise KitError(
            f"{name!r} cannot be the name of an assignment: it becomes a Python package, so it takes a small letter and "
            f"then small letters, digits and _, {LONGEST} at most"
        )
    if keyword.iskeyword(name) or keyword.issoftkeyword(name):
        raise KitError(f"{name!r} is a word of Python's own; take another name")
    taken = next((root / place.format(name) for place in PLACES if (root / place.format(name)).exists()), None)
    if taken:
        raise KitError(f"{taken} is there already; take another name")
