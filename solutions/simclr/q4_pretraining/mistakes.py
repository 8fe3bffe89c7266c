"""Mistakes seen in contrastive training loops, each a small change of a right one."""

from __future__ import annotations

import torch

from autograder.questions.training import mistakes as updates
from autograder.questions.model import Misconception


def _epoch(
    prepare=lambda model: model.train(),
    before_batch=lambda optimizer: None,
    views=lambda x_i, x_j: (x_i, x_j),
    project=lambda model, x_i, x_j: (model(x_i)[1], model(x_j)[1]),
    update=None,
    after_epoch=lambda scheduler: None,
    keep=lambda loss: loss.item(),
    result=lambda losses, sizes: sum(v * n for v, n in zip(losses, sizes, strict=True)) / sum(sizes),
):
    """A right ``train_one_epoch`` in which each part can be replaced."""
    make_update = update or updates.right_update

    def train_one_epoch(model, loader, optimizer, scheduler, loss_fn, device="cpu"):
        prepare(model)
        losses, sizes = [], []
        for (x_i, x_j), _ in loader:
            z_i, z_j = project(model, *views(x_i.to(device), x_j.to(device)))
            loss = loss_fn(z_i, z_j)
            make_update(loss, optimizer, scheduler)
            losses.append(keep(loss))
            sizes.append(len(x_i))
        after_epoch(scheduler)
        return result(losses, sizes)

    return train_one_epoch


def _second_without_gradient(model, x_i, x_j):
    with torch.no_grad():
        z_j = model(x_j)[1]
    return model(x_i)[1], z_j


def _second_detached(model, x_i, x_j):
    return model(x_i)[1], model(x_j)[1].detach()


def _interleaved(model, x_i, x_j):
    z = model(torch.cat([x_i, x_j]))[1]
    return z[0::2], z[1::2]


def _mean_over_batches(losses, sizes):
    return sum(losses) / len(losses)


def _ragged_as_full(losses, sizes):
    return sum(losses) * sizes[0] / sum(sizes)


def _first_batch_only(model, loader, optimizer, scheduler, loss_fn, device="cpu"):
    model.train()
    for (x_i, x_j), _ in loader:
        loss = loss_fn(model(x_i)[1], model(x_j)[1])
        updates.right_update(loss, optimizer, scheduler)
        return loss.item()


def _ragged_skipped(model, loader, optimizer, scheduler, loss_fn, device="cpu"):
    model.train()
    losses = []
    for (x_i, x_j), _ in loader:
        if len(x_i) < loader.batch_size:
            continue
        loss = loss_fn(model(x_i)[1], model(x_j)[1])
        updates.right_update(loss, optimizer, scheduler)
        losses.append(loss.item())
    return sum(losses) / len(losses)


def _one_update_per_epoch(model, loader, optimizer, scheduler, loss_fn, device="cpu"):
    model.train()
    optimizer.zero_grad()
    total, count = 0.0, 0
    for (x_i, x_j), _ in loader:
        loss = loss_fn(model(x_i)[1], model(x_j)[1])
        loss.backward()
        scheduler.step()
        total, count = total + loss.item() * len(x_i), count + len(x_i)
    optimizer.step()
    return total / count


_SAME_VIEW = "The loss compares a view with itself: only one of the two views goes through the model."

