"""Finds pairs of submissions whose code is more similar than the task explains. A place to look, not a verdict.

Code is compared as a sequence of tokens without comments and spacing. All names that a student can choose become the same
token. Runs of tokens that many students share are left out, so short functions that everybody writes in the same way do
not count. One matrix product finds the pairs that share most of the rest; rapidfuzz scores them. A score of 1 means the
same code, 0 means no more in common than two independent submissions of the class.

Time and memory are bounded for each submission: of long code only the beginning is compared, and ``cut`` says of whose.
"""

from __future__ import annotations

import builtins
import keyword
import random
import re
import statistics
import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from rapidfuzz.distance import Indel

from autograder.classroom.model import Graded, Student

# Measured by ``python -m benchmarks.similarity``: two correct solutions of a whole assignment that share no function
# score at most 0.13, of a single question at most 0.45. Copies with all names changed and six statements added score at
# least 0.86, with sixty statements added to about a hundred lines at least 0.5.
THRESHOLD = 0.5
# Runs of this many tokens are compared. A run is common if more than a share COMMON of the class (at least FEW) has it.
RUN = 12
COMMON, FEW = 0.2, 5
# A row with fewer tokens is too short to distinguish a copy from chance.
SHORTEST = 60
# Of longer code the beginning is compared: so many tokens of so many characters.
LONGEST, MOST_CHARACTERS = 10_000, 1_000_000
# Two rows of tokens have about half in common, whatever the code does. The usual share is measured on this many pairs of
# the class and limited to these bounds.
LEAST_USUAL, MOST_USUAL, PAIRS_FOR_USUAL = 0.4, 0.7, 1_000
CHUNK = 8_192
# Every repetition is possessive (``*+``), so a long literal takes no memory for ways back, and no part is read twice.
TOKEN = re.compile(
    r"""(?P<skip> \#[^\n]*+ | \s++ | \\\r?\n )
      | (?P<text> [rbfu]{0,2} (?: \"\"\"(?:[^"\\]++|\\.|"(?!""))*+(?:\"\"\"|\\?\Z)
                                | '''(?:[^'\\]++|\\.|'(?!''))*+(?:'''|\\?\Z)
                                | "(?:[^"\\\n]++|\\.)*+"? | '(?:[^'\\\n]++|\\.)*+'? ) )
      | (?P<number> \.?\d(?:[eE][+-]\d|[\w.])*+ )
      | (?P<name> \w++ )
      | (?P<sign> [-+*/%&|^<>=!@:]++ | . )""",
    re.VERBOSE | re.DOTALL | re.IGNORECASE,
)
FIXED = frozenset(keyword.kwlist) | frozenset(dir(builtins))


@dataclass(frozen=True)
class Pair:
    """Two students with similar code; ``score`` is at most 1."""

    first: Student
    second: Student
    score: float


def similar_pairs(graded: Sequence[Graded], most: int = 50) -> list[Pair]:
    """The most similar pairs, highest score first, at most ``most``. Students who share a folder are one group."""
    graded = list({one.folder: one for one in graded}.values())
    rows = distinctive([tokens(one.code) for one in graded])
    usual = usual_ratio(rows)
    pairs = []
    for a, b in candidates(rows, 20 * most):
        if (found := score(rows[a], rows[b], usual)) >= THRESHOLD:
            first, second = sorted((graded[a].student, graded[b].student), key=lambda student: student.id)
            pairs.append(Pair(first, second, found))
    return sorted(pairs, key=lambda pair: (-pair.score, pair.first.id, pair.second.id))[:most]


def score(first: str, second: str, usual: float) -> float:
    """How similar two rows of distinctive tokens are: as a whole (above the usual share) or in runs, the larger of both.

    The first finds copies with added or changed statements, the second copies with functions in another order.
    """
    whole = (Indel.normalized_similarity(first, second) - usual) / (1 - usual)
    return max(whole, shared_runs(runs(first), runs(second)))


def shared_runs(first: set[str], second: set[str]) -> float:
    """Dice's coefficient of two sets."""
    return 2 * len(first & second) / max(1, len(first) + len(second))


def usual_ratio(rows: Sequence[str]) -> float:
    """The usual similarity of two submissions of the class: the median over pairs drawn with a fixed seed."""
    long = [row for row in rows if len(row) >= SHORTEST]
    if len(long) < 2:
        return MOST_USUAL
    chance = random.Random(0)
    drawn = {tuple(sorted(chance.sample(range(len(long)), 2))) for _ in range(PAIRS_FOR_USUAL)}
    found = statistics.median(Indel.normalized_similarity(long[a], long[b]) for a, b in drawn)
    return min(max(found, LEAST_USUAL), MOST_USUAL)


def tokens(code: str) -> str:
    """Code as a row of tokens, one character each. The code need not be valid Python.

    All names are the same token, except keywords, builtins and attributes, which students cannot rename. Attributes of
    ``self`` are treated as names. All string literals are the same token too.
    """
    found, before = [], ("", "")
    for match in TOKEN.finditer(code[:MOST_CHARACTERS]):
        kind, token = match.lastgroup, match.group()
        if kind == "skip":
            continue
        if kind == "text":
            token = '"'
        elif kind == "name" and token not in FIXED and (before[1] != "." or before[0] == "self"):
            token = "name"
        found.append(chr(1 + zlib.crc32(token.encode(errors="replace")) % 0xD000))
        before = before[1], match.group()
        if len(found) == LONGEST:
            break
    return "".join(found)


def cut(code: str) -> bool:
    """Whether only the beginning of this code is compared."""
    return len(code) > MOST_CHARACTERS or len(tokens(code)) == LONGEST


def distinctive(rows: Sequence[str]) -> list[str]:
    """Each row without the tokens that are common in the class: those that are in no rare run."""
    carriers = Counter(run for row in rows for run in runs(row))
    limit = max(FEW, COMMON * len(rows))
    left = []
    for row in rows:
        keep = bytearray(len(row))
        for start in range(len(row) - RUN + 1):
            if carriers[row[start : start + RUN]] <= limit:
                keep[start : start + RUN] = b"\1" * RUN
        left.append("".join(token for token, kept in zip(row, keep) if kept))
    return left


def runs(row: str) -> set[str]:
    """All distinct runs of ``RUN`` tokens in a row."""
    return {row[start : start + RUN] for start in range(len(row) - RUN + 1)}


def candidates(rows: Sequence[str], most: int) -> list[tuple[int, int]]:
    """The pairs of sufficiently long rows that share the largest part of their runs, largest first."""
    own = [runs(row) if len(row) >= SHORTEST else set() for row in rows]
    carriers = Counter(run for found in own for run in found)
    place = {run: k for k, run in enumerate(run for run, count in carriers.items() if count > 1)}
    shared = np.zeros((len(rows), len(rows)), dtype=np.float32)
    columns = [np.array(sorted(place[run] for run in found if run in place), dtype=np.int64) for found in own]
    for start in range(0, len(place), CHUNK):
        has = np.zeros((len(rows), CHUNK), dtype=np.float32)
        for row, found in enumerate(columns):
            low, high = np.searchsorted(found, (start, start + CHUNK))
            has[row, found[low:high] - start] = 1
        shared += has @ has.T
    sizes = np.array([len(found) for found in own], dtype=np.float32)
    alike = np.triu(2 * shared / np.maximum(sizes[:, None] + sizes[None, :], 1), k=1)
    order = np.argsort(-alike, axis=None, kind="stable")[:most]
    return [(int(a), int(b)) for a, b in zip(*np.unravel_index(order, alike.shape)) if alike[a, b] > 0]
