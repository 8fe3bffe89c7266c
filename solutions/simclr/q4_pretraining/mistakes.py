"""Mistakes seen in contrastive training loops, as edits of a correct one."""

from __future__ import annotations

from autograder.questions.edits import edit, misconceptions
from autograder.questions.training.mistakes import EPOCH

from .correct import separate_forwards

_SAME_VIEW = "Your loss compares a view with itself: only one of the two views goes through the model."
_ITERABLE = "loader may be any iterable of batches, which has no length: count the images as they come."
_CUT = "You cut the second view from the graph; train the model with both views."

_VIEWS = (
    edit("first view twice", _SAME_VIEW, "model(x_j)", "model(x_i)"),
    edit("second view twice", _SAME_VIEW, "model(x_i)", "model(x_j)"),
    edit("loss of h", "You take the loss of the encoder's output; take it of the projections.",
         "_, z_i", "z_i, _", "_, z_j", "z_j, _"),
    edit("second view without gradient", _CUT,
         "        _, z_j = model", "        with torch.no_grad():\n            _, z_j = model"),
    edit("second projection detached", _CUT, "(z_i, z_j)", "(z_i, z_j.detach())"),
    edit("views interleaved", "You concatenate the two views in blocks and take them apart in turns, so you pair rows of "
         "different images.",
         "_, z_i = model(x_i)", "_, z = model(torch.cat([x_i, x_j]))", "_, z_j = model(x_j)", "z_i, z_j = z[0::2], z[1::2]"),
    edit("loss of normalised projections", "You change the projections before the loss; give it z as the model returns it.",
         "(z_i, z_j)", "(torch.nn.functional.normalize(z_i), torch.nn.functional.normalize(z_j))"),
    edit("projections kept with their graph", "You keep the projections of every batch with their graphs, so memory grows; "
         "detach what you keep.",
         "total_loss, total_num = 0.0, 0", "total_loss, total_num, kept = 0.0, 0, []",
         "        loss = ", "        kept.append(z_i)\n        loss = "),
    edit("loss computed again after the step", "You return another mean than that of the losses that you train with: take each batch's "
         "loss before its step, and train on every batch.",
         "loss.item()", "loss_fn(model(x_i)[1], model(x_j)[1]).item()"),
    edit("gradients clipped", "You clip the gradients between backward and step; take them as they are.",
         "        optimizer.step()",
         "        torch.nn.utils.clip_grad_norm_(model.parameters(), 0.1)\n        optimizer.step()"),
    edit("data set asked for its length", _ITERABLE, "/ total_num", "/ len(loader.dataset)"),
    edit("loader asked for its length", _ITERABLE, "    for (x_i, x_j), _ in loader:",
         "    batches = iter(loader)\n    for _ in range(len(loader)):\n        (x_i, x_j), _ = next(batches)"),
    edit("loader gone through twice", "You go through the loader twice; a generator is empty the second time, so count the "
         "images while you train.",
         "total_loss, total_num = 0.0, 0", "total_loss, total_num = 0.0, sum(len(y) for _, y in loader)",
         "total_num += n", "n"),
    edit("divided by views", "You divide the loss by the number of views; divide it by the number of images.",
         "/ total_num", "/ (2 * total_num)"),
)  # fmt: skip

MISCONCEPTIONS = misconceptions("train_one_epoch", separate_forwards, (*_VIEWS, *EPOCH.values()))
