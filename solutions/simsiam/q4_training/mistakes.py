"""Mistakes seen in training loops of SimSiam, as edits of a correct one, and wrong deviations."""

from autograder.questions.edits import edit, misconceptions
from autograder.questions.training.mistakes import EPOCH

from .correct import CORRECT, by_normalize, loop_as_taught

_OF_THE_FAMILY = (
    *("zero_grad missing", "scheduler per epoch", "scheduler before optimizer", "train mode not set"),
    *("mean over batches", "losses kept with their graph"),
)
_FORWARD = "model(x1, x2)"
_OF_THE_LOOP = (
    edit("first view twice", "Your model gets the same view twice, so the loss compares a view with itself.",
         _FORWARD, "model(x1, x1)"),
    edit("seeds", "You set torch's seed in train_one_epoch, so every epoch draws the same views; set it once, outside.",
         "model.train()", "torch.manual_seed(0)\n    model.train()"),
    edit("projections detached", "You cut z from the graph in the loop; that is the work of the loss.",
         "loss_fn(p1, p2, z1, z2)", "loss_fn(p1, p2, z1.detach(), z2.detach())"),
)  # fmt: skip
_OF_THE_DEVIATION = (
    edit("rows not normalised", "You take the deviation of z as it is; normalise its rows first.", "F.normalize(z, dim=1)", "z"),
    edit("columns normalised", "You normalise the columns; normalise the rows.", "F.normalize(z, dim=1)", "F.normalize(z, dim=0)"),
    edit("deviation within rows", "You take the deviation within each row; take that of each column, over the batch.",
         "std(dim=0)", "std(dim=1)"),
    edit("deviation of all entries", "You take the deviation of all entries at once, which equal rows do not make 0.",
         "std(dim=0)", "std()"),
    edit("variance", "You return the variance; return the standard deviation.", "std(dim=0)", "var(dim=0)"),
    edit("normalised in place", "You overwrite z with its normalised rows; compute on a new tensor, since the training needs z.",
         "F.normalize(z, dim=1)", "F.normalize(z, dim=1, out=z)"),
)  # fmt: skip

_PLAIN = CORRECT["as taught"]
MISCONCEPTIONS = (
    *misconceptions("train_one_epoch", loop_as_taught, (*_OF_THE_LOOP, *(EPOCH[id] for id in _OF_THE_FAMILY)), _PLAIN),
    *misconceptions("feature_std", by_normalize, _OF_THE_DEVIATION, _PLAIN),
)
