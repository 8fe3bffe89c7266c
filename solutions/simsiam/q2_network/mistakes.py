"""Wrong SimSiam networks, each a small change of a correct one."""

from autograder.questions.edits import edit, misconceptions

from .correct import Plain

_LAST, _OUT = "nn.BatchNorm1d(width, affine=False),", "nn.Linear(bottleneck, width),"
_HIDDEN = "nn.BatchNorm1d(bottleneck), nn.ReLU(),"
_SECOND = "            nn.Linear(width, width), nn.BatchNorm1d(width), nn.ReLU(),\n"
_RETURN = "return self.predictor(z1), self.predictor(z2), z1, z2"

_EDITS = (
    edit("last batch norm with parameters", "The last batch norm of the projector has a scale and a shift; it has neither.",
         _LAST, "nn.BatchNorm1d(width),"),
    edit("last batch norm missing", "The batch norm after the last layer of the projector is missing.", _LAST, ""),
    edit("ReLU at the end", "A ReLU follows the last layer of the projector, so no projection has negative entries.",
         _LAST, f"{_LAST} nn.ReLU(),"),
    edit("two layers", "Your projector has two linear layers; it has three.", _SECOND, ""),
    edit("no batch norm in the predictor", "The batch norm of the predictor's hidden layer is missing.",
         _HIDDEN, "nn.ReLU(),"),
    edit("no ReLU in the predictor", "The predictor has no non-linearity.", _HIDDEN, "nn.BatchNorm1d(bottleneck),"),
    edit("batch norm on the prediction", "A batch norm follows the last layer of the predictor; its output has none.",
         _OUT, f"{_OUT} nn.BatchNorm1d(width),"),
    edit("order of the results", "The order of your results is another one; forward returns (p1, p2, z1, z2).",
         _RETURN, "return self.predictor(z1), z1, self.predictor(z2), z2"),
    edit("z before p", "You return the projections first; forward returns (p1, p2, z1, z2).",
         _RETURN, "return z1, z2, self.predictor(z1), self.predictor(z2)"),
    edit("predictions exchanged", "You exchange the predictions of the two views; the loss pairs them, not forward.",
         _RETURN, "return self.predictor(z2), self.predictor(z1), z1, z2"),
    edit("first view twice", "The second view has no effect.", "self.encoder(x2)", "self.encoder(x1)"),
    edit("z normalised", "You normalise z in forward; return it as the projector gives it.",
         _RETURN, "return self.predictor(z1), self.predictor(z2), nn.functional.normalize(z1), nn.functional.normalize(z2)"),
    edit("z detached", "You cut z from the graph in forward; that is the work of the loss.",
         _RETURN, "return self.predictor(z1), self.predictor(z2), z1.detach(), z2.detach()"),
    edit("z detached for the predictor", "You cut z from the graph before the predictor, so the encoder learns nothing from p.",
         _RETURN, "return self.predictor(z1.detach()), self.predictor(z2.detach()), z1, z2"),
    edit("second view detached", "You compute the second view without gradients; each view is compared with the other, so the "
         "encoder learns from both.", "self.encoder(x2)", "self.encoder(x2).detach()"),
)  # fmt: skip

MISCONCEPTIONS = misconceptions("SimSiam", Plain, _EDITS)
