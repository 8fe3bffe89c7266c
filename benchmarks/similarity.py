"""How alike are correct solutions that were written independently, and how alike are copies in disguise?

A synthetic class: each student takes one of the kit's own correct variants for each question at random; some hand in
another's code with names, comments, spacing and a few statements changed. Prints the scores of pairs by the share of
questions in which both took the same variant, those of copies, and the time for a large class.

    python -m benchmarks.similarity [--students 200]
"""

from __future__ import annotations

import argparse
import ast
import keyword
import random
import re
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.table import Table

from autograder.classroom import similarity
from autograder.classroom.model import Graded, Student
from autograder.engine.report import Report
from tests.checkout import SOLUTIONS


def variants(path: Path) -> list[str]:
    """The sources of the correct variants of one question, each with the helpers that it calls."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    source = path.read_text(encoding="utf-8").splitlines()
    parts = {}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            parts[node.name] = "\n".join(source[first - 1 : node.end_lineno])
    tables = {node.targets[0].id: node.value for node in tree.body if isinstance(node, ast.Assign)}
    return [whole(names_in(group) & parts.keys(), parts) for group in entries(tables["CORRECT"], tables)]


def entries(table: ast.expr, tables: dict[str, ast.expr]) -> list[ast.expr]:
    """The expressions of the variants of a table: a dictionary, a comprehension over functions or a table, or a union."""
    if isinstance(table, ast.BinOp):
        return entries(table.left, tables) + entries(table.right, tables)
    forms = table.generators[0].iter if isinstance(table, ast.DictComp) else table
    if isinstance(forms, ast.Call):  # name.items()
        forms = forms.func.value
    forms = tables[forms.id] if isinstance(forms, ast.Name) else forms
    return forms.values if isinstance(forms, ast.Dict) else forms.elts


def whole(names: set[str], parts: dict[str, str]) -> str:
    """Functions and classes with all that they call, in the order of the file."""
    needed: set[str] = set()
    while names - needed:
        name = min(names - needed)
        needed.add(name)
        names = names | (names_in(ast.parse(parts[name])) & parts.keys())
    return "\n\n\n".join(text for name, text in parts.items() if name in needed)


def names_in(node: ast.AST) -> set[str]:
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}


def questions(name: str) -> list[list[str]]:
    """The correct variants of each question of an assignment."""
    return [variants(path) for path in sorted((SOLUTIONS / name).glob("*/correct.py"))]


def disguised(code: str, rng: random.Random, edits: int = 6) -> str:
    """A copy in disguise: every own name replaced, comments and blank lines strewn in, some statements added."""
    tree = ast.parse(code)
    own = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    own |= {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)} - {"self"}
    own |= {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name[0] != "_"}
    new = {name: f"{rng.choice('abcxyz')}{k}" for k, name in enumerate(sorted(own)) if not keyword.iskeyword(name)}
    code = re.sub(r"(?<![.\w])\w+", lambda match: new.get(match.group(), match.group()), code)
    lines = code.splitlines()
    for _ in range(edits):
        place = rng.randrange(len(lines))
        indent = re.match(r"\s*", lines[place]).group()
        if lines[place].rstrip().endswith(";") or not lines[place].strip():
            continue
        lines.insert(place, f"{indent}unused_{rng.randrange(99)} = {rng.randrange(99)}")
    return "\n".join(f"{line}  # {rng.random()}" if rng.random() < 0.2 else line for line in lines)


Member = tuple[tuple[int, ...], str, int]


def the_class(name: str, students: int, copies: int, edits: int = 6, seed: int = 0) -> Iterator[Member]:
    """For each student: which variant of each question, the code, and whose copy it is (-1: nobody's)."""
    yield from members_of(questions(name), students, copies, edits, seed)


def members_of(found: list[list[str]], students: int, copies: int, edits: int = 6, seed: int = 0) -> Iterator[Member]:
    """The same from the variants of each question."""
    rng = random.Random(seed)
    honest = []
    for _ in range(students - copies):
        choice = tuple(rng.randrange(len(texts)) for texts in found)
        honest.append((choice, "\n\n".join(texts[c] for texts, c in zip(found, choice)), -1))
        yield honest[-1]
    for k in range(copies):
        choice, code, _ = honest[k]
        yield choice, disguised(code, rng, edits), k


def scores_of(members: list[Member]) -> Iterator[tuple[int | None, float]]:
    """For each honest pair in how many questions both took the same variant, for each copy None; and the score."""
    rows = similarity.distinctive([similarity.tokens(code) for _, code, _ in members])
    usual = similarity.usual_ratio(rows)
    for b, (choice, _, source) in enumerate(members):
        for a in range(b):
            if min(len(rows[a]), len(rows[b])) < similarity.SHORTEST:
                continue
            if source == a:
                yield None, similarity.score(rows[a], rows[b], usual)
            elif source < 0 and members[a][2] < 0:
                same = sum(x == y for x, y in zip(choice, members[a][0]))
                yield same, similarity.score(rows[a], rows[b], usual)


def graded(codes: list[str]) -> list[Graded]:
    """Submissions of which only the code is known."""
    return [Graded(Student(f"{k:05}"), Path(f"{k:05}"), Report("", "", ""), code) for k, code in enumerate(codes)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--students", type=int, default=200)
    parser.add_argument("--copies", type=int, default=20)
    parser.add_argument("--large", type=int, default=1000)
    arguments = parser.parse_args()
    console = Console()
    for name in ("simclr", "ddpm"):
        scores = defaultdict(list)
        for same, found in scores_of(list(the_class(name, arguments.students, arguments.copies))):
            scores["copy, 6 statements added" if same is None else f"{same} questions equal"].append(found)
        for same, found in scores_of(list(the_class(name, arguments.students, arguments.copies, edits=60))):
            if same is None:
                scores["copy, 60 statements added"].append(found)
        for texts in questions(name):
            for same, found in scores_of(list(members_of([texts], min(60, arguments.students), 0))):
                if same == 0:
                    scores["one question alone, not equal"].append(found)
        table = Table("pairs", "number", "least", "median", "99 %", "largest", title=name)
        for kind, found in sorted(scores.items()):
            found.sort()
            cells = (found[0], found[len(found) // 2], found[int(0.99 * (len(found) - 1))], found[-1])
            table.add_row(kind, str(len(found)), *(f"{value:.2f}" for value in cells))
        console.print(table)
    members = [code for _, code, _ in the_class("simclr", arguments.large, 30)]
    start = time.process_time()
    pairs = similarity.similar_pairs(graded(members))
    console.print(f"{arguments.large} students: {time.process_time() - start:.1f} s CPU, {len(pairs)} pairs")


if __name__ == "__main__":
    main()
