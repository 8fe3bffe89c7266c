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
    edit("mu cut from z", "You cut mu from the graph before you draw z, so the encoder learns no mu from the images.",
         _DRAW, "_reparameterize(mu.detach(), logvar, eps)"),
    edit("logvar cut from z", "You cut logvar from the graph before you draw z, so the encoder learns no spread from the images.",
         _DRAW, "_reparameterize(mu, logvar.detach(), eps)"),
    edit("results cut", "You cut the returned mu and logvar from the graph, so the encoder learns nothing from the KL divergence.",
         _RETURN, "return self.decode(z), mu.detach(), logvar.detach()"),
    edit("returned logvar cut", "You cut the returned logvar from the graph; the KL divergence needs its gradient.",
         _RETURN, "return self.decode(z), mu, logvar.detach()"),
    edit("squeezed", "You drop the axes of length 1 in encode: mu and logvar have shape (n, latent), for one image too.",
         "return self.encoder(x)", "return tuple(part.squeeze() for part in self.encoder(x))",
         "return self.decoder(z)", "return self.decoder(z.reshape(-1, self.latent))"),
    edit("latent left out", "Your model has no attribute latent; keep the width of z, which later cells read.",
         "self.encoder, self.decoder, self.latent = encoder, decoder, decoder.latent",
         "self.encoder, self.decoder = encoder, decoder"),
    edit("logits detached", "Your logits carry no graph, so nothing can learn from them.",
         _RETURN, "return self.decode(z).detach(), mu, logvar"),
    edit("eval mode", "You switch the mode of the model in forward; leave that to the caller.",
         "mu, logvar = ", "self.eval()\n        mu, logvar = "),
    edit("gradients on", "You switch gradients on in forward, also where its caller has switched them off.",
         "mu, logvar = ", "torch.set_grad_enabled(True)\n        mu, logvar = "),
    edit("noise overwritten", f"{changed('forward', 'eps')}.", _DRAW, "eps.mul_((logvar / 2).exp()).add_(mu)"),
)  # fmt: skip

MISCONCEPTIONS = misconceptions("VAE", Plain, _EDITS)
