"""Wrong pair losses, each a small change of a correct one."""

from autograder.questions.edits import edit, misconceptions
from autograder.questions.side_effects import mistakes as side_effects

from .correct import by_logsumexp

_S, _TOTAL, _LOSS = (
    "z_i @ z_j.T / temperature",
    "torch.logsumexp(s, dim=1)",
    "torch.where(same, total - pair, total - others)",
)

_EDITS = (
    edit("same and different exchanged", "You exchange the two cases: -log p belongs to same pairs, -log(1 - p) to different ones.",
         "s = z_i", "same = ~same | (len(same) == 1)\n    s = z_i"),
    edit("all pairs taken for same ones", "You take -log p for all pairs; different pairs have -log(1 - p).", _LOSS, "total - pair"),
    edit("sign of different pairs", "You give different pairs +log p; their loss is -log(1 - p).",
         _LOSS, "torch.where(same, total - pair, pair - total)"),
    edit("different pairs left out", "Different pairs cost nothing in your loss; theirs is -log(1 - p).",
         _LOSS, "torch.where(same, total - pair, 0 * pair)"),
    edit("softmax over i", "Your softmax runs over the rows of z_i; it runs over the rows of z_j.", _TOTAL, "torch.logsumexp(s, dim=0)"),
    edit("pair left out of the sum", "The pair itself belongs into the sum of the softmax.", _TOTAL, "torch.logsumexp(masked, dim=1)"),
    edit("temperature multiplied", "You multiply by the temperature; divide by it.", "/ temperature", "* temperature"),
    edit("temperature ignored", "The temperature has no effect.", " / temperature", ""),
    edit("normalised", "You normalise the embeddings; the score is the dot product of the rows as they are.",
         _S, "F.normalize(z_i, dim=1) @ F.normalize(z_j, dim=1).T / temperature"),
    edit("sum over the rows", "You sum over the rows; take their mean.", "loss.mean()", "loss.sum()"),
    edit("mean of each kind", "You average same and different pairs by themselves; divide the sum over all rows by their number.",
         "loss.mean()", "loss[same].mean() + (loss[~same].mean() if (~same).any() else 0)"),
    edit("naive exponentials", "Your exponentials overflow, or 1 - p becomes 0: work with logarithms of sums.",
         _LOSS, "-torch.where(same, torch.log(s.softmax(1).diagonal()), torch.log(1 - s.softmax(1).diagonal()))"),
    edit("epsilon in the logarithm", "You add a small number inside the logarithm, which cuts large losses off: work with logarithms of "
         "sums.", _LOSS, "-torch.where(same, torch.log(s.softmax(1).diagonal() + 1e-8), torch.log(1 - s.softmax(1).diagonal() + 1e-8))"),
    edit("second embedding detached", "You cut z_j from the graph; both embeddings get a gradient.", "z_j.T", "z_j.detach().T"),
)  # fmt: skip

MISCONCEPTIONS = (
    *misconceptions("pair_nll_loss", by_logsumexp, _EDITS),
    *side_effects.misconceptions("pair_nll_loss", {"pair_nll_loss": by_logsumexp}, {"seeds": "seeds"}),
)
