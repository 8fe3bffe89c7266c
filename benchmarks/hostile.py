"""The hostile corpus against three graders: ``python -m benchmarks.hostile [--only kit|otter|nbgrader] [--case ID]``.

Every case of ``tests/corpus/hostile`` is graded by this kit, by stock ``otter run`` and by stock ``nbgrader autograde``,
once each. The stock graders get hidden tests for the same questions, points, inputs and tolerances, as strict as a careful
instructor writes them: type, shape, dtype and finiteness first, then ``torch.allclose`` with stored references. They run
strangers' code without a sandbox, so each such run happens inside bubblewrap, and not at all where that is missing.

Finished runs are kept as JSON in ``--state``; a further call goes on where the last one ended, and writes
``docs/hostile.md`` when nothing is missing.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

import psutil

from autograder.engine.grade import Grader
from autograder.release.bundle import build_bundle
from autograder.sandbox.leftovers import remove_tree
from benchmarks.stock import nbgrader, otter
from benchmarks.stock.container import Container, ContainerMissing
from tests.checkout import COURSE, ROOT
from tests.corpus import small
from tests.corpus.hostile import CLASSES
from tests.corpus.hostile.attack import Attack
from tests.corpus.test_hostile import learned, members, shared_files, tidy

STOCK = {"otter": otter, "nbgrader": nbgrader}
GRADERS = ("kit", *STOCK)
TITLES = {"kit": "this kit", "otter": "`otter run`", "nbgrader": "`nbgrader autograde`"}
PAGE = ROOT / "docs" / "hostile.md"
GAIN, DOWN, NO, NOT_APPLICABLE = "gains", "harms", "no", "n/a"


@dataclass(frozen=True)
class Outcome:
    """How one case went with one grader: ``kind`` is one of GAIN, DOWN, NO, NOT_APPLICABLE; ``said`` says more."""

    kind: str
    said: str
    seconds: float = 0.0


def judged(attack: Attack, score: float | None, harms: Iterable[str], seconds: float) -> Outcome:
    """What a run means: points gained count first, then every harm to the grader or to others."""
    harms = list(harms)
    if score is not None and score > attack.honest + 1e-9:
        said = "; ".join([f"{score:g} points instead of {attack.honest:g}", *harms])
        return Outcome(GAIN, said, seconds)
    if harms or score is None:
        return Outcome(DOWN, "; ".join(harms or ["no grade"]), seconds)
    return Outcome(NO, f"{score:g} points", seconds)


def by_kit(grader: Grader, attack: Attack, folder: Path) -> Outcome:
    """Grade a case with this kit, and look for the same damages as its test does."""
    if reason := attack.hindrance():
        return Outcome(NOT_APPLICABLE, reason)
    parent, before, files = grader.sandbox.pid, members(grader), shared_files()
    started = time.monotonic()
    if attack.earlier:
        grader.grade(attack.hand_in_earlier(folder / "earlier"))
    report = grader.grade(attack.hand_in(folder / "handed-in"))
    seconds = time.monotonic() - started
    harms = [
        *learned(report),
        *([] if grader.sandbox.pid == parent and psutil.pid_exists(parent) else ["kills the sandbox's parent"]),
        *("leaves a process" for _ in list(members(grader) - before)[:1]),
        *(f"leaves {path}" for path in sorted(shared_files() - files)),
        *(attack.check(grader, report, folder / "handed-in") if attack.check else ()),
    ]
    tidy(shared_files() - files)
    return judged(attack, report.score, harms, seconds)


def by_stock(name: str, prepared: Path, attack: Attack, folder: Path, limit: float) -> Outcome:
    """Grade a case with a stock grader inside a container of its own."""
    grader = STOCK[name]
    if reason := attack.hindrance() or grader.not_applicable(attack):
        return Outcome(NOT_APPLICABLE, reason)
    run = Container(folder, limit).run(grader, prepared, attack)
    return judged(attack, run.score, run.harms, run.seconds)


def check_stock(name: str, prepared: Path, folder: Path, limit: float) -> None:
    """A right submission must earn everything, or the comparison would mean nothing."""
    honest = Attack("honest", "", "", small.HONEST, honest=small.FULL)
    outcome = by_stock(name, prepared, honest, folder, limit)
    if outcome.kind != NO or outcome.said != f"{small.FULL:g} points":
        sys.exit(f"a right submission gets from {name}: {outcome.kind}, {outcome.said}; nothing is compared")


class State:
    """Finished runs, one JSON file each."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def get(self, grader: str, case: str) -> Outcome | None:
        path = self.folder / f"{grader}-{case}.json"
        return Outcome(**json.loads(path.read_text())) if path.exists() else None

    def put(self, grader: str, case: str, outcome: Outcome) -> None:
        part = self.folder / f"{grader}-{case}.part"
        part.write_text(json.dumps(asdict(outcome)))
        os.replace(part, self.folder / f"{grader}-{case}.json")


