"""Mistakes in a training loop, as edits of a correct one."""

from dataclasses import replace

from autograder.questions.edits import edit, misconceptions
from autograder.questions.training.mistakes import EPOCH

from .correct import as_taught

_OF_THE_FAMILY = (
    *("zero_grad missing", "zero_grad after backward", "scheduler before optimizer", "scheduler never stepped"),
    *(
        "optimizer stepped twice",
        "train mode not set",
        "first part frozen",
        "gradients left off",
        "losses kept with their graph",
    ),
)
_APPEND = "losses.append(loss.item())"
_EDITS = (
    edit("one batch for ever", "You take one batch and use it in all iterations; take the next one in each.",
         "    for _ in range", "    batch = next(batches)\n    for _ in range", "next(batches)\n        images, labels =", "batch\n        images, labels ="),
    edit("second pass", "Each batch goes through the encoder in one forward pass in train mode; with more of them, or in parts, its "
         "batch norms follow other statistics.",
         "loss = loss_fn(z, labels)", "loss = loss_fn(model(images), labels)"),
    edit("mean loss returned", "You return one number; return the list of the losses.", "return losses", "return sum(losses) / len(losses)"),
    edit("losses after the step", "Your losses are those after the step; keep the loss that you call backward on.",
         _APPEND, "losses.append(loss_fn(model(images), labels).item())"),
    edit("every other loss", "You return fewer losses than there are iterations; return one for each.", "return losses", "return losses[::2]"),
    edit("for ever", "Your loop takes more than num_iters batches: they are endless, so stop after num_iters of them.", "for _ in range(num_iters):", "while True:"),
)  # fmt: skip
_HINTS = {
    "losses kept with their graph": "You keep loss tensors with their graphs, so memory grows with every batch; keep numbers.",
}
_FAMILY = (
    replace(EPOCH[id], hint=_HINTS.get(id, EPOCH[id].hint.replace("epoch", "training"))) for id in _OF_THE_FAMILY
)
MISCONCEPTIONS = misconceptions("fit_contrastive_model", as_taught, (*_FAMILY, *_EDITS))