_TABLE = (
    ("zero_grad missing", _epoch(update=updates.no_zero_grad),
     "The gradients of earlier batches are never cleared, so each step follows their sum."),
    ("zero_grad after backward", _epoch(update=updates.zero_grad_after_backward),
     "The gradients are empty when the optimiser reads them: look at what happens between backward and step."),
    ("scheduler before optimizer", _epoch(update=updates.scheduler_first),
     "The scheduler steps before the optimiser, so every step uses the learning rate of the next one."),
    ("scheduler per epoch", _epoch(update=updates.no_scheduler, after_epoch=lambda scheduler: scheduler.step()),
     "The scheduler steps once per epoch; it is meant to step once per batch."),
    ("scheduler never stepped", _epoch(update=updates.no_scheduler),
     "The scheduler is never stepped, so the learning rate stays where it started."),
    ("scheduler stepped twice", _epoch(update=updates.scheduler_twice),
     "The scheduler steps more than once per batch."),
    ("optimizer never stepped", _epoch(update=updates.no_step),
     "The optimiser is never asked to step, so the parameters never change."),
    ("optimizer stepped twice", _epoch(update=updates.step_twice),
     "The optimiser steps more than once on the same gradients."),
    ("backward missing", _epoch(update=updates.loss_only),
     "The loss is computed and nothing is learned from it: the optimiser never steps."),
    ("one update per epoch", _one_update_per_epoch,
     "The parameters change once per epoch; each batch has a step of its own."),
    ("first view twice", _epoch(views=lambda x_i, x_j: (x_i, x_i)), _SAME_VIEW),
    ("second view twice", _epoch(views=lambda x_i, x_j: (x_j, x_j)), _SAME_VIEW),
    ("loss of h", _epoch(project=lambda model, x_i, x_j: (model(x_i)[0], model(x_j)[0])),
     "The loss is taken of the encoder's output; it belongs on the projections."),
    ("second view without gradient", _epoch(project=_second_without_gradient),
     "The second view is cut from the graph; both views train the model."),
    ("second projection detached", _epoch(project=_second_detached),
     "The second view is cut from the graph; both views train the model."),
    ("views interleaved", _epoch(project=_interleaved),
     "The two views are concatenated in blocks and taken apart in turns, so rows of different images are paired."),
    ("eval mode", _epoch(prepare=lambda model: model.eval()),
     "The model is in eval mode while it is trained; set the mode at the start of the epoch, whatever it was before."),
    ("train mode not set", _epoch(prepare=lambda model: None),
     "The model is in eval mode while it is trained; set the mode at the start of the epoch, whatever it was before."),
    ("losses kept with their graph", _epoch(keep=lambda loss: loss),
     "The losses are summed as tensors that carry their graphs, so memory grows with every batch."),
    ("mean over batches", _epoch(result=_mean_over_batches),
     "The mean is taken over batches; a smaller last batch then counts as much as a full one."),
    ("last batch weighted as full", _epoch(result=_ragged_as_full),
     "Every batch is weighted with the size of the first; the last one is smaller."),
    ("sum instead of mean", _epoch(result=lambda losses, sizes: sum(losses)),
     "The sum of the batch losses is returned; a mean per image is asked for."),
    ("weighted sum not divided", _epoch(result=lambda v, n: sum(a * b for a, b in zip(v, n, strict=True))),
     "The weighted sum of the losses is returned without dividing it by the number of images."),
    ("mean of losses divided by images", _epoch(result=lambda losses, sizes: sum(losses) / sum(sizes)),
     "The sum of batch means is divided by the number of images; each mean must first be weighted by its batch."),
    ("divided by views", _epoch(result=lambda v, n: sum(a * b for a, b in zip(v, n, strict=True)) / (2 * sum(n))),
     "The loss is divided by the number of views; it is asked for per image."),
    ("last loss returned", _epoch(result=lambda losses, sizes: losses[-1]),
     "The loss of the last batch is returned; the mean of the epoch is asked for."),
    ("nothing returned", _epoch(result=lambda losses, sizes: None),
     "Nothing is returned; the mean loss of the epoch is asked for."),
    ("first batch only", _first_batch_only,
     "The function returns inside the loop, after the first batch."),
    ("smaller batch skipped", _ragged_skipped,
     "A batch that is smaller than the others is left out."),
)  # fmt: skip

MISCONCEPTIONS = tuple(Misconception(name, hint, {"train_one_epoch": wrong}) for name, wrong, hint in _TABLE)
