"""Wrong triplet losses, each a small change of a correct one."""

from autograder.questions.edits import edit, misconceptions
from autograder.questions.side_effects import mistakes as side_effects
from autograder.questions.side_effects.question import changed

from .correct import by_distances

_POS, _NEG = (
    "torch.sqrt((anchor - positive).pow(2).sum(dim=1) + 1e-12)",
    "torch.sqrt((anchor - negative).pow(2).sum(dim=1) + 1e-12)",
)
_LOSS, _RETURN = "F.relu(d_pos - d_neg + margin)", "loss.mean()"

_EDITS = (
    edit("squared distances", "You take squared distances; the formula has Euclidean distances.",
         _POS, "(anchor - positive).pow(2).sum(dim=1)", _NEG, "(anchor - negative).pow(2).sum(dim=1)"),
    edit("positive and negative exchanged", "You exchange positive and negative: training would push the positive away.",
         _LOSS, "F.relu(d_neg - d_pos + margin)"),
    edit("margin subtracted", "You subtract the margin; add it, so that the negative has to be farther by the margin.",
         _LOSS, "F.relu(d_pos - d_neg - margin)"),
    edit("margin outside the maximum", "You add the margin after the maximum; it belongs inside.",
         _LOSS, "F.relu(d_pos - d_neg) + margin"),
    edit("margin ignored", "The margin has no effect.", _LOSS, "F.relu(d_pos - d_neg)"),
    edit("mean over active triplets", "You average over the active triplets; divide by the number of all rows.",
         _RETURN, "loss.sum() / (loss > 0).sum()"),
    edit("sum over the rows", "You sum over the rows; take their mean.", _RETURN, "loss.sum()"),
    edit("no hinge", "A triplet whose negative is far enough costs nothing: the maximum with 0 is missing.",
         _LOSS, "d_pos - d_neg + margin"),
    edit("hinge over the mean", "You take the maximum with 0 after the mean; take it for each triplet.",
         _RETURN, "F.relu((d_pos - d_neg + margin).mean())"),
    edit("distance of positive and negative", "You measure the negative from the positive; measure it from the anchor.",
         _NEG, "torch.sqrt((positive - negative).pow(2).sum(dim=1) + 1e-12)"),
    edit("squared hinge", "You square the maximum; the triplet loss does not.", _RETURN, "loss.pow(2).mean()"),
    edit("nan at distance 0", "The square root has no gradient at 0: the gradient is not finite where two rows coincide.",
         _POS, "torch.sqrt((anchor - positive).pow(2).sum(dim=1))", _NEG, "torch.sqrt((anchor - negative).pow(2).sum(dim=1))"),
    edit("no graph without active triplets", "Where no triplet is active you return a plain 0; return a loss with a graph, so that "
         "backward works.", "return loss", "if not loss.any():\n        return torch.tensor(0.0)\n    return loss"),
    edit("anchor detached", "You cut the anchor from the graph; all three embeddings get a gradient.",
         _POS, _POS.replace("anchor", "anchor.detach()"), _NEG, _NEG.replace("anchor", "anchor.detach()")),
)  # fmt: skip

MISCONCEPTIONS = (
    *misconceptions("triplet_loss", by_distances, _EDITS),
    *misconceptions("triplet_loss", by_distances, (
        edit("negative changed in place", f"{changed('triplet_loss', 'negative')}.", "(anchor - negative)", "negative.sub_(anchor)"),
    )),
    *side_effects.misconceptions("triplet_loss", {"triplet_loss": by_distances}, {"seeds": "seeds"}),
)  # fmt: skip
