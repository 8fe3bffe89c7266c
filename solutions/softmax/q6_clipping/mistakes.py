"""Wrong clippings, as edits of a correct one."""

from autograder.questions.edits import edit, misconceptions

from .correct import joint

_NORM = "np.sqrt(np.sum(grad_W**2) + np.sum(grad_b**2))"
_RETURN = "return scale * grad_W, scale * grad_b"
_SCALE = "1.0 if norm <= max_norm else max_norm / norm"
_EDITS = (
    edit("sum of two norms", "You add the norms of the two gradients; the joint norm is the root of the sum of all squares.",
         _NORM, "np.sqrt(np.sum(grad_W**2)) + np.sqrt(np.sum(grad_b**2))"),
    edit("norm of grad_W", "You take the norm of grad_W alone; take that of both gradients together.",
         " + np.sum(grad_b**2)", ""),
    edit("each by itself", "You clip each gradient by its own norm, which changes the direction of the step; use the joint norm of both.",
         _RETURN, "return tuple(g * min(1.0, max_norm / max(np.linalg.norm(g), 1e-12)) for g in (grad_W, grad_b))"),
    edit("element by element", "You clip each number by itself; scale both gradients by one factor.",
         _RETURN, "return np.clip(grad_W, -max_norm, max_norm), np.clip(grad_b, -max_norm, max_norm)"),
    edit("grad_b once a row", "You count grad_b once for every row of grad_W; count each number once.",
         "np.sum(grad_b**2)", "np.sum(grad_b**2) * len(grad_W)"),
    edit("only grad_W scaled", "You scale grad_W alone; scale both.", ", scale * grad_b", ", 1.0 * grad_b"),
    edit("not clipped", "You return the gradients as they came; scale them where their norm is above max_norm.",
         _SCALE, "1.0"),
    edit("always scaled", "You bring every gradient to the norm max_norm; leave gradients below it as they are.",
         _SCALE, "max_norm / norm if norm else 1.0"),
    edit("zero divided", "Gradients of 0 become nan: your factor divides by their norm.", _SCALE, "np.minimum(1.0, max_norm / norm) if norm else np.nan"),
    edit("root forgotten", "You compare the square of the norm; take its root.", "np.sqrt(", "("),
    edit("comparison turned", "You scale gradients below max_norm and leave those above it.", "<=", ">="),
    edit("spectral norm", "np.linalg.norm(..., 2) of a matrix is its largest singular value; take the root of the sum of all squares.",
         "np.sum(grad_W**2)", "np.linalg.norm(grad_W, 2) ** 2"),
    edit("absolute values", "You take the sum of absolute values; the norm is the root of the sum of squares.",
         _NORM, "np.abs(grad_W).sum() + np.abs(grad_b).sum()"),
    edit("in place", "You scale the given arrays in place; return new ones.",
         "    return", "    grad_W *= scale\n    grad_b *= scale\n    scale = 1.0\n    return"),
)  # fmt: skip
MISCONCEPTIONS = misconceptions("clip_gradients", joint, _EDITS)