def run_kit(cases: list[Attack], state: State, folder: Path) -> None:
    """All cases with one grader of this kit, one after another."""
    bundle = small.small_bundle(build_bundle(COURSE.assignment("simclr")), folder / "bundle")
    with Grader(bundle) as grader:
        for attack in cases:
            keep(state, "kit", attack, by_kit(grader, attack, folder / attack.id))
            remove_tree(folder / attack.id)


def run_stock(name: str, cases: list[Attack], state: State, folder: Path, options: argparse.Namespace) -> None:
    """All cases with a stock grader, a few at a time."""
    key = small.small_bundle(build_bundle(COURSE.assignment("simclr")), folder / "bundle") / "key.safetensors"
    prepared = STOCK[name].prepare(folder / "prepared", key)
    check_stock(name, prepared, folder / "honest", options.limit)

    def one(attack: Attack) -> None:
        keep(state, name, attack, by_stock(name, prepared, attack, folder / attack.id, options.limit))
        remove_tree(folder / attack.id)

    with ThreadPoolExecutor(options.workers) as workers:
        list(workers.map(one, cases))


def keep(state: State, grader: str, attack: Attack, outcome: Outcome) -> None:
    state.put(grader, attack.id, outcome)
    print(f"{grader:9}{attack.id:28}{outcome.kind:6} {outcome.said[:120]} ({outcome.seconds:.1f} s)", flush=True)


def page(state: State, limit: float) -> str:
    """``docs/hostile.md``."""
    totals = {grader: {GAIN: 0, DOWN: 0, "of": 0} for grader in GRADERS}
    rows, details = [], []
    for title, attacks in CLASSES.items():
        cells = [title, str(len(attacks))]
        for grader in GRADERS:
            outcomes = [state.get(grader, attack.id) for attack in attacks]
            count = {kind: sum(outcome.kind == kind for outcome in outcomes) for kind in (GAIN, DOWN, NOT_APPLICABLE)}
            of = len(outcomes) - count[NOT_APPLICABLE]
            totals[grader] = {
                **{kind: totals[grader][kind] + count[kind] for kind in (GAIN, DOWN)},
                "of": totals[grader]["of"] + of,
            }
            cells.append(f"{count[GAIN]} + {count[DOWN]} of {of}")
        rows.append("| " + " | ".join(cells) + " |")
        details += [f"\n### {title.capitalize()}\n", *DETAIL_HEAD]
        details += [
            "| " + " | ".join([attack.id, attack.tries, *(shown(state.get(g, attack.id)) for g in GRADERS)]) + " |"
            for attack in attacks
        ]
    total = [f"**{totals[g][GAIN]} + {totals[g][DOWN]} of {totals[g]['of']}**" for g in GRADERS]
    rows.append("| " + " | ".join(["**all**", f"**{sum(map(len, CLASSES.values()))}**", *total]) + " |")
    facts = {
        "limit": f"{limit:g}",
        "machine": f"{platform.system()} {platform.machine()}, two AMD cores, no GPU, Python {platform.python_version()}",
        "versions": ", ".join(f"{name} {version(name)}" for name in ("torch", "otter-grader", "nbgrader", "nbclient")),
        "rows": "\n".join(rows),
        "details": "\n".join(details),
        "heads": " | ".join(TITLES[grader] for grader in GRADERS),
    }
    return TEMPLATE.format(**facts)


