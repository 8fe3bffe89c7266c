"""Wrong importance-weighted bounds, each a small change of a correct one."""

from autograder.questions.edits import edit, misconceptions
from autograder.questions.side_effects import mistakes as side_effects
from autograder.questions.side_effects.question import changed

from .correct import draw_by_draw

_WEIGHT, _RESULT = "log_p + prior - posterior", "_log_mean_exp(torch.stack(weights, dim=1))"
_NAIVE = "torch.stack(weights, dim=1).exp().mean(1).log()"

_EDITS = (
    edit("mean of logarithms", "You average the log weights over the draws, which is the ELBO; average the weights.",
         _RESULT, "torch.stack(weights, dim=1).mean(dim=1)"),
    edit("sum of the weights", "You sum the weights over the draws; average them.", _RESULT, "torch.logsumexp(torch.stack(weights), 0)"),
    edit("largest weight", "You return the largest log weight; all draws count.", _RESULT, "torch.stack(weights).amax(0)"),
    edit("first draw alone", "Only the first draw counts: look at where the function returns.",
         f"    return {_RESULT}", f"        return {_RESULT}"),
    edit("mean over the images", "You average over the images; average over the draws, and return one number for each image.",
         _RESULT, "_log_mean_exp(torch.stack(weights, dim=0))"),
    edit("prior missing", "The density p(z) is missing from your weights.", _WEIGHT, "log_p - posterior"),
    edit("posterior missing", "The density q(z|x) is missing from your weights.", _WEIGHT, "log_p + prior"),
    edit("posterior added", "The sign of log q(z|x) is wrong: the weights are divided by that density.",
         _WEIGHT, "log_p + prior + posterior"),
    edit("prior and posterior exchanged", "You exchange the densities p(z) and q(z|x).", _WEIGHT, "log_p + posterior - prior"),
    edit("KL in closed form", "You subtract the KL divergence in closed form; each draw has a weight of its own.",
         _WEIGHT, "log_p - 0.5 * (logvar.exp() + mu**2 - 1 - logvar).sum(1)"),
    edit("variance for deviation", "Your z is mu + sigma² eps; use your reparameterize.", "(logvar / 2).exp()", "logvar.exp()"),
    edit("noise drawn inside", "You draw noise inside the function; use the eps that it gets.",
         "* noise", "* torch.randn_like(noise)"),
    edit("exponentials of log weights",
         "The weights themselves underflow: the exponential of a log weight of -1000 is 0. Use your log_mean_exp.", _RESULT, _NAIVE),
    edit("model frozen", "You freeze the parameters of the model, so it cannot be trained any more; leave them as they are.",
         "    mu, logvar = ", "    model.requires_grad_(False)\n    mu, logvar = "),
    edit("noise overwritten", f"{changed('importance_weighted_bound', 'eps')}.",
         f"    return {_RESULT}", f"    eps.neg_()\n    return {_RESULT}"),
)  # fmt: skip

MISCONCEPTIONS = (
    *misconceptions("importance_weighted_bound", draw_by_draw, _EDITS),
    *side_effects.misconceptions(
        "importance_weighted_bound", {"importance_weighted_bound": draw_by_draw}, {"gradients on": "gradients on"}
    ),
)
