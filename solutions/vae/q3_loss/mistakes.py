"""Wrong losses of a VAE, each a small change of a correct one."""

from autograder.questions.edits import edit, misconceptions
from autograder.questions.side_effects import mistakes as side_effects
from autograder.questions.side_effects.question import changed

from .correct import two_means

_LOSS, _RETURN = "loss = reconstruction + beta * kl", "return loss, reconstruction, kl"
_REC, _KL = "-_log_likelihood(logits, x).mean()", "_kl(mu, logvar).mean()"

_EDITS = (
    edit("bound returned", "You return the bound itself; the loss is what training makes smaller.",
         _LOSS, "loss = -(reconstruction + beta * kl)"),
    edit("KL subtracted", "The sign of the KL term is wrong: training would drive q away from the prior.",
         "+ beta * kl", "- beta * kl"),
    edit("likelihood subtracted", "The sign of the likelihood is wrong: training would make the images less likely.",
         "loss = reconstruction", "loss = -reconstruction"),
    edit("log-likelihood returned", "The second result is the mean log-likelihood; the reconstruction has the other sign.",
         "return loss, reconstruction", "return loss, -reconstruction"),
    edit("beta ignored", "β has no effect on your loss.", "beta * kl", "kl"),
    edit("beta on the reconstruction", "You multiply the reconstruction by β; it weighs the KL divergence.",
         "reconstruction + beta * kl", "beta * reconstruction + kl"),
    edit("beta in the returned KL", "The third result holds β; return the KL divergence without it.",
         _LOSS, "kl = beta * kl\n    loss = reconstruction + kl"),
    edit("pixels averaged",
         "You average over the pixels and sum over the latent dimensions, which is a hidden, large β: sum over both.",
         _REC, "-(_log_likelihood(logits, x) / x[0].numel()).mean()"),
    edit("dimensions averaged",
         "You average over the latent dimensions and sum over the pixels, which is a hidden, small β: sum over both.",
         _KL, "(_kl(mu, logvar) / mu.shape[1]).mean()"),
    edit("summed over the batch", "You sum over the batch; take the mean over the images.",
         _REC, "-_log_likelihood(logits, x).sum()", _KL, "_kl(mu, logvar).sum()"),
    edit("KL summed over the batch", "You sum the KL divergence over the batch; take the mean, as for the reconstruction.",
         _KL, "_kl(mu, logvar).sum()"),
    edit("KL of the mean", "You average mu and logvar over the images before you take the KL divergence; average the divergences.",
         _KL, "_kl(mu.mean(0), logvar.mean(0))"),
    edit("squared error", "Your reconstruction is a squared error of the pixels; use the log-likelihood of q1c.",
         _REC, "(torch.sigmoid(logits) - x).square().flatten(1).sum(1).mean()"),
    edit("parts exchanged", "You exchange the second and the third result.", _RETURN, "return loss, kl, reconstruction"),
    edit("KL detached", "No gradient of the KL divergence reaches mu and logvar: you cut it off on the way.",
         "beta * kl", "beta * kl.detach()"),
    edit("x overwritten", f"{changed('vae_loss', 'x')}.", "    loss =", "    x.clamp_(1e-3, 0.999)\n    loss ="),
)  # fmt: skip

MISCONCEPTIONS = (
    *misconceptions("vae_loss", two_means, _EDITS),
    *side_effects.misconceptions("vae_loss", {"vae_loss": two_means}, {"gradients on": "gradients on"}),
)
