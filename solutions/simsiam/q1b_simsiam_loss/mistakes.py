"""Wrong SimSiam losses, each a small change of a correct one."""

from autograder.questions.edits import edit, misconceptions
from autograder.questions.side_effects import mistakes as side_effects

from .correct import both_directions

_FIRST, _SECOND = "_cosine(p1, z2.detach())", "_cosine(p2, z1.detach())"
_RETURN = "-(first + second) / 2"

_EDITS = (
    edit("own view paired", "You pair each prediction with the projection of its own view; the other view is the target.",
         _FIRST, "_cosine(p1, z1.detach())", _SECOND, "_cosine(p2, z2.detach())"),
    edit("predictions paired", "You compare the two predictions; compare a prediction with a projection.",
         _FIRST, "_cosine(p1, p2.detach())", _SECOND, "_cosine(p2, p1.detach())"),
    edit("projections paired", "You compare the two projections; the predictor would never be trained.",
         _FIRST, "_cosine(z1, z2.detach())", _SECOND, "_cosine(z2, z1.detach())"),
    edit("first direction alone", "You use one direction; the loss is symmetric in the two views.", _RETURN, "-first"),
    edit("sum of both", "You add the two directions; each has the weight one half.", _RETURN, "-(first + second)"),
    edit("a quarter", "You halve the loss twice.", _RETURN, "-(first + second) / 4"),
    edit("plus sign", "The sign is wrong: training would drive the two views apart.", _RETURN, _RETURN[1:]),
    edit("directions subtracted", "You subtract one direction from the other; add them.", "first + second", "first - second"),
    edit("gradient not stopped", "The targets get a gradient: nothing stops it on z1 and z2.", "z2.detach()", "z2", "z1.detach()", "z1"),
    edit("stopped on p", "You stop the gradient on the predictions instead of on the targets.",
         _FIRST, "_cosine(p1.detach(), z2)", _SECOND, "_cosine(p2.detach(), z1)"),
    edit("stopped in one direction", "One of the two targets gets a gradient; stop it in both directions.", "z1.detach()", "z1"),
    edit("one prediction stopped", "One of the two predictions gets no gradient.", "_cosine(p2, ", "_cosine(p2.detach(), "),
    edit("stopped on both", "No gradient reaches the predictions: you stop it on both sides, or return a plain number.",
         _RETURN, "-(first + second).detach() / 2"),
)  # fmt: skip

MISCONCEPTIONS = (
    *misconceptions("simsiam_loss", both_directions, _EDITS),
    *side_effects.misconceptions("simsiam_loss", {"simsiam_loss": both_directions}, {"gradients off": "gradients off"}),
)
