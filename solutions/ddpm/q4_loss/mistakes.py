"""Wrong losses of a diffusion model, each a small change of a correct one."""

from __future__ import annotations

from autograder.questions.edits import edit, misconceptions
from autograder.questions.model import Misconception
from autograder.questions.side_effects import mistakes as side_effects
from autograder.questions.side_effects.question import changed

from ..q2_noising.mistakes import SIDE_EFFECTS, VALUE_MISCONCEPTIONS
from .correct import squares_and_mean

# The notebook asks q_sample, not the loss, to keep float64.
_SIDE_EFFECTS = {id: kind for id, kind in SIDE_EFFECTS.items() if kind != "float32"}
_LOST = (
    "Backward finds no way from the loss to the model: you turn a tensor into a plain number or cut it off on the way "
    "(.item(), float(), .detach(), torch.tensor(...), torch.no_grad())."
)
_MODEL_T = "You hand other steps than t to the model; hand t on as it is."
_FORM_OF_T = "You hand t to the model in another form than one integer per row, (n,); hand t on as it is."
_BACKWARD = "You call backward inside the function; return the loss, and let the training loop call backward."
_X_T, _ERROR, _LOSS = "_q_sample(x0, t, noise, schedule)", "noise - predicted", "((noise - predicted) ** 2).mean()"
_DETACH_WITH_GRAPH = ".mean().detach() + 0 * sum(parameter.sum() for parameter in eps_model.parameters())"
_DESCEND = """parameters = list(eps_model.parameters())
    for parameter, gradient in zip(parameters, torch.autograd.grad(loss, parameters, retain_graph=True)):
        parameter.data = parameter.data - 0.01 * gradient
    return loss"""

