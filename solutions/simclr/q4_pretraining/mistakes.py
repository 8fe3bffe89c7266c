"""Mistakes seen in contrastive training loops, as edits of a correct one."""

from __future__ import annotations

from autograder.questions.edits import edit, misconceptions
from autograder.questions.training.mistakes import EPOCH

from .correct import separate_forwards

_SAME_VIEW = "Your loss compares a view with itself: only one of the two views goes through the model."
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
    edit("divided by views", "You divide the loss by the number of views; divide it by the number of images.",
         "/ total_num", "/ (2 * total_num)"),
)  # fmt: skip

MISCONCEPTIONS = misconceptions("train_one_epoch", separate_forwards, (*_VIEWS, *EPOCH.values()))
