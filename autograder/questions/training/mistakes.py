"""Mistakes that any loop over the batches of an epoch can hold, as edits of a plainly written correct loop.

The loop that they are applied to holds these lines once each, in this order, with what a question adds between them::

    def train_one_epoch(model, loader, optimizer, scheduler, loss_fn, device="cpu"):
        model.train()
        ...
        for ... in loader:
            ...
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            scheduler.step()
            total_loss += loss.item() * n
            total_num += n
        return total_loss / total_num
"""

from __future__ import annotations

from autograder.questions.edits import edit

_STEP = "        optimizer.step()\n"
_SCHEDULER = "        scheduler.step()\n"
_RETURN = "return total_loss / total_num"
_MODE = "The model is in eval mode while you train it; set the mode at the start of the epoch, whatever it was before."

_EDITS = (
    edit("zero_grad missing", "You never clear the gradients of earlier batches, so each step follows their sum.",
         "        optimizer.zero_grad()\n", ""),
    edit("zero_grad after backward", "The gradients are empty when the optimiser reads them: look at what happens "
         "between backward and step.",
         "optimizer.zero_grad()\n        loss.backward()", "loss.backward()\n        optimizer.zero_grad()"),
    edit("scheduler before optimizer", "You step the scheduler before the optimiser, so every step uses the learning "
         "rate of the next one.",
         _STEP + _SCHEDULER, _SCHEDULER + _STEP),
    edit("scheduler per epoch", "You step the scheduler once per epoch; step it once per batch.",
         _SCHEDULER, "", "    return ", "    scheduler.step()\n    return "),
    edit("scheduler never stepped", "You never step the scheduler, so the learning rate stays where it started.",
         _SCHEDULER, ""),
    edit("scheduler stepped twice", "You step the scheduler more than once per batch.", _SCHEDULER, 2 * _SCHEDULER),
    edit("optimizer never stepped", "You never step the optimiser, so the parameters never change.", _STEP, ""),
    edit("optimizer stepped twice", "You step the optimiser more than once on the same gradients.", _STEP, 2 * _STEP),
    edit("backward missing", "You compute the loss and learn nothing from it: the optimiser never steps.",
         "        optimizer.zero_grad()\n        loss.backward()\n" + _STEP, ""),
    edit("one update per epoch", "The parameters change once per epoch; make a step for each batch.",
         "        optimizer.zero_grad()\n", "", "model.train()", "model.train()\n    optimizer.zero_grad()",
         _STEP, "", "    return ", "    optimizer.step()\n    return "),
    edit("eval mode", _MODE, "model.train()", "model.eval()"),
    edit("train mode not set", _MODE, "    model.train()\n", ""),
    edit("batch norm in eval mode", "You put the batch norms of the model into eval mode, so their statistics do not follow "
         "the data; leave all parts of the model in train mode.",
         "model.train()", "model.train()\n    for module in model.modules():\n"
         "        if isinstance(module, torch.nn.BatchNorm1d):\n            module.eval()"),
    edit("first part in eval mode", "A part of the model is in eval mode while you train it; leave all of it in train mode.",
         "model.train()", "model.train()\n    next(model.children()).eval()"),
    edit("first part frozen", "You freeze a part of the model; train all of its parameters.",
         "model.train()", "model.train()\n    next(model.parameters()).requires_grad_(False)"),
    edit("gradients left off", "You leave gradients switched off for the rest of the notebook: switch them back on, or use a "
         "with block.",
         "    return ", "    torch.set_grad_enabled(False)\n    return "),
    edit("losses kept with their graph", "You add up loss tensors that carry their graphs, so memory grows with every "
         "batch.",
         "loss.item()", "loss"),
    edit("mean over batches", "You take the mean over batches; a smaller last batch then counts as much as a full one.",
         "loss.item() * n", "loss.item()", "total_num += n", "total_num += 1"),
    edit("last batch weighted as full", "You weight every batch with the size of the first; the last one is smaller.",
         "loss.item() * n", "loss.item() * loader.batch_size"),
    edit("sum instead of mean", "You return the sum of the batch losses; return the mean per image.",
         "loss.item() * n", "loss.item()", _RETURN, "return total_loss"),
    edit("weighted sum not divided", "You return the weighted sum of the losses; divide it by the number of images.",
         _RETURN, "return total_loss"),
    edit("mean of losses divided by images", "You divide the sum of the batch means by the number of images; first "
         "weight each mean by the size of its batch.",
         "loss.item() * n", "loss.item()"),
    edit("last loss returned", "You return the loss of the last batch; return the mean of the epoch.",
         _RETURN, "return loss.item()"),
    edit("nothing returned", "You do not return a number; return the mean loss of the epoch.", f"    {_RETURN}\n", ""),
    edit("first batch only", "The epoch ends after the first batch; look at where the function returns.",
         _RETURN, f"    {_RETURN}"),
    edit("smaller batch skipped", "You leave out the last batch, or one that is smaller than the others.",
         "in loader:", "in list(loader)[:-1]:"),
)  # fmt: skip

EPOCH = {mistake.id: mistake for mistake in _EDITS}
