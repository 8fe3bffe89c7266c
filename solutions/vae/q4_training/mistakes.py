"""Mistakes seen in training loops of VAEs, as edits of a correct one."""

from autograder.questions.edits import edit, misconceptions
from autograder.questions.side_effects import mistakes as side_effects
from autograder.questions.training.mistakes import EPOCH

from .correct import loop_as_taught

_EPS, _LOSS = "torch.randn(n, model.latent, generator=generator)", "_vae_loss(logits, x, mu, logvar, beta)"
_RETURN = "return total_loss / total_num, total_rec / total_num, total_kl / total_num"
_OF_THE_FAMILY = (
    *("zero_grad missing", "optimizer never stepped", "train mode not set", "gradients left off"),
    "losses kept with their graph",
)

_EDITS = (
    edit("beta ignored", "β has no effect: hand it to the loss.", _LOSS, "_vae_loss(logits, x, mu, logvar)"),
    edit("mean over batches", "You take the mean over batches; a smaller last batch then counts as much as a full one.",
         "loss.item() * n", "loss.item()", "rec.item() * n", "rec.item()", "kl.item() * n", "kl.item()",
         "total_num += n", "total_num += 1"),
    edit("sums not divided", "You return sums over the images; divide them by the number of images.",
         _RETURN, "return total_loss, total_rec, total_kl"),
    edit("parts exchanged", "You exchange the second and the third mean.",
         _RETURN, "return total_loss / total_num, total_kl / total_num, total_rec / total_num"),
    edit("loss alone returned", "You return the mean loss alone; return the three means.", _RETURN, "return total_loss / total_num"),
    edit("loss computed again after the step",
         "You pass every batch through the model a second time, after its step; record the loss that you train with.",
         "        total_loss", "        loss, rec, kl = _vae_loss(*(lambda out: (out[0], x, *out[1:]))(model(x, eps)), beta)\n"
         "        total_loss"),
    edit("images black and white", "You make the images black and white; train on them as they are, grey pixels included.",
         "x = x.to(device)", "x = x.to(device).round()"),
    edit("noise uniform", "Your eps is uniform; draw it from the standard normal distribution.", _EPS, _EPS.replace("randn", "rand")),
    edit("noise from the global state", "Your eps comes from torch's global random state; draw it from the given generator.",
         _EPS, "torch.randn(n, model.latent)"),
    edit("noise drawn once", "You draw eps once for the epoch; draw it anew for every batch.",
         "    for x, _ in loader:", "    noise = torch.randn(loader.batch_size, model.latent, generator=generator)\n"
         "    for x, _ in loader:", _EPS, "noise[:n]"),
    edit("generator seeded", "You seed the given generator, so every epoch draws the same noise.",
         "    model.train()", "    generator.manual_seed(0)\n    model.train()"),
)  # fmt: skip

MISCONCEPTIONS = (
    *misconceptions("train_one_epoch", loop_as_taught, (*_EDITS, *(EPOCH[id] for id in _OF_THE_FAMILY))),
    *side_effects.misconceptions(
        "train_one_epoch", {"train_one_epoch": loop_as_taught}, {"default dtype changed": "default dtype"}
    ),
)
