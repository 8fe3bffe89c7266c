"""Mistakes seen in reverse steps, each a small change of a correct one."""

from __future__ import annotations

from functools import partial

from autograder.questions.edits import edit, edited
from autograder.questions.model import Misconception
from autograder.questions.side_effects import mistakes as side_effects

from .correct import as_printed, masked_by_a_product

_CORRECT = {"p_mean_variance": as_printed, "p_sample": masked_by_a_product}


def _mean(id, hint, *changes, draw=()):
    """Changes of ``p_mean_variance``, on top of which ``p_sample``, with the changes ``draw``, draws."""
    wrong = edited(as_printed, edit(id, hint, *changes))
    p_sample = edited(masked_by_a_product, edit(id, hint, *draw)) if draw else masked_by_a_product
    return Misconception(id, hint, {"p_mean_variance": wrong, "p_sample": partial(p_sample, p_mean_variance=wrong)})


def _mean_alone(id, hint, *changes):
    """Changes of ``p_mean_variance`` beside a correct ``p_sample``."""
    return Misconception(id, hint, {**_CORRECT, "p_mean_variance": edited(as_printed, edit(id, hint, *changes))})


def _draw(id, hint, *changes):
    """Changes of ``p_sample``."""
    return Misconception(id, hint, {**_CORRECT, "p_sample": edited(masked_by_a_product, edit(id, hint, *changes))})


_STEPS = (
    "You change t before you hand it to the model, which needs an integer tensor with one step per row, the same that "
    "you read the schedule at."
)
_OTHER_STEP = "You ask the model about another step than the one that t names."
_NOT_A_PAIR = "You do not return a pair from p_mean_variance; return mean and variance."
_IN_PLACE = "You write into the tensors that {} gets; the caller still needs them, so compute on new ones."
_FORMULA = "(x_t - beta / torch.sqrt(1 - alpha_bar) * eps) / torch.sqrt(alpha)"
_WEIGHT, _ROOT = "beta / torch.sqrt(1 - alpha_bar)", "torch.sqrt(1 - alpha_bar)"
_IMAGE = "(x_t - torch.sqrt(1 - alpha_bar) * eps) / torch.sqrt(alpha_bar)"
_POSTERIOR = "((alpha_bar / alpha).sqrt() * beta * {} + alpha.sqrt() * (1 - alpha_bar / alpha) * {}) / (1 - alpha_bar)"
_SPREAD, _MASK = "variance.sqrt()", "(t != 0)"
_BETA, _BETA_AT_T = "return mean, beta", "return mean, schedule.beta[t].view(shape)"

