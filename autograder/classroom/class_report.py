"""The class report for the instructor: one HTML file that opens offline. Pure except ``write_class_report``."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import math
import os
import secrets
import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import jinja2
import matplotlib
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from autograder import frontends
from autograder.assignment import Assignment
from autograder.classroom.model import Graded, Student
from autograder.classroom.similarity import Pair
from autograder.classroom.store import DiskError, write_text
from autograder.classroom.tables import question_ids, sorted_by_id
from autograder.engine.report import Verdict
from autograder.errors import KitError
from autograder.frontends.figures import INK, STYLE, themed
from autograder.frontends.terminal import number
from autograder.text import one_line

SHOWN = 10  # rows of a long list that are shown; the rest is folded
SLOWEST = 10
SECRET = ".pseudonyms"
BAR = "#5b8fd6"
ADJECTIVES = (
    "amber", "brave", "brisk", "calm", "clever", "coral", "crisp", "daring", "eager", "early", "fair", "fleet",
    "gentle", "glad", "golden", "happy", "hazel", "ivory", "jolly", "keen", "kind", "lively", "lucky", "merry",
    "mellow", "noble", "quick", "quiet", "rosy", "silver", "sunny", "swift",
)  # fmt: skip
ANIMALS = (
    "badger", "bear", "beaver", "bison", "crane", "deer", "dolphin", "eagle", "falcon", "ferret", "finch", "fox",
    "gecko", "hare", "hawk", "heron", "ibex", "koala", "lark", "lynx", "marten", "moose", "newt", "otter", "owl",
    "panda", "puffin", "raven", "seal", "swan", "tiger", "wren",
)  # fmt: skip


def person(student: Student) -> str:
    """A student's name as one short line."""
    return one_line(student.shown, 80) or "(no name)"


TEMPLATES = jinja2.Environment(
    loader=jinja2.FileSystemLoader([Path(__file__).parent, Path(frontends.__file__).parent]),
    autoescape=True, undefined=jinja2.StrictUndefined,
    trim_blocks=True, lstrip_blocks=True,
)  # fmt: skip
TEMPLATES.filters |= {
    "points": number,
    "person": person,
    "line": one_line,
    "percent": lambda share: f"{100 * share:.0f} %",
}


@dataclass
class Parts:
    """What was written for a class, and a sentence for each part that could not be made."""

    files: list[Path] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    @contextlib.contextmanager
    def missing_if_it_fails(self, what: str) -> Iterator[None]:
        """Whatever fails here makes one part missing, and nothing else. Raises DiskError if no file can be written."""
        try:
            yield
        except DiskError:
            raise
        except Exception as error:
            reason = str(error) if isinstance(error, KitError) else f"the kit failed ({type(error).__name__}: {error})"
            self.failures.append(f"{what} is missing: {one_line(reason, 400)}")


@dataclass(frozen=True)
class Success:
    """The results of a class in one test case or question: how many students got all points, some, and none."""

    id: str
    title: str
    full: int
    part: int
    none: int
    mean: float
    worth: float
    bonus: bool
    cases: tuple[Success, ...] = ()

    @property
    def total(self) -> int:
        """How many students were graded."""
        return self.full + self.part + self.none

    def share(self, count: int) -> float:
        """A count as a fraction of the total."""
        return count / self.total if self.total else 0.0


@dataclass(frozen=True)
class ByHand:
    """A written question: how many students have answered, how many answers have points, and their mean (None: none)."""

    id: str
    title: str
    possible: float
    answered: int
    graded: int
    mean: float | None


@dataclass(frozen=True)
class Mistake:
    """A recognised misconception: its question, tests and names, the hint to students, and who made it."""

    question: str
    tests: tuple[str, ...]
    names: tuple[str, ...]
    hint: str
    who: tuple[Graded, ...]


@dataclass(frozen=True)
class Standing:
    """One row of a leaderboard: the headline value of a student's artefact, as a number and as text."""

    place: int
    pseudonym: str
    value: float
    text: str


