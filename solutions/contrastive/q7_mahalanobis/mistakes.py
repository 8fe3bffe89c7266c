"""Wrong distances and projections, each a small change of a correct one."""

from autograder.questions.edits import edit, misconceptions
from autograder.questions.side_effects.question import changed

from .correct import CORRECT, by_eigenvalues, by_einsum

_SQUARE, _ROOT, _S = (
    'torch.einsum("ni,ij,nj->n", diff, M, diff)',
    "torch.sqrt(square.clamp(min=1e-12))",
    "(M + M.T) / 2",
)
_CLAMP, _RETURN = "eigenvalues.clamp(min=0)", "Q @ torch.diag(eigenvalues) @ Q.T"

_OF_THE_DISTANCE = (
    edit("square", "You return the square; the distance is its root.", _ROOT, "square"),
    edit("inverse", "You take the inverse of M; M itself stands in the formula.", "diff, M, diff", "diff, torch.linalg.pinv(M), diff"),
    edit("M ignored", "M has no effect: this is the Euclidean distance.", _SQUARE, "diff.pow(2).sum(dim=1)"),
    edit("diagonal alone", "You use the diagonal of M alone.", _SQUARE, "(diff.pow(2) * M.diagonal()).sum(dim=1)"),
    edit("M squared", "You multiply by M twice; it stands once in the formula.", _SQUARE, "(diff @ M).pow(2).sum(dim=1)"),
    edit("every pair", "You compare each row of u with each of v; row k belongs to row k.", "diff = u - v", "diff = (u[:, None] - v).mean(dim=1)"),
    edit("nan at distance 0", "The square root has no gradient at 0: the gradient is not finite where a distance is 0.",
         _ROOT, "torch.sqrt(square)"),
    edit("mean of the distances", "You return one number; return one distance for each pair of rows.", _ROOT, f"{_ROOT}.mean()"),
    edit("v detached", "You cut v from the graph; both get a gradient.", "u - v", "u - v.detach()"),
    edit("u changed", f"{changed('mahalanobis', 'u')}.", "u - v", "u.sub_(v)"),
)  # fmt: skip
_OF_THE_PROJECTION = (
    edit("not made symmetric", "You do not take the symmetric part, (M + Mᵀ)/2, first.", _S, "M"),
    edit("sum of both", "Your symmetric part is twice as large: halve the sum of M and its transpose.", _S, "M + M.T"),
    edit("absolute eigenvalues", "You take absolute values; negative eigenvalues become 0.", _CLAMP, "eigenvalues.abs()"),
    edit("entries clipped", "You clip the entries of the matrix; clip its eigenvalues.", _RETURN, "S.clamp(min=0)"),
    edit("shifted", "You add to all eigenvalues; set the negative ones alone to 0.", _CLAMP, "eigenvalues - eigenvalues.min().clamp(max=0)"),
)  # fmt: skip

_PLAIN = CORRECT["plain"]
MISCONCEPTIONS = (
    *misconceptions("mahalanobis", by_einsum, _OF_THE_DISTANCE, _PLAIN),
    *misconceptions("project_psd", by_eigenvalues, _OF_THE_PROJECTION, _PLAIN),
)
