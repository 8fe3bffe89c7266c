"""Probes of q2: what the three functions return for given labels, many times over where they draw."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from autograder.questions.losses.probes import Student, batches, parts_of
from autograder.questions.probing import as_tensor, described, global_state_kept, tracked

PAIRS, TRIPLETS, HARD = ("i", "j", "same"), ("X_a", "X_p", "X_n"), ("anchors", "positives", "negatives")
SEVERAL = 3  # calls that are repeated


class NotIndices(TypeError):
    """A part of what was returned has another dtype or shape."""


class NoGenerator(TypeError):
    """What ``triplet_batches`` returned does not yield batches."""


class Ended(ValueError):
    """The student's generator came to an end."""


def _part(part: object, what: str, dtype: torch.dtype, shape: tuple[int, ...]) -> Tensor:
    found = as_tensor(part, what)
    if found.dtype is not dtype or found.shape != shape:
        raise NotIndices(f"{what} is {found.dtype} of shape {tuple(found.shape)}, expected {dtype} of shape {shape}")
    return found


def pairs(student: Student, y: Tensor, calls: int, seed: int) -> dict[str, Tensor]:
    """``i``, ``j``, ``same``: what ``calls`` calls with one generator return, (calls, n); ``again_…``: a few with an equal one
    under another global seed. ``after_y``: the labels after them; ``rng_before``, ``rng_after``: torch's global state."""

    def drawn(calls: int, given: Tensor) -> list[Tensor]:
        rng, found = torch.Generator().manual_seed(seed), []
        for _ in range(calls):
            parts = parts_of(student["pairs_from_labels"](given, rng), PAIRS, "What pairs_from_labels returns")
            kinds = zip(PAIRS, parts, (torch.int64, torch.int64, torch.bool), strict=True)
            found.append([_part(part, f"{name} of pairs_from_labels", kind, y.shape) for name, part, kind in kinds])
        return [torch.stack(part) for part in zip(*found)]

    with global_state_kept():
        torch.manual_seed(7919)  # no seed that students use: their own would leave the state as it is
        before, given = torch.get_rng_state(), y.clone()
        first = drawn(calls, given)
        after = torch.get_rng_state()
        torch.manual_seed(7920)
        again = drawn(SEVERAL, y.clone())
    return {
        **dict(zip(PAIRS, first)),
        **{f"again_{name}": part for name, part in zip(PAIRS, again)},
        **{"after_y": given, "rng_before": before, "rng_after": after},
    }


def _stream(student: Student, X: Tensor, y: Tensor, batch_size: int, rng: torch.Generator) -> Iterator[tuple]:
    """The batches of the student's generator, (X_a, X_p, X_n) each. Raises NoGenerator, Ended, WrongParts, NoTensor."""
    made = student["triplet_batches"](X, y, batch_size, rng)
    if not hasattr(made, "__iter__") or isinstance(made, Tensor | tuple | list):
        raise NoGenerator(f"What triplet_batches returns is {described(made)}; it should be a generator: use yield")
    number = 0
    for batch in made:
        parts = parts_of(batch, TRIPLETS, "What triplet_batches yields")
        yield tuple(as_tensor(part, f"{name} of triplet_batches") for name, part in zip(TRIPLETS, parts, strict=True))
        number += 1
    raise Ended(f"Your generator of triplets ended after {number} batches; it goes on for ever")


def _rows(batches: list[tuple], X: Tensor) -> dict[str, Tensor]:
    """``sizes``: (batches, 3); the rows of all batches one after the other: ``X_a``, ``X_p``, ``X_n``. Raises NotIndices."""
    for name, part in ((name, part) for batch in batches for name, part in zip(TRIPLETS, batch)):
        if part.dtype is not X.dtype or part.shape[1:] != X.shape[1:]:
            found = f"{part.dtype} of shape {tuple(part.shape)}"
            raise NotIndices(
                f"{name} of triplet_batches is {found}; it should hold rows of X, (batch_size, …) of {X.dtype}"
            )
    return {
        "sizes": torch.tensor([[len(part) for part in batch] for batch in batches]),
        **{name: torch.cat(parts) for name, parts in zip(TRIPLETS, zip(*batches), strict=True)},
    }


def triplets(student: Student, X: Tensor, y: Tensor, batch_size: int, batches: int, seed: int) -> dict[str, Tensor]:
    """What ``_rows`` returns of the first ``batches`` batches."""
    with global_state_kept():
        stream = _stream(student, X.clone(), y.clone(), batch_size, torch.Generator().manual_seed(seed))
        return _rows([next(stream) for _ in range(batches)], X)


def fresh(student: Student, X: Tensor, y: Tensor, batch_size: int, batches: int, seed: int) -> dict[str, Tensor]:
    """How batches depend on the generator, and what happens where no triplet is possible.

    Returns:
        ``X_a`` …: what ``_rows`` returns of some batches; ``next_…`` of another stream with the same rng; ``again_…`` of a
            stream with an equal rng, under another global seed. ``after_X``, ``after_y``, ``rng_before``, ``rng_after``.
        ``refused``: 1 where a ValueError comes for labels that are all different, and for those that are all equal, (2,).
    """
    with global_state_kept():
        torch.manual_seed(7919)
        before, rng, copies = torch.get_rng_state(), torch.Generator().manual_seed(seed), (X.clone(), y.clone())
        found = {}
        for prefix in ("", "next_", "again_"):
            if prefix == "again_":
                after = torch.get_rng_state()
                torch.manual_seed(7920)
                rng = torch.Generator().manual_seed(seed)
            stream = _stream(student, *copies, batch_size, rng)
            rows = _rows([next(stream) for _ in range(batches)], X)
            found |= {prefix + name: part for name, part in rows.items()}
        refused = [_refuses(student, X, labels) for labels in (torch.arange(len(y)), torch.zeros_like(y))]
    return {
        **found,
        **{"after_X": copies[0], "after_y": copies[1], "rng_before": before, "rng_after": after},
        "refused": torch.tensor(refused),
    }


def _refuses(student: Student, X: Tensor, y: Tensor) -> int:
    try:
        next(iter(student["triplet_batches"](X.clone(), y, 2, torch.Generator().manual_seed(1))))
    except ValueError:
        return 1
    except Exception:
        return 0
    return 0


def hard(student: Student, **given: Tensor) -> dict[str, Tensor]:
    """``anchors_<batch>``, ``positives_<batch>``, ``negatives_<batch>``: what ``batch_hard`` returns for each batch, whose
    embeddings carry a graph; ``after_<input>``: each input after the call; ``rng_before``, ``rng_after``."""
    found = {"rng_before": torch.get_rng_state()}
    with global_state_kept():
        for letter, inputs in batches(given).items():
            z, y = tracked(inputs["z"])[0], inputs["y"].clone()
            parts = parts_of(student["batch_hard"](z, y), HARD, "What batch_hard returns")
            for name, part in zip(HARD, parts, strict=True):
                found[f"{name}_{letter}"] = as_tensor(part, f"{name} of batch_hard")
            found |= {f"after_z_{letter}": z.detach(), f"after_y_{letter}": y}
        return {**found, "rng_after": torch.get_rng_state()}
