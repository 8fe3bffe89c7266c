"""Says where the definition of a name may be that a notebook does not have when it is graded. Pure functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from autograder.engine.runner import CellOutcome
from autograder.sandbox import sightings
from autograder.sandbox.notebook import Notebook
from autograder.sandbox.sightings import Sighting
from autograder.text import quoted

Outcomes = Sequence[CellOutcome]
Explain = Callable[[Outcomes, str, int | None, bool], str]
BESIDE_A_STUB = (sightings.BOUND, sightings.HELD, sightings.TEXT)


def whereabouts(
    notebook: Notebook,
    homes: Mapping[str, str],
    outcomes: Outcomes,
    name: str,
    cell: int | None = None,
    stub: bool = False,
) -> str:
    """Where the definition of ``name`` may be, as a clause whose "it" is the definition; '' if nothing is known.

    Args:
        homes: the question of each graded name.
        outcomes: what became of each code cell.
        name: what is not defined. The submission may have made it up, so it is not repeated.
        cell: the code cell that needed it; None if a test did.
        stub: the name is defined, but its function is a stub: where another definition of it may be.
    """
    ran = {outcome.index: outcome for outcome in outcomes}
    places = notebook.sightings.get(name, ())
    for place in (place for place in places if not stub or place.kind in BESIDE_A_STUB):
        if clause := _clause(place, notebook, ran, cell, name in homes):
            return clause
    if not stub and (question := homes.get(name)):
        return f"{question} of the notebook that you were given has a cell for it"
    return ""


def _clause(place: Sighting, notebook: Notebook, ran: Mapping[int, CellOutcome], cell: int | None, graded: bool) -> str:
    here = f"cell {place.cell}"
    match place.kind:
        case sightings.BOUND:
            return _of_bound(place, ran.get(place.cell), cell)
        case sightings.DELETED:
            return f"{here} deletes it" if cell is None or place.cell < cell else ""
        case sightings.HELD:
            return f"{here} holds its definition, but {notebook.cells[place.cell - 1].skip}"
        case sightings.TEXT:
            where = f"after code cell {place.cell}" if place.cell else "above the first code cell"
            return f"its definition is in a {place.by} cell {where}; make that a code cell (in Jupyter: Esc, then Y)"
        case sightings.NESTED:
            return f"{here} defines it only inside {quoted(place.by, 40)}" + "; move it to the left margin" * graded
        case sightings.FILED:
            return f"{here} only writes its definition into a file"
        case sightings.COMMENT:
            return f"{here} holds its definition only in a comment or a string"
        case sightings.NEAR:
            return f"{here} defines {quoted(place.by, 40)}, a similar name"
    return ""


def _of_bound(place: Sighting, outcome: CellOutcome | None, cell: int | None) -> str:
    """Why a statement of the notebook, which is run and binds the name, did not do so before ``cell``."""
    if cell is not None and place.cell >= cell:
        return f"it is defined only later, in cell {place.cell}" if place.cell > cell else ""
    if outcome is not None and outcome.status != "ok":
        return f"cell {place.cell} should define it, but {outcome.told}"
    if place.by:
        return f"cell {place.cell} defines it only in a part of its {quoted(place.by, 10)} that was not run"
    return ""
