"""``kit tolerances``: the table of measured gaps."""

from __future__ import annotations

import argparse

EXAMPLE = "./kit tolerances simclr"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="the assignment, e.g. simclr")


def run(arguments: argparse.Namespace) -> int:
    from autograder.course import find_course

    folder = find_course(arguments.course).assignment(arguments.name)

    from rich import box
    from rich.console import Console
    from rich.table import Table

    from autograder.engine.answer_key import read_draws
    from autograder.release.bundle import build_bundle
    from autograder.tolerances import GAP, measure, unseen_anywhere

    table = Table(box=box.SIMPLE_HEAD, title="Errors as multiples of the tolerance", title_justify="left")
    for column in ("test", "worst correct", "solution", "mildest mistake", "misconception", "sound"):
        table.add_column(
            column, justify="right" if column.startswith(("worst", "mildest")) else "left", overflow="fold"
        )
    gaps = measure(folder, read_draws(build_bundle(folder) / "key.safetensors"))
    for gap in gaps:
        (right, variant), (wrong, mistake) = gap.worst_right, gap.mildest_wrong
        name = f"{gap.question} {gap.test}" + (f", draw {gap.draw + 1}" if gap.draw else "")
        table.add_row(name, f"{right:.3f}", variant, f"{wrong:.3g}", mistake, "yes" if gap.sound else "NO")
    console = Console()
    console.print(table)
    console.print(
        f"sound: correct solutions at or below {1 / GAP:g}, every mistake that the test sees at or above {GAP:g}"
    )
    for name in unseen_anywhere(gaps):
        console.print(f"no test sees {name}; add inputs on which it matters")
    return 0 if all(gap.sound for gap in gaps) and not unseen_anywhere(gaps) else 1
