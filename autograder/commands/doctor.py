"""``./kit doctor``: what this machine has, and what is missing."""

from __future__ import annotations

import argparse
import platform
import shutil
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

EXAMPLE = "./kit doctor --data data"
PACKAGES = (
    "torch",
    "torchvision",
    "numpy",
    "otter-grader",
    "nbgrader",
    "jupyterlab",
    "notebook",
    "jupytext",
    "safetensors",
)


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data", type=Path, metavar="DIR", help="folder with the prepared data set (default: the usual places)"
    )


def run(arguments: argparse.Namespace) -> int:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 2))
    for topic, text in findings(arguments.data):
        table.add_row(Text(topic), Text(text))
    Console().print(table)
    return 0


def findings(data: Path | None) -> list[tuple[str, str]]:
    """(topic, what was found), in the order in which a reader needs them."""
    import psutil

    from autograder.datasets import describe, find_data
    from autograder.places import ROOT
    from autograder.sandbox import layers

    memory, disk = psutil.virtual_memory(), shutil.disk_usage(ROOT)
    rows = [
        ("Python", f"{platform.python_version()} on {platform.system()} {platform.release()}, {platform.machine()}"),
        *((name, _version(name)) for name in PACKAGES),
        ("processors", str(psutil.cpu_count())),
        ("memory", f"{memory.available / 2**30:.1f} GB free of {memory.total / 2**30:.1f} GB"),
        ("disk", f"{disk.free / 2**30:.0f} GB free of {disk.total / 2**30:.0f} GB at the checkout"),
        ("cifar10", describe(find_data("cifar10", data))),
    ]
    return rows + [
        (
            f"sandbox: {layer.name}",
            f"active: {layer.remark or layer.promise}" if layer.active else f"not active: {layer.why_not}",
        )
        for layer in layers.status()
    ]


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed: run ./kit once more, or pip install -e ."
