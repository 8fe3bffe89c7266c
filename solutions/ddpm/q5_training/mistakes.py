"""Mistakes seen in training loops and in sampling loops of diffusion models, as edits of correct ones."""

from __future__ import annotations

from autograder.questions.edits import edit, misconceptions
from autograder.questions.training.mistakes import EPOCH

from .correct import chain_as_taught, loop_as_taught

_CORRECT = {"train_one_epoch": loop_as_taught, "sample": chain_as_taught}
_LOSS = "loss_fn(model, x0, labels)"

_LOOPS = (
    edit("gradients clipped", "You clip the gradients between backward and step; take them as they are.",
         "        optimizer.step()",
         "        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)\n        optimizer.step()"),
    edit("part of the parameters trained", "Only a part of the parameters moves; train all of them with the given "
         "optimiser.",
         "        optimizer.step()",
         "        for parameter in list(model.parameters())[:2]:\n            parameter.grad = None\n"
         "        optimizer.step()"),
    edit("optimizer of its own", "You never step the given optimiser: an optimiser that you make inside the function moves "
         "the parameters.",
         "    model.train()",
         '    optimizer = torch.optim.Adam(model.parameters(), lr=optimizer.param_groups[0]["lr"])\n    model.train()'),
    edit("loss without gradient", "You compute the loss with gradients switched off, so the model learns nothing from it.",
         "        loss = ", "        with torch.no_grad():\n            loss = "),
    edit("loss of its own", "The labels have no effect on your loss: hand the images and the labels of each batch to the "
         "given loss_fn.",
         _LOSS, "(model(x0) - x0.flatten(1)).square().mean()"),
    edit("labels not handed on", "You do not hand the labels on to loss_fn, which takes the model, the images and their "
         "labels.",
         _LOSS, "loss_fn(model, x0)"),
    edit("labels replaced", "You give loss_fn other labels than those of the loader.",
         _LOSS, "loss_fn(model, x0, (labels + 1) % 5)"),
    edit("images rescaled", "You rescale the images in the loop; they come from the loader as the loss needs them.",
         _LOSS, "loss_fn(model, 2 * x0 - 1, labels)"),
    edit("noise added to the images", "You add noise to the images in the loop; leave that to the loss.",
         _LOSS, "loss_fn(model, x0 + torch.randn_like(x0), labels)"),
    edit("seeded in every epoch", "You seed torch's global generator, so every epoch repeats the steps and the noise of "
         "the first.",
         "    model.train()", "    torch.manual_seed(0)\n    model.train()"),
    edit("loss computed again after the step", "You return another mean than that of the losses that you train with: take each batch's "
         "loss before its step, and train on every batch.",
         "loss.item()", f"{_LOSS}.item()"),
    edit("all losses returned", "You do not return a number; return the mean loss of the epoch.",
         "total_loss, total_num = 0.0, 0", "losses = []", "total_loss += loss.item() * n", "losses.append(loss.item())",
         "        total_num += n\n", "", "total_loss / total_num", "losses"),
)  # fmt: skip

_START, _NOISE = "    x = torch.randn(shape, generator=generator)", "noise = torch.randn(shape, generator=generator)"
_STEPS = "reversed(range(len(schedule.beta)))"
_FORM = "You do not give the model t as an int64 tensor of shape (n,), one step for each image."
_GLOBAL = "comes from torch's global random state; draw all noise from the given generator."
_GRAPH = "You leave gradients on while you sample, so the graph of every step stays in memory."
_SHAPE = "Your result does not have the given shape."
_NORMAL = "Your chain does not start from a normal distribution of mean 0 and deviation 1."


def _asked(id: str, hint: str, form: str):
    """The model gets its step as ``form``."""
    return edit(id, hint, "eps_model(x, t)", f"eps_model(x, {form})")


def _start(id: str, hint: str, start: str):
    return edit(id, hint, _START, f"    x = {start}")


def _noise(id: str, hint: str, noise: str):
    return edit(id, hint, _NOISE, f"noise = {noise}")


