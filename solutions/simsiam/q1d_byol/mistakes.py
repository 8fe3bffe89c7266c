"""Wrong parts of BYOL, each a small change of a correct one."""

from autograder.questions.edits import edit, misconceptions

from .correct import CORRECT, in_place, schedule, two_distances

_SUM, _STEP, _COPY = "(first + second).mean()", "old.mul_(tau).add_(new, alpha=1 - tau)", "old.copy_(new)"
_BUFFERS = f"        for new, old in zip(online.buffers(), target.buffers()):\n            {_COPY}\n"

_OF_THE_LOSS = (
    edit("own view paired", "You pair each prediction with the target of its own view; take that of the other view.",
         "(p1 - t2)", "(p1 - t1)", "(p2 - t1)", "(p2 - t2)"),
    edit("targets not stopped", "The targets get a gradient; the target network only follows the online one.",
         "t1.detach()", "t1", "t2.detach()", "t2"),
    edit("directions averaged", "You average the two directions; add them.", _SUM, f"{_SUM} / 2"),
    edit("mean over all entries", "You average the squares over the columns; sum them within each row.",
         "(p1 - t2).pow(2).sum(dim=1)", "(p1 - t2).pow(2).mean(dim=1)",
         "(p2 - t1).pow(2).sum(dim=1)", "(p2 - t1).pow(2).mean(dim=1)"),
    edit("targets changed", "You normalise the targets in place; the function may not change its inputs.",
         "t2 = F.normalize(t2.detach(), dim=1)", "t2 = F.normalize(t2.detach(), dim=1, out=t2.detach())",
         "t1 = F.normalize(t1.detach(), dim=1)", "t1 = F.normalize(t1.detach(), dim=1, out=t1.detach())"),
    edit("predictions not normalised", "You normalise the targets alone; normalise the predictions as well.",
         "p1, p2 = F.normalize(p1, dim=1), F.normalize(p2, dim=1)", "p1, p2 = p1, p2"),
)  # fmt: skip
_OF_THE_AVERAGE = (
    edit("weights exchanged", "You exchange tau and 1 - tau: the target would follow the online network at once.",
         _STEP, "old.mul_(1 - tau).add_(new, alpha=tau)"),
    edit("names bound anew", "You compute the new values, and the target keeps its old ones: change its parameters in place.",
         _STEP, "old = tau * old + (1 - tau) * new"),
    edit("buffers left out", "You leave out the buffers: the running statistics of the target's batch norms stay as they are.",
         _BUFFERS, ""),
    edit("buffers shared", "You hand the target the buffers of the online network themselves, so both change together; copy their "
         "numbers.", _COPY, "old.data = new.data"),
    edit("buffers averaged", "You average the buffers; copy them.",
         _COPY, "old.copy_(tau * old + (1 - tau) * new)"),
    edit("with a graph", "You compute the average with a graph, which autograd forbids or which grows with every step.",
         "with torch.no_grad():", "if True:"),
)  # fmt: skip
_OF_THE_SCHEDULE = (
    edit("linear", "Your tau rises in a straight line; it follows a cosine.",
         "(math.cos(math.pi * step / total) + 1) / 2", "(1 - step / total)"),
    edit("one step short", "Your tau reaches 1 one step too early: there are `total` steps after the first value.",
         "step / total", "step / max(total - 1, 1)"),
    edit("tau0 ignored", "Your schedule does not use tau0.", "(1 - tau0)", "(1 - 0.996)"),
)  # fmt: skip

_PLAIN = CORRECT["plain"]
MISCONCEPTIONS = (
    *misconceptions("byol_loss", two_distances, _OF_THE_LOSS, _PLAIN),
    *misconceptions("ema_update", in_place, _OF_THE_AVERAGE, _PLAIN),
    *misconceptions("tau_schedule", schedule, _OF_THE_SCHEDULE, _PLAIN),
)
