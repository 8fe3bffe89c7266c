"""Mistakes seen in sampling from a VAE and on lines between latent vectors, as edits of correct functions."""

from autograder.questions.edits import edit, misconceptions
from autograder.questions.side_effects import mistakes as side_effects

from .correct import line_as_taught, sample_as_taught

_CORRECT = {"sample": sample_as_taught, "interpolate": line_as_taught}
_Z, _RETURN = "torch.randn(n, model.latent, generator=generator)", "torch.sigmoid(logits)"
_T = "torch.linspace(0, 1, steps)"

_SAMPLES = (
    edit("logits returned", "You return the logits; return the probabilities of the pixels.", _RETURN, "logits"),
    edit("black and white", "You round the probabilities to black and white; return them as they are.",
         _RETURN, f"{_RETURN}.round()"),
    edit("pixels drawn", "You draw the pixels; return their probabilities.", _RETURN, f"torch.bernoulli({_RETURN})"),
    edit("softmax", "You share one probability among the pixels; each pixel has its own, whatever the others are.",
         _RETURN, "torch.softmax(logits.flatten(1), 1).view_as(logits)"),
    edit("images flattened", "Your images are rows of 784 pixels; keep the shape that the decoder gives.",
         _RETURN, f"{_RETURN}.flatten(1)"),
    edit("z uniform", "Your z is uniform; the prior is the standard normal distribution.", _Z, _Z.replace("randn", "rand")),
    edit("z from the global state", "Your z comes from torch's global random state; draw it from the given generator.",
         _Z, "torch.randn(n, model.latent)"),
    edit("one z for all", "All images have the same z; draw one for each.",
         _Z, "torch.randn(1, model.latent, generator=generator).expand(n, -1)"),
    edit("generator seeded", "You seed the given generator, so every call draws the same z.",
         "        z = ", "        generator.manual_seed(0)\n        z = "),
    edit("model frozen", "You freeze the parameters of the model, so it cannot be trained any more; leave them as they are.",
         "    with torch", "    model.requires_grad_(False)\n    with torch"),
    edit("gradients kept", "Your result requires gradients; sampling needs none.", "torch.no_grad()", "torch.enable_grad()"),
)  # fmt: skip
_LINES = (
    edit("end left out", "Your line stops before z1; both ends belong to it.", _T, "(torch.arange(steps) / steps)"),
    edit("both ends left out", "Your line leaves out its ends; both belong to it.",
         _T, "torch.linspace(0, 1, steps + 2)[1:-1]"),
    edit("one point too many", "Your line has one point too many: steps counts the points, not the gaps between them.",
         _T, "torch.linspace(0, 1, steps + 1)"),
    edit("from z1 to z0", "Your line goes from z1 to z0.", "(1 - t) * z0 + t * z1", "t * z0 + (1 - t) * z1"),
    edit("divided by zero", "With one step your line is not z0: look at what you divide by.",
         _T, "(torch.arange(steps) / (torch.tensor(steps) - 1))"),
)  # fmt: skip

MISCONCEPTIONS = (
    *misconceptions("sample", sample_as_taught, _SAMPLES, _CORRECT),
    *misconceptions("interpolate", line_as_taught, _LINES, _CORRECT),
    *side_effects.misconceptions(
        "sample", _CORRECT, {"images in float64": "float64", "gradients on in sample": "gradients on"}
    ),
    *side_effects.misconceptions("interpolate", _CORRECT, {"line in float64": "float64"}),
)