_CHAINS = (
    edit("steps ascending", "Your steps run upwards from 0; the reverse process starts at T − 1 and ends at 0.",
         _STEPS, "range(len(schedule.beta))"),
    edit("last step left out", "Your loop ends before t = 0; that step is part of the chain too.",
         _STEPS, "reversed(range(1, len(schedule.beta)))"),
    edit("first step left out", "Your loop starts below t = T − 1, so the first step of the chain is missing.",
         _STEPS, "reversed(range(len(schedule.beta) - 1))"),
    edit("steps counted from one", "You count the steps from T to 1; arrays are 0-based, so count from T − 1 to 0.",
         _STEPS, "range(len(schedule.beta), 0, -1)"),
    edit("every other step", "You skip steps; the chain has all T of them.",
         _STEPS, "range(len(schedule.beta) - 1, -1, -2)"),
    _asked("model asked one step early", "You ask the model about another step than the one that you take.",
           "(t - 1).clamp(min=0)"),
    _asked("step as a fraction", _FORM, "t / 1000"),
    _asked("step as a float", _FORM, "t.float()"),
    _asked("step as a number", _FORM, "step"),
    _asked("one step for all", _FORM, "t[:1]"),
    _asked("step as a column", _FORM, "t[:, None]"),
    _asked("step as int32", _FORM, "t.int()"),
    edit("each step from the start", "You start every step from x_T again; continue from the result of the step before.",
         "    x = torch", "    x_T = torch", "(x - beta", "(x_T - beta", "eps_model(x, t)", "eps_model(x_T, t)"),
    edit("model output returned", "You return what the model predicts; return the image x_0.",
         "eps_model(x, t)", "(eps := eps_model(x, t))", "return x", "return eps"),
    edit("x_T returned", "You return the noise that the chain starts from.",
         "    x = torch", "    x = x_T = torch", "return x", "return x_T"),
    edit("images flattened", _SHAPE, "return x", "return x.flatten(1)"),
    edit("first image returned", _SHAPE, "return x", "return x[0]"),
    edit("result clipped", "You clip the result to [−1, 1]; return x_0 as the chain leaves it.",
         "return x", "return x.clamp(-1, 1)"),
    edit("clipped at every step", "You clip the images to [−1, 1] at every step; a noisy image leaves that range.",
         "    return x", "        x = x.clamp(-1, 1)\n    return x"),
    edit("result rescaled", "You bring the result to another range; return x_0 as the chain leaves it.",
         "return x", "return (x + 1) / 2"),
    _start("start at zero", "You start the chain from zeros; draw x_T from N(0, 1).", "torch.zeros(shape)"),
    _start("start uniform", _NORMAL, "torch.rand(shape, generator=generator)"),
    _start("start uniform from -1 to 1", _NORMAL, "2 * torch.rand(shape, generator=generator) - 1"),
    _start("start uniform of deviation one", _NORMAL, "12**0.5 * (torch.rand(shape, generator=generator) - 0.5)"),
    _start("start of one row", "You start all rows from the same noise; draw noise of its own for every image.",
           "torch.randn((1, *shape[1:]), generator=generator).expand(shape)"),
    _start("start from the global state", f"Your x_T {_GLOBAL}", "torch.randn(shape)"),
    _noise("noise from the global state", f"The noise of your steps {_GLOBAL}", "torch.randn(shape)"),
    edit("all from the global state", f"All your noise {_GLOBAL}",
         _START, "    x = torch.randn(shape)", _NOISE, "noise = torch.randn(shape)"),
    edit("global state seeded", "You seed torch's global generator; use the given generator alone.",
         _START, f"    torch.manual_seed(0)\n{_START}"),
    edit("generator seeded", "You seed the given generator anew, so every call returns the same images.",
         _START, f"    generator.manual_seed(0)\n{_START}"),
    _start("generator of its own", "You draw x_T from a generator of your own, the same in every call; use the given one.",
           "torch.randn(shape, generator=torch.Generator().manual_seed(0))"),
    _noise("generator seeded at every step", "You seed the generator at every step, so all steps add the same noise.",
           "torch.randn(shape, generator=generator.manual_seed(0))"),
    edit("noise drawn once", "You add the same noise at every step; draw new noise for each step.",
         f"        {_NOISE}\n", "", "    for step", f"    {_NOISE}\n    for step"),
    edit("start used as noise", "You add x_T again as the noise of the steps; draw new noise for each step.",
         "    x = torch", "    x = x_T = torch", _NOISE, "noise = x_T"),
    _noise("noise of one row", "You add the same noise to all rows; draw noise of its own for every image.",
           "torch.randn((1, *shape[1:]), generator=generator).expand(shape)"),
    _noise("noise of one number per row", "Your noise is one number for a whole image; draw one for every entry.",
           "torch.randn((shape[0], *(1,) * (len(shape) - 1)), generator=generator).expand(shape)"),
    _noise("noise of one channel", "You add the same noise to all channels; draw noise for every entry.",
           "torch.randn((shape[0], 1, *shape[2:]), generator=generator).expand(shape)"),
    _noise("noise uniform", "The noise of your steps is not normal with mean 0: look at the function that draws it.",
           "torch.rand(shape, generator=generator)"),
    _noise("noise uniform of deviation one",
           "The noise of your steps has the mean and the deviation of N(0, 1), but it is not normal: draw it with "
           "torch.randn.",
           "12**0.5 * (torch.rand(shape, generator=generator) - 0.5)"),
    _noise("noise left out", "You add no noise on the way; only the last step adds none.", "torch.zeros(shape)"),
    edit("noise at the last step too", "You add noise in the last step too; at t = 0 return the mean.",
         "step > 0", "step >= 0"),
    edit("noise scaled by the variance", "The noise of your steps is far too small: multiply numbers from N(0, 1) by "
         "the standard deviation √β, not by the variance.",
         "beta.sqrt() * noise", "beta * noise"),
    edit("posterior variance", "The noise of your steps is too small: multiply numbers from N(0, 1) by √β, where β is the "
         "variance, not β̃.",
         "beta.sqrt() * noise", "schedule.posterior_variance[step].sqrt() * noise"),
    edit("noise not scaled", "The noise of your steps is far too large: multiply numbers from N(0, 1) by the standard "
         "deviation √β of the step.",
         "beta.sqrt() * noise", "noise"),
    edit("gradients kept", _GRAPH, "@torch.no_grad()\n", ""),
    edit("gradients cut at the end", _GRAPH, "@torch.no_grad()\n", "", "return x", "return x.detach()"),
    edit("schedule reversed in place", "You change the given schedule in place; leave it to the caller.",
         _START, f"    for values in schedule:\n        values.copy_(values.flip(0))\n{_START}"),
)  # fmt: skip

MISCONCEPTIONS = (
    *misconceptions("train_one_epoch", loop_as_taught, (*_LOOPS, *EPOCH.values()), _CORRECT),
    *misconceptions("sample", chain_as_taught, _CHAINS, _CORRECT),
)
