"""Mistakes seen in training loops and in sampling loops of diffusion models, each a small change of a right one."""

from __future__ import annotations

import torch

from autograder.questions.training import mistakes as updates
from autograder.questions.model import Misconception


def _epoch(
    prepare=lambda model: model.train(),
    batches=lambda loader: loader,
    images=lambda x0: x0,
    loss_of=lambda loss_fn, model, x0, labels: loss_fn(model, x0, labels),
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
        for x0, labels in batches(loader):
            loss = loss_of(loss_fn, model, images(x0.to(device)), labels.to(device))
            make_update(loss, optimizer, scheduler)
            losses.append(keep(loss))
            sizes.append(len(x0))
        after_epoch(scheduler)
        return result(losses, sizes)

    return train_one_epoch


def _clipped(loss, optimizer, scheduler):
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_([p for group in optimizer.param_groups for p in group["params"]], 1.0)
    optimizer.step()
    scheduler.step()


def _part_of_the_parameters(loss, optimizer, scheduler):
    optimizer.zero_grad()
    loss.backward()
    for parameter in optimizer.param_groups[0]["params"][:2]:
        parameter.grad = None
    optimizer.step()
    scheduler.step()


def _own_optimizer(model, loader, optimizer, scheduler, loss_fn, device="cpu"):
    own = torch.optim.Adam(model.parameters(), lr=optimizer.param_groups[0]["lr"])
    model.train()
    total, count = 0.0, 0
    for x0, labels in loader:
        loss = loss_fn(model, x0, labels)
        updates.no_scheduler(loss, own, scheduler)
        scheduler.step()
        total, count = total + loss.item() * len(x0), count + len(x0)
    return total / count


def _without_gradient(loss_fn, model, x0, labels):
    with torch.no_grad():
        return loss_fn(model, x0, labels)


def _own_loss(loss_fn, model, x0, labels):
    return (model(x0) - x0.flatten(1)).square().mean()


def _loss_after_step(model, loader, optimizer, scheduler, loss_fn, device="cpu"):
    model.train()
    total, count = 0.0, 0
    for x0, labels in loader:
        updates.right_update(loss_fn(model, x0, labels), optimizer, scheduler)
        total, count = total + loss_fn(model, x0, labels).item() * len(x0), count + len(x0)
    return total / count


def _seeded(model):
    torch.manual_seed(0)
    model.train()


def _first_batch_only(loader):
    return [next(iter(loader))]


def _ragged_skipped(loader):
    return (batch for batch in loader if len(batch[0]) == loader.batch_size)


def _one_update_per_epoch(model, loader, optimizer, scheduler, loss_fn, device="cpu"):
    model.train()
    optimizer.zero_grad()
    total, count = 0.0, 0
    for x0, labels in loader:
        loss = loss_fn(model, x0, labels)
        loss.backward()
        scheduler.step()
        total, count = total + loss.item() * len(x0), count + len(x0)
    optimizer.step()
    return total / count


def _step_back(eps_model, x, t, schedule, noise, variance="beta", root=True, keep=lambda t: t > 0):
    """A ``p_sample``, right as it is."""
    beta, alpha, alpha_bar = (values[t].reshape(-1, *(1,) * (x.ndim - 1)) for values in schedule[:3])
    deviation = getattr(schedule, variance)[t].reshape(beta.shape)
    mean = (x - beta / (1 - alpha_bar).sqrt() * eps_model(x, t)) / alpha.sqrt()
    return mean + keep(t).reshape(-1, *(1,) * (x.ndim - 1)) * (deviation.sqrt() if root else deviation) * noise


def _normal(shape, generator):
    return torch.randn(shape, generator=generator)


def _chain(
    start=_normal,
    noise=lambda shape, generator, x_T: torch.randn(shape, generator=generator),
    steps=lambda T: range(T - 1, -1, -1),
    form=lambda step, n: torch.full((n,), step),
    back=_step_back,
    between=lambda x: x,
    finish=lambda x, x_T: x,
    gradients=False,
):
    """A right ``sample`` in which each part can be replaced."""

    def sample(eps_model, shape, schedule, generator):
        with torch.set_grad_enabled(gradients):
            x = x_T = start(shape, generator)
            for step in steps(len(schedule.beta)):
                t = form(step, shape[0])
                x = between(back(eps_model, x, t, schedule, noise(shape, generator, x_T)))
            return finish(x, x_T)

    return sample


def _form_for_the_model(change):
    """The model gets its step through ``change``; the schedule is read as it should be."""

    def back(eps_model, x, t, schedule, noise):
        return _step_back(lambda x, t: eps_model(x, change(t)), x, t, schedule, noise)

    return _chain(back=back)


def _drawn_once(eps_model, shape, schedule, generator):
    x, noise = _normal(shape, generator), _normal(shape, generator)
    with torch.no_grad():
        for step in reversed(range(len(schedule.beta))):
            x = _step_back(eps_model, x, torch.full(shape[:1], step), schedule, noise)
    return x


def _model_output(eps_model, shape, schedule, generator):
    x = _normal(shape, generator)
    with torch.no_grad():
        for step in reversed(range(len(schedule.beta))):
            t = torch.full(shape[:1], step)
            eps = eps_model(x, t)
            x = _step_back(lambda x, t, eps=eps: eps, x, t, schedule, _normal(shape, generator))
    return eps


def _no_feedback(eps_model, shape, schedule, generator):
    start = _normal(shape, generator)
    with torch.no_grad():
        for step in reversed(range(len(schedule.beta))):
            x = _step_back(eps_model, start, torch.full(shape[:1], step), schedule, _normal(shape, generator))
    return x


def _seeds_global(shape, generator):
    torch.manual_seed(0)
    return _normal(shape, generator)


def _seeds_generator(shape, generator):
    return _normal(shape, generator.manual_seed(0))


def _own_generator(shape, generator):
    return _normal(shape, torch.Generator().manual_seed(0))


def _schedule_reversed(eps_model, shape, schedule, generator):
    for values in schedule:
        values.copy_(values.flip(0))
    return _chain()(eps_model, shape, schedule, generator)


_MODE = "The model is in eval mode while it is trained; set the mode at the start of the epoch, whatever it was before."
_FORM = "t does not reach the model as an int64 tensor of shape (n,), one step for each image."
_GLOBAL = "comes from torch's global random state; all randomness is the given generator's."
_GRAPH = "The gradients stay on while sampling, so the graph of every step stays in memory."

_LOOPS = (
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
    ("scheduler stepped twice", _epoch(update=updates.scheduler_twice), "The scheduler steps more than once per batch."),
    ("optimizer never stepped", _epoch(update=updates.no_step),
     "The optimiser is never asked to step, so the parameters never change."),
    ("optimizer stepped twice", _epoch(update=updates.step_twice),
     "The optimiser steps more than once on the same gradients."),
    ("backward missing", _epoch(update=updates.loss_only),
     "The loss is computed and nothing is learned from it: the optimiser never steps."),
    ("one update per epoch", _one_update_per_epoch,
     "The parameters change once per epoch; each batch has a step of its own."),
    ("gradients clipped", _epoch(update=_clipped),
     "The gradients are clipped between backward and step; the epoch asked for takes them as they are."),
    ("part of the parameters trained", _epoch(update=_part_of_the_parameters),
     "Only a part of the parameters moves; the given optimiser trains all of them."),
    ("optimizer of its own", _own_optimizer,
     "The given optimiser is never asked to step: an optimiser made inside the function moves the parameters."),
    ("loss without gradient", _epoch(loss_of=_without_gradient),
     "The loss is computed with gradients switched off, so nothing is learned from it."),
    ("loss of its own", _epoch(loss_of=_own_loss),
     "The given loss_fn is not what is trained: the loss is computed in the loop itself."),
    ("labels not handed on", _epoch(loss_of=lambda loss_fn, model, x0, labels: loss_fn(model, x0)),
     "The labels are not handed on to loss_fn, which takes the model, the images and their labels."),
    ("labels replaced", _epoch(loss_of=lambda loss_fn, model, x0, labels: loss_fn(model, x0, (labels + 1) % 5)),
     "loss_fn gets other labels than those of the loader."),
    ("images rescaled", _epoch(images=lambda x0: 2 * x0 - 1),
     "The images are rescaled in the loop; they come from the loader as the loss needs them."),
    ("noise added to the images", _epoch(images=lambda x0: x0 + torch.randn_like(x0)),
     "Noise is added to the images in the loop; that is the business of the loss."),
    ("eval mode", _epoch(prepare=lambda model: model.eval()), _MODE),
    ("train mode not set", _epoch(prepare=lambda model: None), _MODE),
    ("seeded in every epoch", _epoch(prepare=_seeded),
     "The function seeds torch's global generator, so every epoch repeats the steps and the noise of the first."),
    ("losses kept with their graph", _epoch(keep=lambda loss: loss),
     "The losses are summed as tensors that carry their graphs, so memory grows with every batch."),
    ("loss computed again after the step", _loss_after_step,
     "Every batch goes through the model a second time, after its step; the loss to note is the one that is trained."),
    ("mean over batches", _epoch(result=lambda losses, sizes: sum(losses) / len(losses)),
     "The mean is taken over batches; a smaller last batch then counts as much as a full one."),
    ("last batch weighted as full", _epoch(result=lambda losses, sizes: sum(losses) * sizes[0] / sum(sizes)),
     "Every batch is weighted with the size of the first; the last one is smaller."),
    ("sum instead of mean", _epoch(result=lambda losses, sizes: sum(losses)),
     "The sum of the batch losses is returned; a mean per image is asked for."),
    ("weighted sum not divided", _epoch(result=lambda v, n: sum(a * b for a, b in zip(v, n, strict=True))),
     "The weighted sum of the losses is returned without dividing it by the number of images."),
    ("mean of losses divided by images", _epoch(result=lambda losses, sizes: sum(losses) / sum(sizes)),
     "The sum of batch means is divided by the number of images; each mean must first be weighted by its batch."),
    ("last loss returned", _epoch(result=lambda losses, sizes: losses[-1]),
     "The loss of the last batch is returned; the mean of the epoch is asked for."),
    ("all losses returned", _epoch(result=lambda losses, sizes: losses),
     "No number is returned; the mean loss of the epoch is asked for."),
    ("nothing returned", _epoch(result=lambda losses, sizes: None),
     "No number is returned; the mean loss of the epoch is asked for."),
    ("first batch only", _epoch(batches=_first_batch_only), "The epoch ends after the first batch."),
    ("smaller batch skipped", _epoch(batches=_ragged_skipped), "A batch that is smaller than the others is left out."),
)  # fmt: skip

_CHAINS = (
    ("steps ascending", _chain(steps=range),
     "The steps run from 0 upwards; the reverse process starts at T − 1 and ends at 0."),
    ("last step left out", _chain(steps=lambda T: range(T - 1, 0, -1)),
     "The loop ends before t = 0; that step is part of the chain too."),
    ("first step left out", _chain(steps=lambda T: range(T - 2, -1, -1)),
     "The loop starts below t = T − 1, so the first step of the chain is missing."),
    ("steps counted from one", _chain(steps=lambda T: range(T, 0, -1)),
     "The steps are counted from T to 1; arrays are 0-based, so they run from T − 1 to 0."),
    ("every other step", _chain(steps=lambda T: range(T - 1, -1, -2)), "Steps are skipped; the chain has all T of them."),
    ("model asked one step early", _form_for_the_model(lambda t: (t - 1).clamp(min=0)),
     "The model is asked about another step than the one that is taken."),
    ("step as a fraction", _form_for_the_model(lambda t: t / 1000), _FORM),
    ("step as a float", _form_for_the_model(lambda t: t.float()), _FORM),
    ("step as a number", _form_for_the_model(lambda t: int(t[0])), _FORM),
    ("one step for all", _form_for_the_model(lambda t: t[:1]), _FORM),
    ("step as a column", _form_for_the_model(lambda t: t[:, None]), _FORM),
    ("step as int32", _form_for_the_model(lambda t: t.int()), _FORM),
    ("each step from the start", _no_feedback,
     "Every step starts from x_T again; each one continues from the result of the one before."),
    ("model output returned", _model_output, "What the model predicts is returned; the image x_0 is asked for."),
    ("x_T returned", _chain(finish=lambda x, x_T: x_T), "The noise that the chain started from is returned."),
    ("images flattened", _chain(finish=lambda x, x_T: x.flatten(1)),
     "The result does not have the shape that is asked for."),
    ("first image returned", _chain(finish=lambda x, x_T: x[0]),
     "The result does not have the shape that is asked for."),
    ("result clipped", _chain(finish=lambda x, x_T: x.clamp(-1, 1)),
     "The result is clipped to [−1, 1]; x_0 is asked for as the chain leaves it."),
    ("clipped at every step", _chain(between=lambda x: x.clamp(-1, 1)),
     "The images are clipped to [−1, 1] at every step; a noisy image leaves that range."),
    ("result rescaled", _chain(finish=lambda x, x_T: (x + 1) / 2),
     "The result is brought to another range; x_0 is asked for as the chain leaves it."),
    ("start at zero", _chain(start=lambda shape, generator: torch.zeros(shape)),
     "The chain starts from zeros; x_T is drawn from N(0, 1)."),
    ("start uniform", _chain(start=lambda shape, generator: torch.rand(shape, generator=generator)),
     "The chain does not start from a normal distribution of mean 0 and deviation 1."),
    ("start uniform from -1 to 1", _chain(start=lambda shape, generator: 2 * torch.rand(shape, generator=generator) - 1),
     "The chain does not start from a normal distribution of mean 0 and deviation 1."),
    ("start of one row", _chain(start=lambda shape, g: _normal((1, *shape[1:]), g).expand(shape)),
     "All rows start from the same noise; every image is a draw of its own."),
    ("start from the global state", _chain(start=lambda shape, generator: torch.randn(shape)), f"x_T {_GLOBAL}"),
    ("noise from the global state", _chain(noise=lambda shape, generator, x_T: torch.randn(shape)),
     f"The noise of the steps {_GLOBAL}"),
    ("all from the global state",
     _chain(start=lambda shape, generator: torch.randn(shape), noise=lambda shape, generator, x_T: torch.randn(shape)),
     f"Everything {_GLOBAL}"),
    ("global state seeded", _chain(start=_seeds_global),
     "sample seeds torch's global generator; the generator that it is given is the only one to touch."),
    ("generator seeded", _chain(start=_seeds_generator),
     "The given generator is seeded anew, so every call returns the same images."),
    ("generator of its own", _chain(start=_own_generator, noise=lambda shape, g, x_T: _normal(shape, g)),
     "A generator of its own draws x_T, the same in every call; the given one is to be used."),
    ("generator seeded at every step", _chain(noise=lambda shape, g, x_T: _normal(shape, g.manual_seed(0))),
     "The generator is seeded at every step, so all steps add the same noise."),
    ("noise drawn once", _drawn_once, "The same noise is added at every step; each step needs a draw of its own."),
    ("start used as noise", _chain(noise=lambda shape, generator, x_T: x_T),
     "The noise of the steps is x_T again; each step needs a draw of its own."),
    ("noise of one row", _chain(noise=lambda shape, g, x_T: _normal((1, *shape[1:]), g).expand(shape)),
     "All rows get the same noise; every image needs its own."),
    ("noise of one number per row",
     _chain(noise=lambda shape, g, x_T: _normal((shape[0], *(1,) * (len(shape) - 1)), g).expand(shape)),
     "The noise is one number for a whole image; every entry needs its own."),
    ("noise of one channel", _chain(noise=lambda shape, g, x_T: _normal((shape[0], 1, *shape[2:]), g).expand(shape)),
     "All channels get the same noise; every entry needs its own."),
    ("noise uniform", _chain(noise=lambda shape, generator, x_T: torch.rand(shape, generator=generator)),
     "The noise of the steps is not normal with mean 0: look at the function that draws it."),
    ("noise left out", _chain(noise=lambda shape, generator, x_T: torch.zeros(shape)),
     "No noise is added on the way; only the last step goes without."),
    ("noise at the last step too", _chain(back=lambda *a: _step_back(*a, keep=torch.ones_like)),
     "Noise is added in the last step too; at t = 0 the chain returns the mean."),
    ("noise scaled by the variance", _chain(back=lambda *a: _step_back(*a, root=False)),
     "The noise of a step is multiplied by its variance; a standard deviation belongs there."),
    ("posterior variance", _chain(back=lambda *a: _step_back(*a, variance="posterior_variance")),
     "The noise of a step has the posterior variance β̃; the variance asked for is β."),
    ("noise not scaled", _chain(back=lambda m, x, t, s, z: _step_back(m, x, t, s, torch.zeros_like(z)) + (t[0] > 0) * z),
     "The noise is added as it is; the standard deviation of the step scales it."),
    ("gradients kept", _chain(gradients=True), _GRAPH),
    ("gradients cut at the end", _chain(gradients=True, finish=lambda x, x_T: x.detach()), _GRAPH),
    ("schedule reversed in place", _schedule_reversed,
     "The given schedule is changed in place; it belongs to the caller."),
)  # fmt: skip

MISCONCEPTIONS = (
    *(Misconception(name, hint, {"train_one_epoch": wrong, "sample": _chain()}) for name, wrong, hint in _LOOPS),
    *(Misconception(name, hint, {"train_one_epoch": _epoch(), "sample": wrong}) for name, wrong, hint in _CHAINS),
)
