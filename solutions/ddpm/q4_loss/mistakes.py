"""Wrong losses of a diffusion model, each a small change of a right one."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from ..q2_noising.mistakes import VALUE_MISTAKES, per_row
from ..q2_noising.mistakes import right as q_sample
from autograder.questions.model import Misconception


def _ddpm_loss(
    noised=q_sample,
    predict=lambda eps_model, x_t, t, T: eps_model(x_t, t),
    target=lambda x0, t, noise, x_t, schedule: noise,
    distance=F.mse_loss,
    result=lambda loss: loss,
):
    """A right ``ddpm_loss`` in which each part can be replaced."""

    def ddpm_loss(eps_model, x0, t, noise, schedule):
        x_t = noised(x0, t, noise, schedule)
        predicted = predict(eps_model, x_t, t, len(schedule.beta))
        return result(distance(predicted, target(x0, t, noise, x_t, schedule)))

    return ddpm_loss


right = _ddpm_loss()


def _clean_images_to_model(eps_model, x0, t, noise, schedule):
    return F.mse_loss(eps_model(x0, t), noise)


def _noise_to_model(eps_model, x0, t, noise, schedule):
    return F.mse_loss(eps_model(noise, t), noise)


def _velocity(x0, t, noise, x_t, schedule):
    bar = per_row(schedule.alpha_bar[t], x0)
    return bar.sqrt() * noise - (1 - bar).sqrt() * x0


def _x0_from_prediction(eps_model, x0, t, noise, schedule):
    """The error of the image that the prediction stands for."""
    bar = per_row(schedule.alpha_bar[t], x0)
    x_t = q_sample(x0, t, noise, schedule)
    return F.mse_loss((x_t - (1 - bar).sqrt() * eps_model(x_t, t)) / bar.sqrt(), x0)


def _weights_of_the_bound(eps_model, x0, t, noise, schedule):
    """Each row weighted as in the variational bound (Ho et al. 2020, equation 12), with the variance β."""
    weights = schedule.beta[t] / (2 * schedule.alpha[t] * (1 - schedule.alpha_bar[t]))
    squares = (noise - eps_model(q_sample(x0, t, noise, schedule), t)).square().flatten(1).mean(1)
    return (weights * squares).mean()


def _noise_drawn(eps_model, x0, t, noise, schedule):
    return right(eps_model, x0, t, torch.randn_like(x0), schedule)


def _steps_drawn(eps_model, x0, t, noise, schedule):
    return right(eps_model, x0, torch.randint(0, len(schedule.beta), (len(x0),)), noise, schedule)


def _without_gradient(eps_model, x_t, t, T):
    with torch.no_grad():
        return eps_model(x_t, t)


def _backward_inside(eps_model, x0, t, noise, schedule):
    loss = right(eps_model, x0, t, noise, schedule)
    loss.backward()
    return loss


def _backward_inside_graph_kept(eps_model, x0, t, noise, schedule):
    loss = right(eps_model, x0, t, noise, schedule)
    loss.backward(retain_graph=True)
    return loss


def _detached_with_graph(eps_model, x0, t, noise, schedule):
    """The number is right; its graph is that of zeros."""
    loss = right(eps_model, x0, t, noise, schedule)
    return loss.detach() + 0 * sum(parameter.sum() for parameter in eps_model.parameters())


def _noise_overwritten(eps_model, x0, t, noise, schedule):
    predicted = eps_model(q_sample(x0, t, noise, schedule), t)
    return noise.neg_().add_(predicted).square().mean()


def _images_overwritten(eps_model, x0, t, noise, schedule):
    x_t = x0.copy_(q_sample(x0, t, noise, schedule))
    return F.mse_loss(eps_model(x_t, t), noise)


def _eval_mode(eps_model, x0, t, noise, schedule):
    eps_model.eval()
    return right(eps_model, x0, t, noise, schedule)


def _parameters_changed(eps_model, x0, t, noise, schedule):
    """A step of descent in a function that is asked for a loss."""
    loss = right(eps_model, x0, t, noise, schedule)
    parameters = list(eps_model.parameters())
    gradients = torch.autograd.grad(loss, parameters, retain_graph=True)
    for parameter, gradient in zip(parameters, gradients):
        parameter.data = parameter.data - 0.01 * gradient
    return loss


def _seeds(eps_model, x0, t, noise, schedule):
    torch.manual_seed(0)
    return right(eps_model, x0, t, noise, schedule)


def _draws(eps_model, x0, t, noise, schedule):
    torch.randn_like(x0)
    return right(eps_model, x0, t, noise, schedule)


def _sets_default_dtype(eps_model, x0, t, noise, schedule):
    torch.set_default_dtype(torch.float64)
    return right(eps_model, x0, t, noise, schedule)


_LOST = (
    "Backward finds no way from the loss to the model: somewhere it becomes a plain number or is cut off (.item(), "
    "float(), .detach(), torch.tensor(...), torch.no_grad())."
)
_MODEL_T = "The model gets other steps than t; hand t on as it is."
_FORM_OF_T = "The model gets t in another form than one integer per row, (n,); hand t on as it is."
_BACKWARD = "backward is called inside of the function; it returns the loss, and the training loop calls backward."
_DTYPE = "The loss has a dtype of its own: float32 inputs give float32, float64 inputs float64."

_TABLE = (
    ("target x_0", _ddpm_loss(target=lambda x0, t, noise, x_t, schedule: x0),
     "The prediction is compared with x_0; the model predicts the noise."),
    ("target x_t", _ddpm_loss(target=lambda x0, t, noise, x_t, schedule: x_t),
     "The prediction is compared with x_t; the model predicts the noise."),
    ("target what was added", _ddpm_loss(target=lambda x0, t, noise, x_t, schedule: x_t - x0),
     "The prediction is compared with x_t − x_0; the noise itself is the target, before any coefficient."),
    ("target scaled noise", _ddpm_loss(
        target=lambda x0, t, noise, x_t, schedule: per_row((1 - schedule.alpha_bar[t]).sqrt(), x0) * noise),
     "The noise is compared after its coefficient is applied; the target is the noise as it is given."),
    ("target velocity", _ddpm_loss(target=_velocity),
     "The target is the velocity of another parametrisation; here it is the noise."),
    ("target zero", _ddpm_loss(target=lambda x0, t, noise, x_t, schedule: torch.zeros_like(noise)),
     "The prediction is compared with nothing: the noise does not enter the difference."),
    ("target negative noise", _ddpm_loss(target=lambda x0, t, noise, x_t, schedule: -noise),
     "A sign is wrong: prediction and noise are added instead of subtracted."),
    ("target drawn anew", _ddpm_loss(target=lambda x0, t, noise, x_t, schedule: torch.randn_like(x0)),
     "The target is a second draw of noise; it is the noise that made x_t."),
    ("noise drawn anew", _noise_drawn, "Noise is drawn inside of the function; the noise that is given should be used."),
    ("t drawn anew", _steps_drawn, "The steps t are drawn inside of the function; those that are given should be used."),
    ("error of x_0", _x0_from_prediction,
     "This is the error of the image that the prediction stands for; the error of the noise is asked for."),
    ("clean images to the model", _clean_images_to_model, "The model gets the clean images; it should get x_t."),
    ("noise to the model", _noise_to_model, "The model gets the noise itself; it should get x_t."),
    ("model gets t plus one", _ddpm_loss(
        predict=lambda eps_model, x_t, t, T: eps_model(x_t, (t + 1).clamp(max=T - 1))), _MODEL_T),
    ("model gets the first t", _ddpm_loss(
        predict=lambda eps_model, x_t, t, T: eps_model(x_t, t[:1].expand_as(t))), _MODEL_T),
    ("model gets zeros for t", _ddpm_loss(
        predict=lambda eps_model, x_t, t, T: eps_model(x_t, torch.zeros_like(t))), _MODEL_T),
    ("model gets a fraction", _ddpm_loss(predict=lambda eps_model, x_t, t, T: eps_model(x_t, t / T)), _FORM_OF_T),
    ("model gets t of four axes", _ddpm_loss(
        predict=lambda eps_model, x_t, t, T: eps_model(x_t, t.view(-1, 1, 1, 1))), _FORM_OF_T),
    ("sum", _ddpm_loss(distance=lambda p, e: (p - e).square().sum()),
     "The squares are summed; their mean over all elements is asked for."),
    ("sum over elements, mean over rows", _ddpm_loss(distance=lambda p, e: (p - e).square().flatten(1).sum(1).mean()),
     "The squares of a row are summed; the mean is taken over all elements, not only over rows."),
    ("mean over elements, sum over rows", _ddpm_loss(distance=lambda p, e: (p - e).square().flatten(1).mean(1).sum()),
     "The rows are summed; the mean is taken over all elements, rows included."),
    ("mean over half the axes", _ddpm_loss(distance=lambda p, e: (p - e).square().sum(-1).mean()),
     "The last axis is summed; the mean is taken over all elements."),
    ("not reduced", _ddpm_loss(distance=lambda p, e: (p - e).square()),
     "The squares come back one by one; their mean is asked for."),
    ("a mean per row", _ddpm_loss(distance=lambda p, e: (p - e).square().flatten(1).mean(1)),
     "One loss per row comes back; the mean over all rows is asked for."),
    ("one element vector", _ddpm_loss(result=lambda loss: loss.reshape(1)),
     "The loss has shape (1,); a 0-d tensor is asked, so look at keepdim and reshape."),
    ("halved", _ddpm_loss(result=lambda loss: loss / 2),
     "The loss, or only its gradient, is half of the mean square's: look for a 1/2, or a factor without gradient."),
    ("rooted", _ddpm_loss(result=torch.sqrt), "The root of the mean square is returned; the mean square is asked for."),
    ("norms", _ddpm_loss(distance=lambda p, e: (p - e).flatten(1).norm(dim=1).mean()),
     "The length of each row's error is averaged; the mean of squares is asked for."),
    ("absolute", _ddpm_loss(distance=F.l1_loss), "The absolute differences are averaged; squares are asked for."),
    ("Huber", _ddpm_loss(distance=F.smooth_l1_loss),
     "The loss is a smooth absolute one, linear for large errors; squares are asked for."),
    ("not squared", _ddpm_loss(distance=lambda p, e: (e - p).mean()), "The differences are averaged without a square."),
    ("squared mean", _ddpm_loss(distance=lambda p, e: (e - p).mean().square()),
     "The mean is squared; the mean of the squares is asked for."),
    ("negated", _ddpm_loss(result=torch.neg), "The sign of the loss is flipped: training would enlarge the error."),
    ("weights of the bound", _weights_of_the_bound,
     "The rows carry the weights of the variational bound; the simplified loss weighs all steps alike."),
    ("prediction detached", _ddpm_loss(predict=lambda eps_model, x_t, t, T: eps_model(x_t, t).detach()), _LOST),
    ("model without gradient", _ddpm_loss(predict=_without_gradient), _LOST),
    ("a number", _ddpm_loss(result=lambda loss: loss.item()), _LOST),
    ("detached with a graph", _detached_with_graph,
     "The value is right, but its gradient is zero: the prediction is detached on its way into the loss."),
    ("backward inside", _backward_inside, _BACKWARD),
    ("backward inside, graph kept", _backward_inside_graph_kept, _BACKWARD),
    ("images overwritten", _images_overwritten, "x_0 is overwritten in place; compute on a new tensor."),
    ("noise overwritten", _noise_overwritten, "The given noise is overwritten in place; compute on a new tensor."),
    ("eval mode", _eval_mode, "The function switches the mode of the model; that is the training loop's to do."),
    ("parameters changed", _parameters_changed,
     "The function changes the parameters of the model; that is the optimiser's to do."),
    ("seeds", _seeds, "The function seeds torch's global generator, so every later random draw of the notebook repeats."),
    ("draws", _draws, "Noise is drawn although it is given: draws inside of the function cannot be repeated."),
    ("sets the default dtype", _sets_default_dtype,
     "The function changes torch's default dtype for everything that runs after it."),
    ("float32 result", _ddpm_loss(result=lambda loss: loss.float()), _DTYPE),
    ("float64 result", _ddpm_loss(result=lambda loss: loss.double()), _DTYPE),
)  # fmt: skip

MISCONCEPTIONS = (
    *(Misconception(id, hint, {"ddpm_loss": wrong}) for id, wrong, hint in _TABLE),
    # The loss takes x_t from question 2, with the mistakes that it has there.
    *(
        Misconception(
            f"x_t: {id}",
            f"x_t is not that of question 2: {hint[:1].lower()}{hint[1:]}",
            {"ddpm_loss": _ddpm_loss(wrong)},
        )
        for id, wrong, hint in VALUE_MISTAKES
    ),
)
