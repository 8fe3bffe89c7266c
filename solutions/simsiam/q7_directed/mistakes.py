"""Wrong directed losses, each a small change of a correct one."""

from autograder.questions.edits import edit, misconceptions
from autograder.questions.side_effects.question import changed

from .correct import view_by_view

_HEAVY, _SUM = "_cosine(p_heavy[v, j], z.detach())", "standard + heavy / count"
_LOOP = "for v, z in enumerate((z1, z2)):"

_EDITS = (
    edit("views exchanged", "You pull heavy views to the other standard view; each follows the one that it was made from.",
         "enumerate((z1, z2))", "enumerate((z2, z1))"),
    edit("heavy target", "Heavy views are the targets of your loss; a heavy view is never a target.",
         _HEAVY, "_cosine((p1, p2)[v], z_heavy[v, j].detach())"),
    edit("both ways", "You pull the standard views to the heavy ones as well; that pair has one direction.",
         _HEAVY, f"{_HEAVY} + _cosine((p1, p2)[v], z_heavy[v, j].detach())"),
    edit("own projection", "You pair a heavy prediction with the heavy projection; the target is the standard view's.",
         _HEAVY, "_cosine(p_heavy[v, j], z_heavy[v, j].detach())"),
    edit("pulled to the prediction", "The target of a heavy view is the projection of its standard view, not the prediction.",
         _LOOP, "for v, z in enumerate((p1, p2)):"),
    edit("heavy views summed", "You sum over the heavy views; take their mean.", _SUM, "standard + heavy"),
    edit("mean of each view", "You average over the heavy views of one standard view, and add the two; divide by the number of all.",
         "/ count", "/ (count / 2)"),
    edit("standard part missing", "The loss of the two standard views is missing.", _SUM, "heavy / count"),
    edit("heavy part missing", "The heavy views have no effect.", _SUM, "standard"),
    edit("average of the parts", "You average the two parts of the loss; add them.", _SUM, "(standard + heavy / count) / 2"),
    edit("heavy views of the first view alone", "Half of the heavy views have no effect: those of the second view.",
         _LOOP, "for v, z in enumerate((z1,)):", "count = p_heavy.shape[0] * p_heavy.shape[1]", "count = p_heavy.shape[1]"),
    edit("first heavy view alone", "One heavy view of each standard view has an effect; use all of them.",
         "for j in range(p_heavy.shape[1]):", "for j in range(1):"),
    edit("heavy target not stopped", "The standard views get a gradient from the heavy ones: stop it, or they follow them.",
         _HEAVY, "_cosine(p_heavy[v, j], z)"),
    edit("standard targets not stopped", "The loss of the standard views has a gradient to their targets; stop it there as well.",
         "z2.detach()", "z2", "z1.detach()", "z1"),
    edit("projections overwritten", f"{changed('directed_loss', 'z_heavy')}.",
         "    return", "    z_heavy.zero_()\n    return"),
)  # fmt: skip

MISCONCEPTIONS = misconceptions("directed_loss", view_by_view, _EDITS)
