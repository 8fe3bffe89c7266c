"""Mistakes seen in reverse steps, each a small change of a right one."""

from __future__ import annotations

import torch

from autograder.questions.model import Misconception


def _at(values, t, x):
    return values[t].view(-1, *(1,) * (x.ndim - 1))


def _mean(
    predict=lambda eps_model, x_t, t: eps_model(x_t, t),
    index=lambda t: t,
    formula=lambda x, eps, beta, alpha, alpha_bar: (x - beta / (1 - alpha_bar).sqrt() * eps) / alpha.sqrt(),
):
    """A right mean in which each part can be replaced."""

    def mean(eps_model, x_t, t, schedule):
        eps = predict(eps_model, x_t, t)
        return formula(x_t, eps, *(_at(values, index(t), x_t) for values in schedule[:3]))

    return mean


def _beta(x_t, t, schedule):
    return _at(schedule.beta, t, x_t)


def _pair(mean=None, variance=_beta):
    """A ``p_mean_variance`` of these two."""
    right = mean or _mean()

    def p_mean_variance(eps_model, x_t, t, schedule):
        return right(eps_model, x_t, t, schedule), variance(x_t, t, schedule)

    return p_mean_variance


def _keep_noise(t):
    return t > 0


def _draw(pair, keep=_keep_noise, deviation=torch.sqrt, noise_of=lambda noise: noise, finish=lambda x, mean, x_t, t: x):
    """A ``p_sample`` on top of ``pair`` in which each part can be replaced."""

    def p_sample(eps_model, x_t, t, schedule, noise):
        mean, variance = pair(eps_model, x_t, t, schedule)
        mask = keep(t).to(x_t.dtype).view(-1, *(1,) * (x_t.ndim - 1))
        return finish(mean + mask * deviation(variance) * noise_of(noise), mean, x_t, t)

    return p_sample


def _wrong_mean(**changes):
    return _namespace(_pair(_mean(**changes)))


def _wrong_variance(variance):
    return _namespace(_pair(variance=variance))


def _wrong_draw(**changes):
    return _namespace(_pair(), **changes)


def _namespace(pair, **changes):
    return {"p_mean_variance": pair, "p_sample": _draw(pair, **changes)}


def _around(change, function):
    """The right function, whose arguments and answer go through ``change`` first."""
    right = _wrong_draw()
    return {**right, function: lambda *arguments: change(right[function], *arguments)}


def _predicted_image(x, eps, alpha_bar):
    return (x - (1 - alpha_bar).sqrt() * eps) / alpha_bar.sqrt()


def _clipped_image(eps_model, x_t, t, schedule):
    beta, alpha, alpha_bar = (_at(values, t, x_t) for values in schedule[:3])
    previous = alpha_bar / alpha
    image = _predicted_image(x_t, eps_model(x_t, t), alpha_bar).clamp(-1, 1)
    return (previous.sqrt() * beta * image + alpha.sqrt() * (1 - previous) * x_t) / (1 - alpha_bar)


def _posterior_exchanged(eps_model, x_t, t, schedule):
    beta, alpha, alpha_bar = (_at(values, t, x_t) for values in schedule[:3])
    previous = alpha_bar / alpha
    image = _predicted_image(x_t, eps_model(x_t, t), alpha_bar)
    return (previous.sqrt() * beta * x_t + alpha.sqrt() * (1 - previous) * image) / (1 - alpha_bar)


def _shifted_posterior(eps_model, x_t, t, schedule):
    """The posterior mean with ᾱ_t where ᾱ_{t−1} belongs."""
    beta, alpha, alpha_bar = (_at(values, t, x_t) for values in schedule[:3])
    image = _predicted_image(x_t, eps_model(x_t, t), alpha_bar)
    return (alpha_bar.sqrt() * beta * image + alpha.sqrt() * (1 - alpha_bar) * x_t) / (1 - alpha_bar)


def _not_reshaped(eps_model, x_t, t, schedule):
    beta, alpha, alpha_bar = (values[t] for values in schedule[:3])
    return (x_t - beta / (1 - alpha_bar).sqrt() * eps_model(x_t, t)) / alpha.sqrt()


def _image_space(function, eps_model, x_t, t, schedule):
    x_t.clamp_(-1, 1)
    return function(eps_model, x_t, t, schedule)


def _mean_in_place(function, eps_model, x_t, t, schedule):
    mean, variance = function(eps_model, x_t, t, schedule)
    return x_t.copy_(mean.detach()), variance


def _noise_zeroed(function, eps_model, x_t, t, schedule, noise):
    noise[t == 0] = 0
    return function(eps_model, x_t, t, schedule, noise)


def _draw_in_place(function, eps_model, x_t, t, schedule, noise):
    return x_t.copy_(function(eps_model, x_t, t, schedule, noise).detach())


