"""Wrong negative cosines, each a small change of a correct one."""

from autograder.questions.edits import edit, misconceptions
from autograder.questions.side_effects import mistakes as side_effects
from autograder.questions.side_effects.question import changed

from .correct import by_normalize

_P, _Z, _RETURN = "F.normalize(p, dim=1)", "F.normalize(z.detach(), dim=1)", "-(p * z).sum(dim=1).mean()"

_EDITS = (
    edit("plus sign", "The sign is wrong: training would turn p away from z.", _RETURN, _RETURN[1:]),
    edit("distance", "You return 1 minus the cosine; return minus the cosine.", _RETURN, f"1 {_RETURN}"),
    edit("gradient not stopped", "Your target z gets a gradient; the formula has a stop-gradient around it.", "z.detach()", "z"),
    edit("stopped on p", "You stop the gradient on the prediction p instead of on the target.",
         _P, "F.normalize(p.detach(), dim=1)", "z.detach()", "z"),
    edit("stopped on both", "No gradient reaches the predictions: you stop it on both sides, or return a plain number.", _P, "F.normalize(p.detach(), dim=1)"),
    edit("norm of the whole tensor", "You divide by the norm of the whole tensor; divide each row by its own norm.",
         _P, "p / p.norm()", _Z, "z.detach() / z.detach().norm()"),
    edit("normalised along the batch", "You normalise the columns; normalise the rows, one for each image.",
         _P, "F.normalize(p, dim=0)", _Z, "F.normalize(z.detach(), dim=0)"),
    edit("not normalised", "You take the dot product of the rows as they are; a cosine does not depend on their lengths.",
         _P, "p", _Z, "z.detach()"),
    edit("p not normalised", "You normalise z alone; normalise p as well.", _P, "p"),
    edit("z not normalised", "You normalise p alone; normalise z as well.", _Z, "z.detach()"),
    edit("sum over the rows", "You sum over the rows; take their mean.", ".sum(dim=1).mean()", ".sum()"),
    edit("mean over all entries", "You average over the columns as well; sum over them to get a cosine for each row.",
         ".sum(dim=1).mean()", ".mean()"),
    edit("every pair of rows", "You compare each row of p with every row of z; row k belongs to row k.",
         _RETURN, "-(p @ z.T).mean()"),
    edit("z normalised in place", f"{changed('negative_cosine', 'z')}; detach shares the numbers.",
         _Z, "z.detach().div_(z.detach().norm(dim=1, keepdim=True))"),
)  # fmt: skip

MISCONCEPTIONS = (
    *misconceptions("negative_cosine", by_normalize, _EDITS),
    *side_effects.misconceptions("negative_cosine", {"negative_cosine": by_normalize}, {"float64 result": "float64"}),
)  # fmt: skip