# A wrong variance shows in the draw as well, where the hints of the draw hold for it: these come first.
MISCONCEPTIONS = (
    _mean("coefficient without root",
          "You weight the predicted noise with β / (1 − ᾱ); the square root of the denominator is missing.",
          _ROOT, "(1 - alpha_bar)"),
    _mean("outer factor without root",
          "You divide the difference by α; the square root is missing.",
          "torch.sqrt(alpha)", "alpha"),
    _mean("no root at all",
          "Both square roots are missing, the one of 1 − ᾱ and the one of α.",
          _ROOT, "(1 - alpha_bar)", "torch.sqrt(alpha)", "alpha"),
    _mean("outer factor of alpha bar",
          "You divide the difference by √ᾱ, the product over all steps; one step back divides by √α of that step.",
          "torch.sqrt(alpha)", "torch.sqrt(alpha_bar)"),
    _mean("outer factor multiplied",
          "You multiply the difference by √α; a step back undoes the scaling, so divide.",
          ") / torch.sqrt(alpha)", ") * torch.sqrt(alpha)"),
    _mean("outer factor left out",
          "You subtract the predicted noise, but you never undo the scaling by √α of the forward step.",
          " / torch.sqrt(alpha)", ""),
    _mean("outer factor on the image only",
          "You divide only x_t by √α; divide the whole difference.",
          _FORMULA, f"x_t / torch.sqrt(alpha) - {_WEIGHT} * eps"),
    _mean("alpha in the coefficient",
          "The weight of your predicted noise has √(1 − α) in its denominator; the noise in x_t is that of all steps, ᾱ.",
          "1 - alpha_bar", "1 - alpha"),
    _mean("alpha bar without complement",
          "The weight of your predicted noise has √ᾱ in its denominator; the share of noise in x_t is 1 − ᾱ.",
          "1 - alpha_bar", "alpha_bar"),
    _mean("beta rooted",
          "You take the root of β too; only the denominator of the weight is a root.",
          _WEIGHT, "torch.sqrt(beta / (1 - alpha_bar))"),
    _mean("beta left out",
          "β is missing from the weight of your predicted noise.",
          _WEIGHT, "1 / torch.sqrt(1 - alpha_bar)"),
    _mean("alpha for beta",
          "You use α where β belongs, in the weight of the predicted noise.",
          "beta / torch", "alpha / torch"),
    _mean("all noise removed",
          "You subtract all of the predicted noise in one step; the weight of a step has β in it.",
          _WEIGHT, "torch.sqrt(1 - alpha_bar)"),
    _mean("noise added",
          "You add the predicted noise to x_t; a step back subtracts it.",
          "x_t - beta", "x_t + beta"),
    _mean("predicted image",
          "You return the image x_0 that the noise predicts; return the mean of x_{t−1}, one step back.",
          _FORMULA, _IMAGE),
    _mean("x_t without noise",
          "The prediction of the model has no effect on your mean.",
          _FORMULA, "x_t / torch.sqrt(alpha)"),
    _mean("predicted image clipped",
          "You clip the predicted x_0 to [−1, 1] on the way; the mean that this question asks for is not clipped.",
          _FORMULA, _POSTERIOR.format(f"({_IMAGE}).clamp(-1, 1)", "x_t")),
    _mean("posterior weights exchanged",
          "You exchange the weights of x_0 and of x_t in the posterior mean.",
          _FORMULA, _POSTERIOR.format("x_t", f"({_IMAGE})")),
    _mean("posterior mean shifted",
          "You write the posterior mean with ᾱ of the step itself where ᾱ of the step before belongs.",
          _FORMULA, f"(alpha_bar.sqrt() * beta * ({_IMAGE}) + alpha.sqrt() * (1 - alpha_bar) * x_t) / (1 - alpha_bar)"),
    _mean("step of the first row",
          "You read the schedule at the step of the first row for all rows; every row has its own t.",
          "values[t]", "values[t[:1].expand_as(t)]", _BETA, _BETA_AT_T),
    _mean("index one too low",
          "You read the schedule one step too early: arrays are 0-based, so index t belongs to t.",
          "values[t]", "values[(t - 1).clamp(min=0)]", _BETA, _BETA_AT_T),
    _mean("index one too high",
          "You read the schedule one step too late: arrays are 0-based, so index t belongs to t.",
          "values[t]", "values[(t + 1) - (t == t.max()).long()]", _BETA, _BETA_AT_T),
    _mean("model one step early", _OTHER_STEP, "(x_t, t)", "(x_t, (t - 1).clamp(min=0))"),
    _mean("model one step late", _OTHER_STEP, "(x_t, t)", "(x_t, t + 1)"),
    _mean("model gets a fraction", _STEPS, "(x_t, t)", "(x_t, t / 1000)"),
    _mean("model gets a column", _STEPS, "(x_t, t)", "(x_t, t[:, None])"),
    _mean("model gets one number", _STEPS, "(x_t, t)", "(x_t, t[0])"),
    _mean("coefficients not reshaped",
          "Your coefficients, one per row, meet the last axis of the image: shape them so that they broadcast along rows.",
          "values[t].view(shape)", "values[t]", _BETA, "return mean, beta.view(shape)"),
    _mean_alone("mean and variance exchanged",
                "You return mean and variance in the other order.",
                _BETA, "return beta, mean"),
    _mean_alone("log variance returned too", _NOT_A_PAIR, _BETA, "return mean, beta, beta.log()"),
    _mean_alone("mean alone", _NOT_A_PAIR, _BETA, "return mean"),
    _draw("variance for deviation",
          "You multiply the noise by the variance; multiply it by the standard deviation.",
          _SPREAD, "variance"),
    _draw("noise not scaled",
          "You add the noise as it is; scale it by the standard deviation.",
          f" * {_SPREAD}", ""),
    _draw("posterior deviation in the draw",
          "You scale the noise with the posterior variance β̃; this question asks for the variance β.",
          _SPREAD, "schedule.posterior_variance[t].view_as(nonzero_mask).sqrt()"),
    _draw("deviation of one step early",
          "You scale the noise with the β of the step before; arrays are 0-based, so index t belongs to t.",
          _SPREAD, "schedule.beta[(t - 1).clamp(min=0)].view_as(nonzero_mask).sqrt()"),
    _draw("deviation of the first row",
          "You scale the noise of all rows with the β of the first row; every row has its own t.",
          _SPREAD, "schedule.beta[t[0]].sqrt()"),
    _mean("posterior variance",
          "You return the variance of the posterior, β̃; return β.",
          _BETA, "return mean, schedule.posterior_variance[t].view(shape)"),
    _mean("deviation for variance",
          "You return the standard deviation; return the variance.",
          _BETA, "return mean, beta.sqrt()", draw=(_SPREAD, "variance")),
    _mean("variance squared",
          "Your variance is β²; β is a variance already.",
          _BETA, "return mean, beta**2"),
    _mean("log variance",
          "You return the logarithm of the variance; return the variance.",
          _BETA, "return mean, beta.log()", draw=(_SPREAD, "(variance / 2).exp()")),
    _mean("variance of all steps",
          "Your variance is 1 − ᾱ, which all steps together have added; one step has β.",
          _BETA, "return mean, 1 - alpha_bar"),
    _mean("variance is alpha", "Your variance is α; it should be β.", _BETA, "return mean, alpha"),
    _mean("variance of the first row",
          "You read the variance at the step of the first row for all rows; every row has its own t.",
          _BETA, "return mean, schedule.beta[t[:1].expand_as(t)].view(shape)"),
    _mean("variance one step early",
          "You read the variance one step too early: arrays are 0-based, so index t belongs to t.",
          _BETA, "return mean, schedule.beta[(t - 1).clamp(min=0)].view(shape)"),
    _mean_alone("variance not reshaped",
                "Your variance has shape (n,) and meets the last axis of the image: shape it so that it broadcasts along "
                "rows.",
                _BETA, "return mean, schedule.beta[t]"),
    _mean("variance zero at the last step",
          "You set the variance to 0 where t = 0; p_sample is the function that leaves the noise out there.",
          _BETA, "return mean, beta * (t > 0).view(shape)"),
    _draw("noise subtracted",
          "You subtract the noise from the mean; x_{t−1} is mean plus deviation times noise.",
          "mean + ", "mean - "),
    _draw("noise left out",
          "The noise that p_sample gets has no effect; add it to the mean, times the standard deviation.",
          f" + nonzero_mask * {_SPREAD} * noise", ""),
    _draw("predicted noise in the place of new noise",
          "You add the noise that the model predicts; add the new noise that p_sample gets.",
          "* noise", "* eps_model(x_t, t)"),
    _draw("x_t returned",
          "You return x_t as it is from p_sample; return its mean one step back, plus noise.",
          f"mean + nonzero_mask * {_SPREAD} * noise", "x_t.clone()"),
    _draw("forward step",
          "You take a step of the forward process, which makes x_t from x_{t−1}; p_sample goes back from x_t to x_{t−1}.",
          f"mean + nonzero_mask * {_SPREAD} * noise",
          f"schedule.alpha[t].view_as(nonzero_mask).sqrt() * x_t + nonzero_mask * {_SPREAD} * noise"),
    _mean("predicted image clipped, posterior variance",
          "You clip the predicted x_0 to [−1, 1] and scale the noise with the posterior variance β̃, as other courses do; "
          "here the mean is not clipped and the variance is β.",
          _FORMULA, _POSTERIOR.format(f"({_IMAGE}).clamp(-1, 1)", "x_t"),
          _BETA, "return mean, schedule.posterior_variance[t].view(shape)"),
    _mean("predicted image, posterior variance",
          "You draw x_{t−1} around the predicted x_0; take the mean one step back, and the variance β.",
          _FORMULA, _IMAGE, _BETA, "return mean, schedule.posterior_variance[t].view(shape)"),
    _draw("noise of its own",
          "You draw noise in p_sample; use the noise that it gets.",
          "* noise", "* torch.randn_like(noise)"),
    _draw("noise at the last step too",
          "You add noise in the rows with t = 0 too; the last step returns its mean.",
          _MASK, "torch.ones_like(t)"),
    _draw("noise off where any row is last",
          "One row at t = 0 switches the noise off for your whole batch; only the rows at t = 0 have none.",
          _MASK, "(t > 0).all().expand_as(t)"),
    _draw("noise on where any row is not last",
          "Rows at t = 0 get noise as soon as another row is not there yet; decide on every row on its own.",
          _MASK, "(t > 0).any().expand_as(t)"),
    _draw("noise decided by the first row",
          "Your first row decides for the whole batch whether noise is added; decide on every row on its own.",
          _MASK, "(t[:1] > 0).expand_as(t)"),
    _draw("noise off from the second last step on",
          "You leave out the noise at t = 1 as well; arrays are 0-based, so the last step is t = 0.",
          _MASK, "(t > 1)"),
    _draw("noise off at the first step",
          "You leave out the noise at the highest step; only the last step of the chain, t = 0, has none.",
          _MASK, "(t < t.max())"),
    _draw("x_t kept at the last step",
          "You return rows at t = 0 as they are; the last step returns its mean, without noise.",
          "return mean", "mean = torch.where(nonzero_mask > 0, mean, x_t)\n    return mean"),
    _draw("nothing left at the last step",
          "You return zeros in the rows at t = 0: apply the mask to the noise, not to the mean.",
          "return mean", "return nonzero_mask * mean"),
    _draw("draw clipped",
          "You clip the result to [−1, 1]; a step of the chain leaves that range.",
          f"mean + nonzero_mask * {_SPREAD} * noise", f"(mean + nonzero_mask * {_SPREAD} * noise).clamp(-1, 1)"),
    _mean_alone("x_t clipped in place",
                "You clip x_t to [−1, 1] in place before the model sees it; noisy images leave that range.",
                "shape = ", "x_t.clamp_(-1, 1)\n    shape = "),
    _draw("model frozen",
          "You switch off the gradients of the model's parameters in p_sample, so the model cannot be trained any more.",
          "return mean", "eps_model.requires_grad_(False)\n    return mean"),
    _mean_alone("mean written into x_t", _IN_PLACE.format("p_mean_variance"),
                _BETA, "return x_t.copy_(mean.detach()), beta"),
    _draw("noise written over", _IN_PLACE.format("p_sample"),
          "return mean", "noise[t == 0] = 0\n    return mean"),
    _draw("draw written into x_t", _IN_PLACE.format("p_sample"),
          f"return mean + nonzero_mask * {_SPREAD} * noise",
          f"return x_t.copy_((mean + nonzero_mask * {_SPREAD} * noise).detach())"),
    _draw("t counted down", _IN_PLACE.format("p_sample"),
          "return mean", "t -= 1\n    return mean"),
    *side_effects.misconceptions("p_mean_variance", _CORRECT, {"float64 mean": "float64"}),
    *side_effects.misconceptions("p_sample", _CORRECT, {"float64 draw": "float64", "seeds": "seeds"}),
    *side_effects.misconceptions("p_mean_variance", _CORRECT, {"sets default dtype": "default dtype"}),
)  # fmt: skip