_EDITS = (
    edit("target x_0",
         "You compare the prediction with x_0; the model predicts the noise.",
         _ERROR, "x0 - predicted"),
    edit("target x_t",
         "You compare the prediction with x_t; the model predicts the noise.",
         _ERROR, "x_t - predicted"),
    edit("target what was added",
         "You compare the prediction with x_t − x_0; the noise itself is the target, before any coefficient.",
         _ERROR, "x_t - x0 - predicted"),
    edit("target scaled noise",
         "You compare the noise after its coefficient is applied; the target is the noise as the function gets it.",
         _ERROR, "_q_sample(0 * x0, t, noise, schedule) - predicted"),
    edit("target velocity",
         "Your target is the velocity of another parametrisation; here it is the noise.",
         _ERROR, "_q_sample(noise, t, -x0, schedule) - predicted"),
    edit("target zero",
         "You compare the prediction with nothing: the noise is missing from the difference.",
         _ERROR, "predicted"),
    edit("target negative noise",
         "A sign is wrong: you add prediction and noise; subtract them.",
         _ERROR, "noise + predicted"),
    edit("target drawn anew",
         "Your target is a second draw of noise; use the noise that made x_t.",
         _ERROR, "torch.randn_like(x0) - predicted"),
    edit("noise drawn anew",
         "You draw noise inside the function; use the noise that it gets.",
         "x_t = ", "noise = torch.randn_like(x0)\n    x_t = "),
    edit("t drawn anew",
         "You draw the steps t inside the function; use those that it gets.",
         "x_t = ", "t = torch.randint(0, len(schedule.beta), (len(x0),))\n    x_t = "),
    edit("error of x_0",
         "You return the error of the image that the prediction stands for; return the error of the noise.",
         "loss = ((noise - predicted)",
         "bar = schedule.alpha_bar[t].view(-1, 1, 1, 1)\n"
         "    loss = (((x_t - (1 - bar).sqrt() * predicted) / bar.sqrt() - x0)"),
    edit("clean images to the model",
         "You hand the clean images to the model; hand it x_t.",
         "(x_t, t)", "(x0, t)"),
    edit("noise to the model", "You hand the noise itself to the model; hand it x_t.", "(x_t, t)", "(noise, t)"),
    edit("model gets t plus one", _MODEL_T, "(x_t, t)", "(x_t, (t + 1).clamp(max=len(schedule.beta) - 1))"),
    edit("model gets the first t", _MODEL_T, "(x_t, t)", "(x_t, t[:1].expand_as(t))"),
    edit("model gets zeros for t", _MODEL_T, "(x_t, t)", "(x_t, torch.zeros_like(t))"),
    edit("model gets a fraction", _FORM_OF_T, "(x_t, t)", "(x_t, t / len(schedule.beta))"),
    edit("model gets t of four axes", _FORM_OF_T, "(x_t, t)", "(x_t, t.view(-1, 1, 1, 1))"),
    edit("sum", "You sum the squares; return their mean over all elements.", ".mean()", ".sum()"),
    edit("sum over elements, mean over rows",
         "You sum the squares of a row; take the mean over all elements, not only over rows.",
         ".mean()", ".flatten(1).sum(1).mean()"),
    edit("mean over elements, sum over rows",
         "You sum over rows; take the mean over all elements, rows included.",
         ".mean()", ".flatten(1).mean(1).sum()"),
    edit("mean over half the axes",
         "You sum over the last axis; take the mean over all elements.",
         ".mean()", ".sum(-1).mean()"),
    edit("not reduced", "You return the squares one by one; return their mean.", ".mean()", ""),
    edit("a mean per row",
         "You return one loss per row; return the mean over all rows.",
         ".mean()", ".flatten(1).mean(1)"),
    edit("one element vector",
         "Your loss has shape (1,). Return a 0-d tensor; check keepdim and reshape.",
         ".mean()", ".mean().reshape(1)"),
    edit("halved",
         "Your loss, or only its gradient, is half of that of the mean square: look for a 1/2, or for a factor without "
         "gradient.",
         ".mean()", ".mean() / 2"),
    edit("rooted", "You return the root of the mean square; return the mean square.", ".mean()", ".mean().sqrt()"),
    edit("norms",
         "You average the lengths of the rows' errors; return the mean of squares.",
         _LOSS, "(noise - predicted).flatten(1).norm(dim=1).mean()"),
    edit("absolute",
         "You average the absolute differences; average their squares.",
         _LOSS, "(noise - predicted).abs().mean()"),
    edit("Huber",
         "Your loss is a smooth absolute one, linear for large errors; use squares.",
         _LOSS, "F.smooth_l1_loss(predicted, noise)"),
    edit("Huber far out",
         "Your loss is linear for large errors; use squares for all.",
         _LOSS, "2 * F.huber_loss(predicted, noise, delta=4.0)"),
    edit("not squared", "You average the differences without a square.", " ** 2", ""),
    edit("squared mean",
         "You square the mean; return the mean of the squares.",
         _LOSS, "(noise - predicted).mean() ** 2"),
    edit("negated", "You flip the sign of the loss: training would enlarge the error.", "((noise", "-((noise"),
    edit("weights of the bound",
         "You give the rows the weights of the variational bound; the simplified loss weighs all steps alike.",
         "((noise - predicted) ** 2)",
         "(schedule.beta[t] / (2 * schedule.alpha[t] * (1 - schedule.alpha_bar[t]))"
         " * ((noise - predicted) ** 2).flatten(1).mean(1))"),
    edit("prediction detached", _LOST, "(x_t, t)", "(x_t, t).detach()"),
    edit("model without gradient", _LOST, "predicted = ", "with torch.no_grad():\n        predicted = "),
    edit("a number", _LOST, ".mean()", ".mean().item()"),
    edit("detached with a graph",
         "The gradient of your loss is zero: you detach the prediction on its way into the loss.",
         ".mean()", _DETACH_WITH_GRAPH),
    edit("backward inside", _BACKWARD, "return loss", "loss.backward()\n    return loss"),
    edit("backward inside, graph kept", _BACKWARD, "return loss", "loss.backward(retain_graph=True)\n    return loss"),
    edit("images overwritten", f"{changed('ddpm_loss', 'x_0')}.", _X_T, f"x0.copy_({_X_T})"),
    edit("noise overwritten", f"{changed('ddpm_loss', 'the noise')}.", _ERROR, "noise.sub_(predicted)"),
    edit("eval mode",
         "You switch the mode of the model; the training loop does that.",
         "predicted = ", "eps_model.eval()\n    predicted = "),
    edit("model frozen",
         "You switch off the gradients of the model's parameters, so nothing can learn from the loss.",
         "return loss", "eps_model.requires_grad_(False)\n    return loss"),
    edit("parameters changed",
         "You change the parameters of the model; the optimiser does that.",
         "return loss", _DESCEND),
)  # fmt: skip


def _on_top_of(q_sample):
    """A loss whose x_t comes from this function."""

    def ddpm_loss(eps_model, x0, t, noise, schedule):
        return (noise - eps_model(q_sample(x0, t, noise, schedule), t)).square().mean()

    return ddpm_loss


MISCONCEPTIONS = (
    *misconceptions("ddpm_loss", squares_and_mean, _EDITS),
    *side_effects.misconceptions("ddpm_loss", {"ddpm_loss": squares_and_mean}, _SIDE_EFFECTS),
    # The loss takes x_t from question 2, with the mistakes that it has there.
    *(
        Misconception(
            f"x_t: {mistake.id}",
            f"Your x_t is not that of question 2. {mistake.hint}",
            {"ddpm_loss": _on_top_of(mistake.namespace["q_sample"])},
        )
        for mistake in VALUE_MISCONCEPTIONS
    ),
)
