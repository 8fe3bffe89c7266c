"""Wrong reparameterisations, each a small change of a correct one."""

from autograder.questions.edits import edit, misconceptions
from autograder.questions.side_effects import mistakes as side_effects
from autograder.questions.side_effects.question import changed

from .correct import std_and_sum

_STD = "torch.exp(0.5 * logvar)"

_EDITS = (
    edit("variance for deviation",
         "You multiply eps by the variance: logvar is the logarithm of the variance, and eps needs the standard deviation.",
         _STD, "torch.exp(logvar)"),
    edit("logvar for deviation",
         "You multiply eps by logvar itself, which may be negative; it is the logarithm of the variance.",
         _STD, "logvar"),
    edit("twice logvar", "You take exp of twice logvar; the factor is wrong.", "0.5 * logvar", "2 * logvar"),
    edit("precision for variance", "A sign in your exponent is wrong: a large logvar means a large spread.",
         "0.5 * logvar", "-0.5 * logvar"),
    edit("noise subtracted", "You subtract the noise; add it.", "mu + std", "mu - std"),
    edit("deviation detached",
         "No gradient reaches logvar: you detach the standard deviation, or leave it out.",
         "std * eps", "std.detach() * eps"),
    edit("noise left out", "Your z is mu alone: the noise is missing.", "mu + std * eps", "mu + 0 * std"),
    edit("mu left out", "Your z has mean 0: mu is missing.", "mu + std * eps", "std * eps"),
    edit("noise not scaled", "You add eps as it is, whatever the standard deviation.", "std * eps", "eps + 0 * std"),
    edit("uniform noise inside",
         "You draw uniform noise inside the function; use the eps that it gets.",
         "* eps", "* torch.rand_like(std)"),
    edit("normal noise inside", "You draw noise inside the function; use the eps that it gets.",
         "* eps", "* torch.randn_like(std)"),
    edit("noise of the first row", "You give all rows the noise of the first one; each row has its own.",
         "* eps", "* eps[:1]"),
    edit("logvar clamped", "You clamp logvar; take it as it is.", _STD, "torch.exp(0.5 * logvar.clamp(-10, 10))"),
    edit("logvar overwritten", f"{changed('reparameterize', 'logvar')}.", _STD, "logvar.mul_(0.5).exp_()"),
)  # fmt: skip

MISCONCEPTIONS = (
    *misconceptions("reparameterize", std_and_sum, _EDITS),
    *side_effects.misconceptions(
        "reparameterize",
        {"reparameterize": std_and_sum},
        {"seeds": "seeds", "float32 result": "float32", "gradients on": "gradients on"},
    ),
)
