"""Wrong encoders and classifiers, each a small change of a correct one."""

from autograder.questions.edits import edit, misconceptions

from .correct import CORRECT, PlainClassifier, PlainEncoder

_LAST = "F.log_softmax(self.out(h), dim=1)"
_OF_THE_ENCODER = (
    edit("z normalised", "You normalise z in forward; return it as the head gives it.", "self.head(h)", "F.normalize(self.head(h))"),
    edit("ReLU at the end", "A ReLU follows the head, so no embedding has negative entries.", "self.head(h)", "F.relu(self.head(h))"),
    edit("ReLU before the head", "Nothing stands between body and head; you put a ReLU there.", "self.head(h)", "self.head(F.relu(h))"),
    edit("z_dim ignored", "Your head does not lead from body.width features to z_dim numbers; take both sizes from there.", "nn.Linear(body.width, z_dim)", "nn.Linear(body.width, 32)"),
    edit("head without a bias", "Your head has no bias; keep that of nn.Linear.", "z_dim)\n", "z_dim, bias=False)\n"),
    edit("body detached", "You cut the body from the graph, so it cannot learn; freezing is the work of the training loop.",
         "h = self.body(x)", "h = self.body(x).detach()"),
    edit("eval mode in forward", "You switch the mode of the model in forward; leave that to its caller.",
         "h = self.body(x)", "h = self.body.eval()(x)"),
)  # fmt: skip
_OF_THE_CLASSIFIER = (
    edit("probabilities", "You return probabilities; return their logarithms.", "F.log_softmax", "F.softmax"),
    edit("scores", "You return scores; return log-probabilities.", _LAST, "self.out(h)"),
    edit("log of the softmax", "The logarithm of a softmax is minus infinity where scores are far apart: use log_softmax.",
         _LAST, "F.softmax(self.out(h), dim=1).log()"),
    edit("softmax over the batch", "Your softmax runs over the batch; it runs over the classes.", "dim=1", "dim=0"),
    edit("no ReLU", "There is no non-linearity between the two layers.", "F.relu(self.hidden(z))", "self.hidden(z)"),
    edit("ReLU on the scores", "A ReLU follows the last layer; only the hidden layer has one.",
         "self.out(h)", "F.relu(self.out(h))"),
    edit("classes ignored", "The last layer of your classifier does not give one number for each class; their number is an argument.",
         "nn.Linear(64, classes)", "nn.Linear(64, 10)"),
    edit("another layer", "Your classifier has another layer beside hidden and out, which the checkpoint cannot hold.",
         "        self.out = ", "        self.norm = nn.LayerNorm(64)\n        self.out = "),
)  # fmt: skip

_PLAIN = CORRECT["plain"]
MISCONCEPTIONS = (
    *misconceptions("Encoder", PlainEncoder, _OF_THE_ENCODER, _PLAIN),
    *misconceptions("Classifier", PlainClassifier, _OF_THE_CLASSIFIER, _PLAIN),
)
