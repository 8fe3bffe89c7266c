"""Artefact graders: what is measured of a file that a student hands in beside the notebook.

Each kind is a folder: its ``__init__`` reads a table of ``assignment.toml`` and turns findings into points, without torch;
``measure`` does the measuring. To add a kind, write a class that meets ``Artefact`` and enter it in ``KINDS``.
"""

from __future__ import annotations

from collections.abc import Callable

from autograder.artefacts import accuracy, samples
from autograder.artefacts.model import Artefact, Finding, Headline, Inputs, Test
from autograder.toml_entries import WrongEntry, check_choice
from autograder.toml_lines import Place

# Each kind's function makes an artefact out of a table (its name in a sentence, its place, the channels of the images), or
# raises WrongEntry.
KINDS: dict[str, Callable[[dict, str, Place, int], Artefact]] = {"accuracy": accuracy.read, "samples": samples.read}

__all__ = ["KINDS", "Artefact", "Finding", "Headline", "Inputs", "Test", "read_artefact"]


def read_artefact(table: dict, where: str, place: Place, channels: int) -> Artefact:
    """The artefact of a table. Raises WrongEntry where its kind is unknown, or refuses an entry."""
    if "kind" not in table:
        raise WrongEntry((*place, "kind"), f"{where} lacks the entry 'kind'; known are {', '.join(KINDS)}")
    check_choice(table, "kind", where, place, KINDS)
    return KINDS[table["kind"]](table, where, place, channels)
