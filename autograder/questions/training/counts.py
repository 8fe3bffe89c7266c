"""Counts of what the probes of one epoch of training produced. They run in the engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from autograder.questions.model import Unreadable
from autograder.questions.probing import global_state_kept
from autograder.questions.side_effects.counts import rng_bytes
from autograder.questions.training.probes import FACTORS, GivenModel

SAME = 0.05  # relative distance of an answer from that of its image; two factors are 0.3 apart
MOST_ROUNDS = 50


def mean_loss(produced: Mapping[str, Tensor], **inputs: Tensor | float) -> dict[str, Tensor]:
    """The mean loss that an epoch returns, and whether it is that of the losses that it learns from.

    Returns:
        ``mean_loss``: at learning rate 0, as produced.
        ``beside_training``: by how much the mean loss of an epoch that learns differs from the mean per image of the
            losses that a backward went through, relative to that; 0 where there was no backward. 0-d.
    """
    beside = _beside(produced["mean_loss_in_training"], produced["losses_in_training"])
    return {"mean_loss": produced["mean_loss"], "beside_training": beside}


def own_mean_loss(produced: Mapping[str, Tensor], **inputs: Tensor | float) -> dict[str, Tensor]:
    """Whether an epoch returns the mean per image of its own losses, whatever these are.

    Returns:
        ``beside_losses``, ``beside_training``: as ``beside_training`` of ``mean_loss``, at learning rate 0 and while it
            learns. ``batch_sizes``: how many different sizes the batches of these losses have: with one, no mean over
            images can be told from one over batches.
    """
    learnt = produced["losses"].view(-1, 3)
    return {
        "beside_losses": _beside(produced["mean_loss"], learnt),
        "beside_training": _beside(produced["mean_loss_in_training"], produced["losses_in_training"]),
        "batch_sizes": torch.tensor(learnt[learnt[:, 2] > 0, 1].unique().numel()),
    }


def _beside(returned: Tensor, losses: Tensor) -> Tensor:
    """How far the returned mean lies from that of the losses (calls, 3) that a backward went through, relative to it."""
    value, images, reached = losses.view(-1, 3).unbind(1)
    weights = images * reached
    mean = (value * weights).sum() / weights.sum()
    return ((returned.double() - mean) / mean.abs() if weights.any() else torch.zeros(())).float()


def any_iterable(produced: Mapping[str, Tensor], **inputs: Tensor | float) -> dict[str, Tensor]:
    """How far the mean loss and the parameters of an epoch over a generator lie from those over a DataLoader, relative.

    ``images``: how many images went through the model in the epoch with fewer of them.
    """
    differences = {name: _difference(*produced[name]) for name in ("mean_losses", "parameters")}
    return {"images": produced["images"].min().float(), **differences}


def _difference(one: Tensor, other: Tensor) -> Tensor:
    return ((one - other).abs().max() / one.abs().max().clamp(min=1e-12)).float()


def side_effects(
    produced: Mapping[str, Tensor], model: Callable[[Tensor], GivenModel], start: Tensor, images: Tensor
) -> dict[str, Tensor]:
    """In which modes the images went through the model, what the epoch kept in memory, and what it left behind.

    Args:
        produced: the outputs of ``Loop.side_effects``.
        model: makes the model from its parameters ``start``.
        images: all that should go through the model with gradients, (n, ...); equal ones count as often as they come.

    Returns:
        What ``modes`` returns; ``graphs_alive`` and ``graphs_returned`` as produced; ``images_alive`` and
        ``images_returned`` as shares of the images; ``idle_statistics``: 1 if the running statistics of the model's batch
        norm did not move, else 0; ``gradients_off``, ``frozen``: 1 if gradients are switched off after the epoch, or if no
        parameter requires them any more; ``rng_bytes``.
    """
    different, times = images.flatten(1).unique(dim=0, return_counts=True)
    with global_state_kept(), torch.no_grad():
        answer = model(start)(different.view(-1, *images.shape[1:]))
    expected = answer[-1] if isinstance(answer, tuple) else answer
    return {
        **modes(produced["rows"], produced["rows_learnt_from"], expected, times),
        "graphs_alive": produced["graphs_alive"],
        "graphs_returned": produced["graphs_returned"],
        **{name: produced[name].float() / len(images) for name in ("images_alive", "images_returned")},
        "idle_statistics": (produced["statistics"] == 0).sum(),
        "gradients_off": (~produced["gradients_on"].bool()).long(),
        "frozen": (~produced["trainable"].bool().any()).long(),
        "rng_bytes": rng_bytes(produced),
    }


def modes(rows: Tensor, learnt_from: Tensor, expected: Tensor, times: Tensor) -> dict[str, Tensor]:
    """How often images went through a coded model, read off its answers.

    An image may go through it more often than it has to, as for a metric or for cached gradients: answers that a backward
    went through decide about the modes, if there are any.

    Args:
        rows: the answers, (m, outputs).
        learnt_from: whether a backward went through them, (m,).
        expected: the answer to each image without a factor, (n, outputs).
        times: how often each image should go through the model, (n,).

    Returns, each 0-d:
        ``seen``: the share of these times that the images went through the model.
        ``without_gradients``: how many images went through it, but never with gradients.
        ``in_eval_mode``, ``partly_in_eval_mode``: how often an image went through it with gradients, but not in train
            mode, or with a part of the model in eval mode.

    Raises:
        Unreadable: there are more rows than an epoch needs, or rows of another length.
    """
    if len(rows) > MOST_ROUNDS * int(times.sum()):
        raise Unreadable(
            f"your epoch passes more than {MOST_ROUNDS} times as many images through the model as there are"
        )
    if not len(rows):
        rows = expected[:0]
    if rows.shape[1:] != expected.shape[1:]:
        raise Unreadable("the answers of the given model do not have their shape")
    coded = torch.stack([factor * expected.double() for factor in FACTORS.values()])  # (codes, n, outputs)
    distances = (rows.double()[:, None, None] - coded).norm(dim=-1) / coded.norm(dim=-1)
    nearest, place = distances.flatten(1).min(1)
    known = nearest <= SAME

    def tally(chosen: Tensor) -> dict[tuple[bool | None, bool], Tensor]:
        counted = place[chosen].bincount(minlength=coded[..., 0].numel()).view(coded.shape[:2])
        return dict(zip(FACTORS, counted))

    everything, learnt = tally(known), tally(known & learnt_from if learnt_from.any() else known)
    forwards = sum(everything.values())
    with_gradients = sum(everything[mode, True] for mode in (True, False, None))
    return {
        "seen": torch.minimum(forwards, times).sum() / times.sum(),
        "without_gradients": ((forwards > 0) & (with_gradients == 0)).sum(),
        "in_eval_mode": learnt[False, True].sum(),
        "partly_in_eval_mode": learnt[None, True].sum(),
    }
