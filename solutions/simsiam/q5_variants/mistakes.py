"""Wrong variants, each a small change of a correct one."""

from autograder.questions.edits import edit, misconceptions

from .correct import by_branches

_WIDE, _IDENTITY = "model = SimSiam(encoder, 2 * width, bottleneck)", "model.predictor = nn.Identity()"
_COSINES = "(F.cosine_similarity(p1, z2) + F.cosine_similarity(p2, z1)).mean() / 2"
_RAISE, _LOSS = 'raise ValueError(f"unknown variant {name}")', "loss_function = without_stop"

_EDITS = (
    edit("gradient still stopped", 'The loss of "no stop-gradient" gives z no gradient: your negative_cosine stops it, so write '
         "this loss without it.", _LOSS, "loss_function = simsiam_loss"),
    edit("gradient never stopped", "No loss of yours stops the gradient; only that of \"no stop-gradient\" does not.",
         "loss_function = simsiam_loss", "loss_function = without_stop"),
    edit("predictions stopped", 'In "no stop-gradient" you stop the gradient of the predictions; stop none.',
         "(p1, z2)", "(p1.detach(), z2)", "(p2, z1)", "(p2.detach(), z1)"),
    edit("stopped in one direction", 'In "no stop-gradient" one of the two targets is still a constant.',
         "(p2, z1)", "(p2, z1.detach())"),
    edit("own views", 'In "no stop-gradient" you pair each prediction with its own view.', "(p1, z2)", "(p1, z1)", "(p2, z1)", "(p2, z2)"),
    edit("plus sign", 'The sign of the loss of "no stop-gradient" is wrong.', f"-{_COSINES}", _COSINES),
    edit("sum of both", 'The loss of "no stop-gradient" adds both directions; each has the weight one half.',
         _COSINES, _COSINES.removesuffix(" / 2")),
    edit("predictor kept", 'The network of "identity predictor" still has its predictor.', _IDENTITY, "pass"),
    edit("linear predictor", 'The predictor of "identity predictor" changes its input.',
         _IDENTITY, "model.predictor = nn.Linear(width, width)"),
    edit("projector replaced", 'In "identity predictor" you replace the projector.', _IDENTITY, "model.projector = nn.Identity()"),
    edit("width kept", 'The network of "double width" has the width of the others.', _WIDE, "model = SimSiam(encoder, width, bottleneck)"),
    edit("bottleneck doubled", 'In "double width" you double the bottleneck as well; it stays.',
         _WIDE, "model = SimSiam(encoder, 2 * width, 2 * bottleneck)"),
    edit("encoder frozen", "You switch off the gradients of the encoder in variant; encoder, projector and predictor all learn.",
         "return model, loss_function", "encoder.requires_grad_(False)\n    return model, loss_function"),
    edit("another name is full", "Your variant takes any other name for the full model; raise a ValueError.", _RAISE, "pass"),
    edit("another error", "You raise another error than a ValueError for a name that is none of the four.",
         _RAISE, "raise KeyError(name)"),
)  # fmt: skip

MISCONCEPTIONS = misconceptions("variant", by_branches, _EDITS)
