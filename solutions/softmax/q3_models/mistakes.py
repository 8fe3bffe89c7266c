"""Wrong models, as edits of correct ones."""

import inspect

from autograder.questions.edits import edit, edited
from autograder.questions.model import Misconception

from . import correct
from .correct import NAMES, LinearModel, LogisticRegression, SoftmaxRegression

_W, _SCORES = "rng.standard_normal((d, k)) / np.sqrt(d)", "X @ self.W + self.b"
_OF_ALL = (
    edit("not divided", "Divide the numbers of W by the root of d.", " / np.sqrt(d)", ""),
    edit("divided by d", "You divide W by d; divide by its root.", "np.sqrt(d)", "d"),
    edit("uniform", "You draw W uniformly; draw normal numbers.", "rng.standard_normal(", "rng.random("),
    edit("seeded", "Every new model gets the same W; draw it anew from rng, without a seed of your own.",
         "rng.standard_normal", "np.random.default_rng(0).standard_normal"),
    edit("np.random", "You draw W from np.random; draw it from rng.", "rng.standard_normal(", "np.random.standard_normal("),
    edit("zeros", "Your W begins with zeros; draw it.", _W, "np.zeros((d, k))"),
    edit("b drawn", "You draw b; it begins with zeros.", "np.zeros(k)", "rng.standard_normal(k)"),
    edit("b is a row", "Your b has two axes; its shape is (k,).", "np.zeros(k)", "np.zeros((1, k))"),
    edit("b forgotten", "You forget to add b to the scores.", _SCORES, "X @ self.W"),
    edit("squeezed", "You drop axes of length 1; one row stays one row, one score a row stays a column.",
         _SCORES, f"np.squeeze({_SCORES})"),
)  # fmt: skip
_OF_ONE = (
    (LogisticRegression, edit("logistic scores", "LogisticRegression returns scores; return their sigmoid.", "sigmoid(", "(")),
    (LogisticRegression, edit("logistic vector", "LogisticRegression returns (n,); return (n, 1).", "(super().forward(X))", "(super().forward(X)[:, 0])")),
    (SoftmaxRegression, edit("softmax scores", "SoftmaxRegression returns scores; return their softmax.", "softmax(", "(")),
    (SoftmaxRegression, edit("softmax of columns", "You take the softmax over the rows of the batch; take it over the classes.",
                             "softmax(super().forward(X))", "softmax(super().forward(X).T).T")),
)  # fmt: skip


def _family(linear):
    """The three classes, those of probabilities built on ``linear``."""
    return {
        "LinearModel": linear,
        **{one.__name__: _on(one, linear) for one in (LogisticRegression, SoftmaxRegression)},
    }


def _on(cls, linear):
    """The class ``cls`` with ``linear`` as its parent."""
    names = {**vars(correct), "LinearModel": linear}
    exec(compile(inspect.getsource(cls), f"<{cls.__name__}>", "exec"), names)
    return names[cls.__name__]


PLAIN = dict(zip(NAMES, (LinearModel, LogisticRegression, SoftmaxRegression), strict=True))
MISCONCEPTIONS = (
    *(Misconception(e.id, e.hint, _family(edited(LinearModel, e))) for e in _OF_ALL),
    *(Misconception(e.id, e.hint, {**PLAIN, cls.__name__: edited(cls, e)}) for cls, e in _OF_ONE),
)