def render(
    assignment: Assignment,
    graded: Sequence[Graded],
    missing: Sequence[Student] = (),
    duplicates: Sequence[tuple[Student, Student]] = (),
    pairs: Sequence[Pair] = (),
    secret: bytes | None = None,
    base: Path = Path(),
    notes: Sequence[str] = (),
    parts: Parts | None = None,
    reasons: Mapping[str, str] | None = None,
) -> str:
    """The HTML text of the class report. The template engine escapes all text that students control.

    ``secret`` generates the pseudonyms of the leaderboard; without it there is no leaderboard. Links to reports are
    relative to ``base``, the folder of the class report. ``notes`` are sentences about how the class was read,
    ``reasons`` say by id why a missing student has no grade. A part that cannot be made is missing; the report and
    ``parts`` say so.
    """
    graded, parts = sorted_by_id(graded), Parts() if parts is None else parts
    folders = {one.student.id: one.folder for one in graded}
    scores, seconds = [one.score for one in graded], [one.report.seconds for one in graded]
    figures, tables = {"scores": "", "seconds": ""}, {"questions": [], "mistakes": [], "leaderboards": {}}
    if graded:
        with parts.missing_if_it_fails("The histogram of scores"):
            figures["scores"] = histogram(scores, "points", assignment.possible)
        with parts.missing_if_it_fails("The histogram of times"):
            figures["seconds"] = histogram(seconds, "seconds")
    with parts.missing_if_it_fails("The table of questions"):
        tables["questions"] = successes(assignment, graded)
    with parts.missing_if_it_fails("The table of misconceptions"):
        tables["mistakes"] = mistakes(graded)
    if secret is not None:
        with parts.missing_if_it_fails("The leaderboard"):
            tables["leaderboards"] = leaderboards(graded, secret)
    return TEMPLATES.get_template("class.html.jinja").render(
        assignment=assignment,
        graded=graded,
        missing=missing,
        reasons=reasons or {},
        duplicates=duplicates,
        pairs=pairs,
        scores=summary(scores),
        seconds=summary(seconds),
        score_figure=figures["scores"],
        seconds_figure=figures["seconds"],
        slowest=sorted(graded, key=lambda one: -one.report.seconds)[:SLOWEST],
        attention=[one for one in graded if one.attention],
        written=by_hand(assignment, graded),
        late=sorted((one for one in graded if one.late), key=lambda one: -one.deduction),
        **tables,
        notes=[*notes, *parts.failures],
        leaderboard=secret is not None,
        link=lambda student: report_link(folders.get(student.id), base),
        shown=SHOWN,
    )


def write_class_report(
    path: Path,
    assignment: Assignment,
    graded: Sequence[Graded],
    missing: Sequence[Student] = (),
    duplicates: Sequence[tuple[Student, Student]] = (),
    pairs: Sequence[Pair] = (),
    secret: bytes | None = None,
    notes: Sequence[str] = (),
    reasons: Mapping[str, str] | None = None,
) -> list[str]:
    """Write the class report to ``path``, with a leaderboard if ``secret`` is given.

    Returns a sentence for each part that could not be made. If nothing can be shown of the students, the report says so.

    Raises:
        KitError: the report could not be written; an earlier report is unchanged.
    """
    parts, page = Parts(), ""
    with parts.missing_if_it_fails("The list of students"):
        page = render(assignment, graded, missing, duplicates, pairs, secret, path.parent, notes, parts, reasons)
    write_text(path, page or render(assignment, [], notes=[*notes, *parts.failures]))
    return parts.failures


def successes(assignment: Assignment, graded: Sequence[Graded]) -> list[Success]:
    """The results per question, each with its test cases, in the order of the assignment."""
    cases: dict[tuple[str, str], list[Verdict]] = {}
    for one in graded:
        for verdict in one.report.verdicts:
            cases.setdefault((verdict.question, verdict.test), []).append(verdict)
    found = []
    for question in question_ids(assignment, graded):
        own = {test: verdicts for (q, test), verdicts in cases.items() if q == question}
        if not own:
            continue
        parts = tuple(
            _success(test, v[0].title, [(x.points, x.possible, x.bonus) for x in v]) for test, v in own.items()
        )
        title = next(iter(own.values()))[0].question_title
        sums = [
            (sum(v.points for v in mine), sum(v.possible for v in mine), sum(v.bonus for v in mine))
            for one in graded
            if (mine := [v for v in one.report.verdicts if v.question == question])
        ]
        found.append(_success(question, title, sums, parts))
    return found


def by_hand(assignment: Assignment, graded: Sequence[Graded]) -> list[ByHand]:
    """How far a person has come with the written questions."""
    found = []
    for sheet in assignment.written:
        answers = [one for of in graded for one in of.report.written if one.question == sheet.id]
        given = [one.points for one in answers if one.points is not None]
        mean = statistics.fmean(given) if given else None
        found.append(
            ByHand(sheet.id, sheet.title, sheet.points, sum(map(bool, (a.answer for a in answers))), len(given), mean)
        )
    return found


def _success(
    id: str, title: str, results: Sequence[tuple[float, float, float]], cases: tuple[Success, ...] = ()
) -> Success:
    """Counts from (points, possible, bonus) of each student.

    The bonus of an artefact has neither possible nor bonus points; there, any points count as all points.
    """
    full = sum(points > 0 and points >= possible + bonus - 1e-9 for points, possible, bonus in results)
    none = sum(points <= 0 for points, _, _ in results)
    mean = statistics.fmean(points for points, _, _ in results)
    _, possible, bonus = results[0]
    return Success(id, title, full, len(results) - full - none, none, mean, possible + bonus, not possible, cases)


