"""Wrong normal log-likelihoods, each a small change of a correct one."""

from autograder.questions.edits import edit, misconceptions
from autograder.questions.side_effects import mistakes as side_effects

from .correct import in_one_sum

_SUM, _CONSTANT = ".sum(dim=1)", "math.log(2 * math.pi) + "

_EDITS = (
    edit("constant missing", "The constant of the normal density is missing: the density would not integrate to 1.",
         _CONSTANT, ""),
    edit("constant once", "You subtract the constant once; each dimension has it.",
         f"({_CONSTANT}logvar + square){_SUM}", f"({_CONSTANT}(logvar + square){_SUM})"),
    edit("constant of pi alone", "The constant is wrong: look at what stands before π under the root.",
         "2 * math.pi", "math.pi"),
    edit("negated", "You return the negative log-likelihood.", "-0.5", "0.5"),
    edit("half forgotten", "Your value is twice as large as it should be: look for the factor before the sum.", "-0.5", "-1.0"),
    edit("mean over dimensions", "You take the mean over the dimensions; sum over them.", _SUM, ".mean(dim=1)"),
    edit("sum of all", "You sum over the rows as well; return one number for each row.", _SUM, ".sum()"),
    edit("dimensions not summed", "You return one number for each dimension; sum over the last axis.", _SUM, ""),
    edit("sum over the rows", "You sum over the first axis; sum over the dimensions of each row.", _SUM, ".sum(dim=0)"),
    edit("deviation for variance", "You divide the square by the standard deviation; divide by the variance.",
         "/ logvar.exp()", "/ (0.5 * logvar).exp()"),
    edit("logvar for log sigma",
         "You read logvar as the logarithm of the standard deviation; it is that of the variance.",
         "/ logvar.exp()", "/ (2 * logvar).exp()", "+ logvar +", "+ 2 * logvar +"),
    edit("log variance missing", "The term that punishes a large variance is missing.", "logvar + square", "square"),
    edit("not squared", "You take the distance from the mean without its square.", "(x - mu) ** 2", "(x - mu).abs()"),
    edit("logvar clamped", "You clamp logvar; take it as it is.",
         "    square = ", "    logvar = logvar.clamp(-4, 4)\n    square = "),
    edit("axis of one kept", "Your result keeps an axis of length 1; return one number for each row.",
         _SUM, ".sum(dim=1, keepdim=True)"),
    edit("variance not divided", "You multiply the square by the variance; divide by it.", "/ logvar.exp()", "* logvar.exp()"),
)  # fmt: skip

MISCONCEPTIONS = (
    *misconceptions("log_likelihood_normal", in_one_sum, _EDITS),
    *side_effects.misconceptions("log_likelihood_normal", {"log_likelihood_normal": in_one_sum}, 
                                 {"float64 result": "float64", "float32 result": "float32"}),
)  # fmt: skip
