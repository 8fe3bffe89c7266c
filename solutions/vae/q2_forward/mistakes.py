"""Wrong VAEs, each a small change of a correct one."""

from autograder.questions.edits import edit, misconceptions
from autograder.questions.side_effects.question import changed

from .correct import Plain

_DRAW, _RETURN = "_reparameterize(mu, logvar, eps)", "return self.decode(z), mu, logvar"

_EDITS = (
    edit("order of the results", "The order of your results is another one; forward returns (logits, mu, logvar).",
         _RETURN, "return mu, logvar, self.decode(z)"),
    edit("mu and logvar exchanged", "You exchange mu and logvar among the results of forward.",
         _RETURN, "return self.decode(z), logvar, mu"),
    edit("deviation returned", "The third result of forward is the standard deviation; return logvar as the encoder gives it.",
         _RETURN, "return self.decode(z), mu, (logvar / 2).exp()"),
    edit("logits alone", "You return the logits alone; the loss needs mu and logvar as well.", _RETURN, "return self.decode(z)"),
    edit("z returned", "You return z in the place of mu.", _RETURN, "return self.decode(z), z, logvar"),
    edit("mu decoded", "You decode mu: the noise has no effect.", _DRAW, "mu + 0 * logvar * eps"),
    edit("mu decoded in eval mode", "In eval mode you decode mu; use eps in both modes, as the caller gives it.",
         _DRAW, f"{_DRAW} if self.training else mu"),
    edit("noise drawn inside", "You draw noise in forward; use the eps that it gets.",
         _DRAW, "_reparameterize(mu, logvar, torch.randn_like(mu))"),
    edit("probabilities decoded", "What decode returns are probabilities; return the logits as the decoder gives them.",
         "return self.decoder(z)", "return torch.sigmoid(self.decoder(z))"),
    edit("arguments exchanged", "You hand logvar to reparameterize in the place of mu; look at the order of its arguments.",
         _DRAW, "_reparameterize(logvar, mu, eps)"),
    edit("exchanged in encode", "You exchange mu and logvar in encode.",
         "return self.encoder(x)", "return self.encoder(x)[::-1]", "mu, logvar = ", "logvar, mu = "),
    edit("z detached", "You cut z from the graph, so the encoder learns nothing from the images.", _DRAW, f"{_DRAW}.detach()"),
    edit("logits detached", "Your logits carry no graph, so nothing can learn from them.",
         _RETURN, "return self.decode(z).detach(), mu, logvar"),
    edit("eval mode", "You switch the mode of the model in forward; leave that to the caller.",
         "mu, logvar = ", "self.eval()\n        mu, logvar = "),
    edit("noise overwritten", f"{changed('forward', 'eps')}.", _DRAW, "eps.mul_((logvar / 2).exp()).add_(mu)"),
)  # fmt: skip

MISCONCEPTIONS = misconceptions("VAE", Plain, _EDITS)