def mistakes(graded: Sequence[Graded]) -> list[Mistake]:
    """The recognised misconceptions, the most frequent first. Misconceptions with the same hint count as one."""
    found: dict[tuple[str, str], list[tuple[Verdict, Graded]]] = {}
    for one in graded:
        for verdict in one.report.verdicts:
            if verdict.misconception:
                found.setdefault((verdict.question, verdict.message), []).append((verdict, one))
    merged = [
        Mistake(
            question,
            tuple(dict.fromkeys(verdict.test for verdict, _ in seen)),
            tuple(dict.fromkeys(verdict.misconception.replace("_", " ") for verdict, _ in seen)),
            hint,
            tuple({id(one): one for _, one in seen}.values()),
        )
        for (question, hint), seen in found.items()
    ]
    return sorted(merged, key=lambda mistake: (-len(mistake.who), mistake.question, mistake.names))


def summary(values: Sequence[float]) -> dict[str, float]:
    """Mean, median, standard deviation, smallest and largest value; empty if there are no values."""
    if not values:
        return {}
    return {
        "mean": statistics.fmean(values),
        "median": statistics.median(values),
        "deviation": statistics.pstdev(values),
        "least": min(values),
        "largest": max(values),
    }


def leaderboards(graded: Iterable[Graded], secret: bytes) -> dict[str, list[Standing]]:
    """For the title of each headline, the students who have it, under pseudonyms, best first. Equal values share a place."""
    measured: dict[str, list[tuple[float, str, str]]] = {}
    for one in graded:
        for headline in one.report.headlines.values():
            row = (headline.value, pseudonym(secret, one.student), headline.text)
            measured.setdefault(headline.title, []).append(row)
    boards = {}
    for title, rows in measured.items():
        places: dict[float, int] = {}
        ordered = sorted(rows, key=lambda row: (-row[0], row[1]))
        boards[title] = [
            Standing(places.setdefault(value, k), name, value, text) for k, (value, name, text) in enumerate(ordered, 1)
        ]
    return boards


def pseudonym(secret: bytes, student: Student) -> str:
    """A name that depends only on the student and the secret, and that nobody can compute without the secret."""
    digest = int.from_bytes(hmac.digest(secret, student.id.encode(errors="replace"), hashlib.sha256))
    digest, adjective = divmod(digest, len(ADJECTIVES))
    digest, animal = divmod(digest, len(ANIMALS))
    return f"{ADJECTIVES[adjective]} {ANIMALS[animal]} {digest % 100_000:05}"


def pseudonym_secret(folder: Path) -> bytes:
    """The secret of a results folder: generated once, readable only by its owner.

    Raises:
        KitError: the secret can be neither read nor written.
    """
    path = folder / SECRET
    try:
        if not path.exists():
            folder.mkdir(parents=True, exist_ok=True)
            part = folder / f"{SECRET}.{secrets.token_hex(8)}"
            with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(secrets.token_bytes(32))
            os.replace(part, path)
        return path.read_bytes()
    except OSError as error:
        raise KitError(f"the secret for pseudonyms, {path}, cannot be used: {error.strerror}") from None


def report_link(folder: Path | None, base: Path) -> str:
    """The relative URL of a student's report, quoted; '' if there is none."""
    if folder is None:
        return ""
    path = os.path.relpath(folder / "report.html", base)
    return "./" + quote(os.fsencode(path))


def histogram(values: Sequence[float], label: str, full: float | None = None) -> str:
    """A histogram with mean and median, as a data URI. Its colours follow the reader's light or dark theme."""
    top = max([*values, full or 0, 1e-9])
    width = bin_width(top)
    bins = max(1, math.ceil(top / width - 1e-9))
    edges = [k * width for k in range(bins + 1)]
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(6.0, 2.8), layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots()
        axes.hist(values, bins=edges, color=BAR, rwidth=0.92)
        for value, name, line in (
            (statistics.fmean(values), "mean", "--"),
            (statistics.median(values), "median", "-"),
        ):
            axes.axvline(value, color=INK, linestyle=line, linewidth=1.4, label=f"{name} {value:.1f}")
        if full:
            axes.axvline(full, color=INK, linestyle=":", linewidth=1, alpha=0.6, label=f"full marks {number(full)}")
        axes.set(xlabel=label, ylabel="submissions", xlim=(0, edges[-1]))
        axes.yaxis.get_major_locator().set_params(integer=True)
        figure.legend(frameon=False, loc="outside upper left", ncols=3)
    return themed(figure)


def bin_width(top: float) -> float:
    """A round bin width that gives at most 26 bins."""
    scale = 10 ** math.floor(math.log10(top / 26))
    return next(step * scale for step in (1, 2, 2.5, 5, 10, 20) if top / (step * scale) <= 26)