def _steps_counted_down(function, eps_model, x_t, t, schedule, noise):
    result = function(eps_model, x_t, t, schedule, noise)
    t -= 1
    return result


def _float32(function, eps_model, x_t, t, schedule):
    return tuple(part.float() for part in function(eps_model, x_t, t, schedule))


def _float32_draw(function, *arguments):
    return function(*arguments).float()


def _seeds(function, *arguments):
    torch.manual_seed(0)
    return function(*arguments)


def _sets_default_dtype(function, *arguments):
    torch.set_default_dtype(torch.float64)
    return function(*arguments)


def _exchanged(function, *arguments):
    mean, variance = function(*arguments)
    return variance, mean


def _with_log_variance(function, *arguments):
    mean, variance = function(*arguments)
    return mean, variance, variance.log()


def _mean_alone(function, *arguments):
    return function(*arguments)[0]


def _posterior_variance(x_t, t, schedule):
    return _at(schedule.posterior_variance, t, x_t)


def _zero_variance_at_last(x_t, t, schedule):
    return _beta(x_t, t, schedule) * (t > 0).view(-1, *(1,) * (x_t.ndim - 1))


def _kept_at_last(x, mean, x_t, t):
    return torch.where((t == 0).view(-1, *(1,) * (x_t.ndim - 1)), x_t, x)


def _zero_at_last(x, mean, x_t, t):
    return x * _keep_noise(t).to(x_t.dtype).view(-1, *(1,) * (x_t.ndim - 1))


_STEPS = (
    "The model does not get t as it is handed over: an integer tensor with one step per row, the same that the "
    "schedule is read at."
)
_IN_PLACE = "writes into the tensors that it is given; the caller still needs them, so compute on new ones."

