"""Wrong contrastive losses, each a small change of a correct one."""

from autograder.questions.edits import edit, misconceptions
from autograder.questions.side_effects import mistakes as side_effects
from autograder.questions.side_effects.question import changed

from .correct import by_parts

_SQUARE, _D, _PUSH, _RETURN = (
    "(z1 - z2).pow(2).sum(dim=1)",
    "torch.sqrt(square + 1e-12)",
    "F.relu(margin - d).pow(2)",
    "0.5 * (pull + push).mean()",
)

_EDITS = (
    edit("same and different exchanged", "You pull different pairs together and push same pairs apart: exchange the two terms.",
         "y = same.float()", "y = 1 - same.float()"),
    edit("half forgotten", "The factor one half is missing.", _RETURN, "(pull + push).mean()"),
    edit("half of one term", "Both terms have the factor one half; you give it to one of them.", _RETURN, "(0.5 * pull + push).mean()"),
    edit("margin inside the square", "You compare the squared distance with the margin; square after the maximum: max(0, m - d)².",
         _PUSH, "F.relu(margin - square)"),
    edit("squared margin", "You subtract squares, m² - d²; the formula squares the difference m - d.",
         _PUSH, "F.relu(margin**2 - square)"),
    edit("push not squared", "The term of different pairs is the square of max(0, m - d); your square is missing.",
         _PUSH, "F.relu(margin - d)"),
    edit("pull not squared", "The term of same pairs is the square of the distance; your square is missing.",
         "pull = y * square", "pull = y * d"),
    edit("no hinge", "Different pairs beyond the margin cost nothing: the maximum with 0 is missing.", _PUSH, "(margin - d).pow(2)"),
    edit("distance beyond the margin", "You push where the distance is above the margin; push where it is below.",
         "margin - d", "d - margin"),
    edit("nan at distance 0", "The square root has no gradient at 0: loss or gradient is not finite where two rows coincide.",
         _D, "torch.sqrt(square)"),
    edit("sum over the pairs", "You sum over the pairs; take their mean.", ".mean()", ".sum()"),
    edit("mean of each kind", "You average same and different pairs by themselves; divide the sum over all pairs by their number.",
         _RETURN, "0.5 * (pull.sum() / y.sum().clamp(min=1) + push.sum() / (1 - y).sum().clamp(min=1))"),
    edit("mean over the columns", "You average the squares over the columns; sum them to get a Euclidean distance.",
         "sum(dim=1)", "mean(dim=1)"),
    edit("one view detached", "You cut one of the two embeddings from the graph; both get a gradient.", "(z1 - z2)", "(z1 - z2.detach())"),
    edit("z1 changed in place", f"{changed('contrastive_loss', 'z1')}.", "(z1 - z2)", "z1.sub_(z2)"),
)  # fmt: skip

MISCONCEPTIONS = (
    *misconceptions("contrastive_loss", by_parts, _EDITS),
    *side_effects.misconceptions("contrastive_loss", {"contrastive_loss": by_parts}, {"float64 result": "float64"}),
)