def shown(outcome: Outcome) -> str:
    """An outcome as a table cell."""
    if outcome.kind == NO:
        return "–"
    text = "".join(c if c.isprintable() else " " for c in outcome.said).replace("|", "/").replace("<", "&lt;")[:110]
    return (
        text
        if outcome.kind == NOT_APPLICABLE and len(text) < 4
        else f"**{outcome.kind}**: {text}" * (outcome.kind != NOT_APPLICABLE) or "n/a"
    )


DETAIL_HEAD = ("| case | what it tries | " + " | ".join(TITLES[g] for g in GRADERS) + " |", "|---|---|---|---|---|")
TEMPLATE = """# Hostile submissions against three graders

Made by `python -m benchmarks.hostile`; the cases are those of `tests/corpus/hostile`.
`tests/corpus/test_hostile.py` runs them against this kit in the suite. Machine: {machine}. Versions: {versions}.

The three graders score the same three loss questions for the same 20 points. The stock graders get the hidden tests that a
careful instructor would write: they require a plain, finite tensor of the correct shape and dtype, and then compare value
and both gradients with stored references by `torch.allclose`, at this kit's tolerances. Before any case was run, a correct
submission earned 20 of 20 points from each of the three.

* **Otter**: `otter generate`, then `otter run`; the references are in a support file beside the tests, where Otter puts it.
* **nbgrader**: a course made by `nbgrader generate_assignment`, then `nbgrader autograde`; the references are in the
  hidden test cells. The score is read from `gradebook.db`.
* Each stock run has a bubblewrap container of its own, without a network, with limits of 3 GB, 400 processes and {limit} s.
  So "kills other processes" and "leaves" refer to that container. A case that attacks the machine (a full disk, a fork bomb
  that nobody stops) does less harm here than on a course machine without such a container.

A case **gains** if the score is higher than what the submission deserves. It **harms** if there is no grade, if the
grader hangs for more than {limit} s or is killed, if processes, files or shared memory remain, if another process is killed
or stopped, or if a part of a reference is read. A missing grade counts even if only the hostile student has none, because an
instructor has to look at it. Cases about parts that only this kit has (its connection, its checkpoint loader) do not apply to
the others. Zip files do not apply to nbgrader; links and pipes do not apply to Otter, which takes single files.

Each cell shows *gains + harms of applicable cases*.

| class | cases | {heads} |
|---|---|---|---|---|
{rows}

Each case ran once. With a stock grader a failing cell earns the student nothing, and neither stock grader restarts after a
crash, so "no grade" is often what an honest infinite loop would cause, too.

## Case by case

The sign – means: no gain, no harm.
{details}
"""


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=GRADERS, help="run one of the three graders")
    parser.add_argument("--case", action="append", help="run this case alone, again if it is done (may be repeated)")
    parser.add_argument("--limit", type=float, default=90.0, help="seconds after which a stock grader counts as hung")
    parser.add_argument("--workers", type=int, default=2, help="stock runs at a time")
    parser.add_argument("--state", type=Path, default=Path(tempfile.gettempdir()) / "kit-graders", help="finished runs")
    parser.add_argument("--page", action="store_true", help="only write the page from the finished runs")
    return parser.parse_args()


def main() -> None:
    sys.setrecursionlimit(20_000)  # copying and removing the deepest case recurses
    options = arguments()
    state = State(options.state)
    everything = [attack for attacks in CLASSES.values() for attack in attacks]
    wanted = [attack for attack in everything if not options.case or attack.id in options.case]
    for grader in () if options.page else (options.only,) if options.only else GRADERS:
        cases = [attack for attack in wanted if options.case or state.get(grader, attack.id) is None]
        if not cases:
            continue
        with tempfile.TemporaryDirectory(prefix=f"kit-{grader}-") as name:
            try:
                if grader == "kit":
                    run_kit(cases, state, Path(name))
                else:
                    run_stock(grader, cases, state, Path(name), options)
            except ContainerMissing as error:
                sys.exit(str(error))
    missing = [(g, a.id) for g in GRADERS for a in everything if state.get(g, a.id) is None]
    if missing:
        print(f"{len(missing)} runs are missing, the page is not written: {missing[:5]}")
        return
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page(state, options.limit), encoding="utf-8")
    print(f"wrote {PAGE}")


if __name__ == "__main__":
    main()
