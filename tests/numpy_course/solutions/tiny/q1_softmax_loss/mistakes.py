"""Known mistakes of q1."""

from autograder.questions.array_side_effects import mistakes
from autograder.questions.edits import edit, misconceptions

from .correct import by_formula

EDITS = (
    edit("sum", "You return the gradient of the sum over the rows; divide it by their number.", " / len(x)", ""),
    edit(
        "overflow",
        "Your exp overflows for large scores; subtract each row's largest score first.",
        "    scores = scores - scores.max(axis=1, keepdims=True)\n",
        "",
    ),
    edit(
        "in place",
        "You change the batch in place; compute on a new array.",
        "    scores = x @ W\n",
        "    scores = x @ W\n    x += 0.5\n    x -= 0.25\n",
    ),
)
KINDS = {"seeds": "seeds", "draws": "draws", "modes": "modes", "filters": "filters", "half the digits": "float32"}
MISCONCEPTIONS = (
    *misconceptions("softmax_loss", by_formula, EDITS),
    *mistakes.misconceptions("softmax_loss", {"softmax_loss": by_formula}, KINDS),
)
