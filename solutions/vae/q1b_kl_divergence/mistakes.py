"""Wrong KL divergences, each a small change of a correct one."""

from autograder.questions.edits import edit, misconceptions
from autograder.questions.side_effects import mistakes as side_effects
from autograder.questions.side_effects.question import changed

from .correct import in_one_sum

_SUM = "0.5 * terms.sum(dim=-1)"

_EDITS = (
    edit("negated", "The sign is wrong: a KL divergence is never negative.", _SUM, f"-{_SUM}"),
    edit("mean over dimensions", "You take the mean over the latent dimensions; sum over them.", ".sum(dim=-1)",
         ".mean(dim=-1)"),
    edit("mean of all", "You return one number for the whole batch; return one for each row, and average in the loss.",
         _SUM, "0.5 * terms.sum(dim=-1).mean()"),
    edit("sum of all", "You sum over the rows as well; return one number for each row.", "sum(dim=-1)", "sum()"),
    edit("sum over the rows",
         "You sum over the first axis; the latent dimensions are the last one, whatever comes before.",
         "dim=-1", "dim=0"),
    edit("sum over axis one", "You sum over axis 1; the latent dimensions are the last axis, whatever comes before.",
         "dim=-1", "dim=1"),
    edit("half forgotten", "Your value is twice as large as it should be: look for the factor of the definition.",
         "0.5 * ", ""),
    edit("half of a part", "The factor 1/2 applies to all four terms, not to some of them.",
         "logvar.exp() + mu.pow(2) - 1 - logvar", "2 * logvar.exp() + mu.pow(2) - 1 - logvar"),
    edit("logvar for log sigma",
         "You read logvar as the logarithm of the standard deviation; it is that of the variance.",
         "logvar.exp() + mu.pow(2) - 1 - logvar", "(2 * logvar).exp() + mu.pow(2) - 1 - 2 * logvar"),
    edit("deviation for variance",
         "You take the standard deviation where the variance belongs, in the term with exp.",
         "logvar.exp()", "(0.5 * logvar).exp()"),
    edit("mu not squared", "You add mu itself; its square belongs there.", "mu.pow(2)", "mu"),
    edit("one forgotten", "The KL divergence of N(0, 1) from itself is 0; yours is not.", " - 1", ""),
    edit("sign of logvar", "The sign of the last term is wrong.", "1 - logvar", "1 + logvar"),
    edit("logvar clamped", "You clamp logvar; take it as it is.",
         "terms = logvar.exp()", "logvar = logvar.clamp(-10, 10)\n    terms = logvar.exp()"),
    edit("axis of one kept", "Your result keeps an axis of length 1; return one number for each row.",
         "sum(dim=-1)", "sum(dim=-1, keepdim=True)"),
    edit("logvar overwritten", f"{changed('kl_divergence', 'logvar')}.",
         "terms = logvar.exp()", "log_variance = logvar.clone()\n    terms = logvar.exp_()",
         "- logvar", "- log_variance"),
)  # fmt: skip

MISCONCEPTIONS = (
    *misconceptions("kl_divergence", in_one_sum, _EDITS),
    *side_effects.misconceptions(
        "kl_divergence", {"kl_divergence": in_one_sum}, {"float64 result": "float64", "float32 result": "float32"}
    ),
)