# A wrong variance shows in the draw as well, where the hints of the draw hold for it: these come first.
_TABLE = (
    ("coefficient without root", _wrong_mean(formula=lambda x, e, b, a, ab: (x - b / (1 - ab) * e) / a.sqrt()),
     "The predicted noise is weighted with β / (1 − ᾱ); the square root of the denominator is missing."),
    ("outer factor without root", _wrong_mean(formula=lambda x, e, b, a, ab: (x - b / (1 - ab).sqrt() * e) / a),
     "The difference is divided by α; the square root is missing."),
    ("no root at all", _wrong_mean(formula=lambda x, e, b, a, ab: (x - b / (1 - ab) * e) / a),
     "Both square roots are missing, the one of 1 − ᾱ and the one of α."),
    ("outer factor of alpha bar", _wrong_mean(formula=lambda x, e, b, a, ab: (x - b / (1 - ab).sqrt() * e) / ab.sqrt()),
     "The difference is divided by √ᾱ, the product over all steps; one step back divides by √α of that step."),
    ("outer factor multiplied", _wrong_mean(formula=lambda x, e, b, a, ab: (x - b / (1 - ab).sqrt() * e) * a.sqrt()),
     "The difference is multiplied by √α; a step back undoes the scaling, so it is divided."),
    ("outer factor left out", _wrong_mean(formula=lambda x, e, b, a, ab: x - b / (1 - ab).sqrt() * e),
     "The predicted noise is taken off, and the scaling by √α of the forward step is never undone."),
    ("outer factor on the image only",
     _wrong_mean(formula=lambda x, e, b, a, ab: x / a.sqrt() - b / (1 - ab).sqrt() * e),
     "Only x_t is divided by √α; the whole difference is."),
    ("alpha in the coefficient", _wrong_mean(formula=lambda x, e, b, a, ab: (x - b / (1 - a).sqrt() * e) / a.sqrt()),
     "The weight of the predicted noise has √(1 − α) in its denominator; the noise in x_t is that of all steps, ᾱ."),
    ("alpha bar without complement", _wrong_mean(formula=lambda x, e, b, a, ab: (x - b / ab.sqrt() * e) / a.sqrt()),
     "The weight of the predicted noise has √ᾱ in its denominator; the share of noise in x_t is 1 − ᾱ."),
    ("beta rooted", _wrong_mean(formula=lambda x, e, b, a, ab: (x - (b / (1 - ab)).sqrt() * e) / a.sqrt()),
     "The root is taken of β too; only the denominator of the weight is a root."),
    ("beta left out", _wrong_mean(formula=lambda x, e, b, a, ab: (x - e / (1 - ab).sqrt()) / a.sqrt()),
     "β is missing from the weight of the predicted noise."),
    ("alpha for beta", _wrong_mean(formula=lambda x, e, b, a, ab: (x - a / (1 - ab).sqrt() * e) / a.sqrt()),
     "α stands where β belongs, in the weight of the predicted noise."),
    ("all noise removed", _wrong_mean(formula=lambda x, e, b, a, ab: (x - (1 - ab).sqrt() * e) / a.sqrt()),
     "All of the predicted noise is taken off in one step; the weight of a step has β in it."),
    ("noise added", _wrong_mean(formula=lambda x, e, b, a, ab: (x + b / (1 - ab).sqrt() * e) / a.sqrt()),
     "The predicted noise is added to x_t; a step back takes it off."),
    ("predicted image", _wrong_mean(formula=lambda x, e, b, a, ab: _predicted_image(x, e, ab)),
     "This is the image x_0 that the noise predicts; the mean asked for is that of x_{t−1}, one step back."),
    ("x_t without noise", _wrong_mean(formula=lambda x, e, b, a, ab: x / a.sqrt() + 0 * e),
     "The prediction of the model has no effect on the mean."),
    ("predicted image clipped", _namespace(_pair(_clipped_image)),
     "The predicted x_0 is clipped to [−1, 1] on the way; the mean as it is asked for has no clipping in it."),
    ("posterior weights exchanged", _namespace(_pair(_posterior_exchanged)),
     "In the posterior mean the weights of x_0 and of x_t are exchanged."),
    ("posterior mean shifted", _namespace(_pair(_shifted_posterior)),
     "The posterior mean is written with ᾱ of the step itself where ᾱ of the step before belongs."),
    ("step of the first row", _wrong_mean(index=lambda t: t[:1].expand_as(t)),
     "The schedule is read at the step of the first row for all rows; every row has its own t."),
    ("index one too low", _wrong_mean(index=lambda t: (t - 1).clamp(min=0)),
     "The schedule is read one step too early: arrays are 0-based, so index t belongs to t."),
    ("index one too high", _wrong_mean(index=lambda t: (t + 1) - (t == t.max()).long()),
     "The schedule is read one step too late: arrays are 0-based, so index t belongs to t."),
    ("model one step early", _wrong_mean(predict=lambda model, x, t: model(x, (t - 1).clamp(min=0))),
     "The model is asked about another step than the one that t names."),
    ("model one step late", _wrong_mean(predict=lambda model, x, t: model(x, t + 1)),
     "The model is asked about another step than the one that t names."),
    ("model gets a fraction", _wrong_mean(predict=lambda model, x, t: model(x, t / 1000)), _STEPS),
    ("model gets a column", _wrong_mean(predict=lambda model, x, t: model(x, t[:, None])), _STEPS),
    ("model gets one number", _wrong_mean(predict=lambda model, x, t: model(x, t[0])), _STEPS),
    ("coefficients not reshaped", _namespace(_pair(_not_reshaped)),
     "The coefficients, one per row, meet the last axis of the image: shape them so that they broadcast along rows."),
    ("mean and variance exchanged", _around(_exchanged, "p_mean_variance"),
     "Mean and variance come back in the other order."),
    ("log variance returned too", _around(_with_log_variance, "p_mean_variance"),
     "p_mean_variance returns something else than a pair; mean and variance are asked for."),
    ("mean alone", _around(_mean_alone, "p_mean_variance"),
     "p_mean_variance returns something else than a pair; mean and variance are asked for."),
    ("variance for deviation", _wrong_draw(deviation=lambda v: v),
     "The noise is multiplied by the variance; a standard deviation belongs there."),
    ("noise not scaled", _wrong_draw(deviation=torch.ones_like),
     "The noise is added as it is; a standard deviation scales it."),
    ("posterior deviation in the draw", {**_wrong_draw(), "p_sample": _draw(_pair(variance=_posterior_variance))},
     "The noise is scaled with the posterior variance β̃; the variance asked for is β."),
    ("deviation of one step early",
     {**_wrong_draw(), "p_sample": _draw(_pair(variance=lambda x, t, s: _at(s.beta, (t - 1).clamp(min=0), x)))},
     "The noise is scaled with the β of the step before; arrays are 0-based, so index t belongs to t."),
    ("deviation of the first row",
     {**_wrong_draw(), "p_sample": _draw(_pair(variance=lambda x, t, s: _at(s.beta, t[:1].expand_as(t), x)))},
     "The noise of all rows is scaled with the β of the first row; every row has its own t."),
    ("posterior variance", _wrong_variance(_posterior_variance),
     "This is the variance of the posterior, β̃; the variance asked for is β."),
    ("deviation for variance", _namespace(_pair(variance=lambda x, t, s: _beta(x, t, s).sqrt()), deviation=lambda v: v),
     "The standard deviation is returned where the variance is asked for."),
    ("variance squared", _wrong_variance(lambda x, t, s: _beta(x, t, s) ** 2),
     "The variance is β² here; β is a variance already."),
    ("log variance", _namespace(_pair(variance=lambda x, t, s: _beta(x, t, s).log()), deviation=lambda v: (v / 2).exp()),
     "The logarithm of the variance is returned where the variance is asked for."),
    ("variance of all steps", _wrong_variance(lambda x, t, s: 1 - _at(s.alpha_bar, t, x)),
     "1 − ᾱ is the variance that all steps together have added; one step has β."),
    ("variance is alpha", _wrong_variance(lambda x, t, s: _at(s.alpha, t, x)), "The variance is α here; it is β."),
    ("variance of the first row", _wrong_variance(lambda x, t, s: _at(s.beta, t[:1].expand_as(t), x)),
     "The variance is read at the step of the first row for all rows; every row has its own t."),
    ("variance one step early", _wrong_variance(lambda x, t, s: _at(s.beta, (t - 1).clamp(min=0), x)),
     "The variance is read one step too early: arrays are 0-based, so index t belongs to t."),
    ("variance not reshaped", {**_wrong_draw(), "p_mean_variance": _pair(variance=lambda x, t, s: s.beta[t])},
     "The variance has shape (n,) and meets the last axis of the image: shape it so that it broadcasts along rows."),
    ("variance zero at the last step", _wrong_variance(_zero_variance_at_last),
     "The variance is set to 0 where t = 0; it is p_sample that leaves the noise out there."),
    ("noise subtracted", _wrong_draw(noise_of=lambda noise: -noise),
     "The noise is subtracted from the mean; x_{t−1} is mean plus deviation times noise."),
    ("noise left out", _wrong_draw(noise_of=torch.zeros_like),
     "The noise that is handed over has no effect: p_sample returns the mean."),
    ("noise of its own", _wrong_draw(noise_of=torch.randn_like),
     "p_sample draws noise of its own; it is to use the noise that it is given."),
    ("noise at the last step too", _wrong_draw(keep=torch.ones_like),
     "Noise is added in the rows with t = 0 too; the last step returns its mean."),
    ("noise off where any row is last", _wrong_draw(keep=lambda t: (t > 0).all().expand_as(t)),
     "One row at t = 0 switches the noise off for the whole batch; only the rows at t = 0 go without."),
    ("noise on where any row is not last", _wrong_draw(keep=lambda t: (t > 0).any().expand_as(t)),
     "Rows at t = 0 get noise as soon as another row is not there yet; every row is decided on its own."),
    ("noise decided by the first row", _wrong_draw(keep=lambda t: (t[:1] > 0).expand_as(t)),
     "The first row decides for the whole batch whether noise is added; every row is decided on its own."),
    ("noise off from the second last step on", _wrong_draw(keep=lambda t: t > 1),
     "The noise is left out at t = 1 as well; arrays are 0-based, so the last step is t = 0."),
    ("noise off at the first step", _wrong_draw(keep=lambda t: t < t.max()),
     "The noise is left out at the highest step; it is the last step of the chain, t = 0, that has none."),
    ("x_t kept at the last step", _wrong_draw(finish=_kept_at_last),
     "Rows at t = 0 come back as they are; the last step returns its mean, without noise."),
    ("nothing left at the last step", _wrong_draw(finish=_zero_at_last),
     "Rows at t = 0 come back as zeros: the mask holds for the noise, not for the mean."),
    ("draw clipped", _wrong_draw(finish=lambda x, mean, x_t, t: x.clamp(-1, 1)),
     "The result is clipped to [−1, 1]; a step of the chain leaves that range."),
    ("x_t clipped in place", _around(_image_space, "p_mean_variance"),
     "x_t is clipped to [−1, 1] in place before the model sees it; noisy images leave that range."),
    ("mean written into x_t", _around(_mean_in_place, "p_mean_variance"), f"p_mean_variance {_IN_PLACE}"),
    ("noise written over", _around(_noise_zeroed, "p_sample"), f"p_sample {_IN_PLACE}"),
    ("draw written into x_t", _around(_draw_in_place, "p_sample"), f"p_sample {_IN_PLACE}"),
    ("t counted down", _around(_steps_counted_down, "p_sample"), f"p_sample {_IN_PLACE}"),
    ("float32 mean", _around(_float32, "p_mean_variance"),
     "Mean and variance of a float64 image come back as float32; keep the dtype of the inputs."),
    ("float32 draw", _around(_float32_draw, "p_sample"),
     "The step of a float64 image comes back as float32; keep the dtype of the inputs."),
    ("seeds", _around(_seeds, "p_sample"),
     "p_sample seeds torch's global generator, so every later random draw of the notebook repeats."),
    ("sets default dtype", _around(_sets_default_dtype, "p_mean_variance"),
     "The function changes torch's default dtype for everything that runs after it."),
)  # fmt: skip

MISCONCEPTIONS = tuple(Misconception(name, hint, namespace) for name, namespace, hint in _TABLE)
