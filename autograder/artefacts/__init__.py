"""Artefact graders: they measure a file that a student submits together with the notebook.

Each kind is a folder. Its ``__init__`` reads a table of ``assignment.toml`` and turns findings into points, without torch;
its ``measure`` does the measurement. To add a kind, write a class with the protocol ``Artefact`` and add it to ``KINDS``.
"""

from __future__ import annotations

from collections.abc import Callable

from autograder.artefacts import accuracy, elbo, knn, linear, samples
from autograder.artefacts.model import Artefact, Finding, Headline, Inputs, Test
from autograder.toml_entries import WrongEntry, check_choice, known_names
from autograder.toml_lines import Place
from data_scripts.dataset import Dataset

# The function of each kind makes an artefact from a table, the table's name in messages, its place in the file and the
# data set (None if it is not known, which is refused elsewhere). It raises WrongEntry.
KINDS: dict[str, Callable[[dict, str, Place, Dataset | None], Artefact]] = {
    "accuracy": accuracy.read,
    "elbo": elbo.read,
    "knn": knn.read,
    "linear": linear.read,
    "samples": samples.read,
}

__all__ = ["KINDS", "Artefact", "Finding", "Headline", "Inputs", "Test", "read_artefact"]


def read_artefact(table: dict, where: str, place: Place, dataset: Dataset | None) -> Artefact:
    """The artefact of a table. Raises WrongEntry if the kind is unknown or an entry is wrong."""
    if "kind" not in table:
        raise WrongEntry((*place, "kind"), f"{where} has no entry 'kind'; {known_names('', KINDS)}")
    check_choice(table, "kind", where, place, KINDS)
    return KINDS[table["kind"]](table, where, place, dataset)
