"""Question 3: the encoder and the classifier, with given weights in their layers."""

import torch

from autograder.questions.model import Case, Close, Exact, Test
from autograder.questions.side_effects.question import comparisons, float32_result

from . import counts, probes

# Images, width of the body, width of z; rows, width of z, classes.
_ENCODERS = {"three images, a body of width 6, z_dim 4": (3, 6, 4), "one image, a body of width 3, z_dim 7": (1, 3, 7)}
_CLASSIFIERS = {"five rows of width 4, 10 classes": (5, 4, 10), "one row of width 6, 3 classes": (1, 6, 3)}
_LARGE = "three rows of width 3, 4 classes, scores of hundreds"
_CONDUCT = "four images, a body of width 5, z_dim 3, 6 classes"


def draw(generator):
    """Images (n, 3, 2, 2), rows, and the weights of all layers."""

    def linear(name, inputs, outputs, size=1.0):
        weight, bias = (torch.randn(*shape, generator=generator) for shape in ((outputs, inputs), (outputs,)))
        return {f"{name}_weight": size * weight / inputs**0.5, f"{name}_bias": size * bias}

    def encoder(n, width, z_dim):
        x = torch.randn(n, 3, 2, 2, generator=generator)
        return {"x": x, **linear("body", probes.PIXELS, width), **linear("head", width, z_dim)}

    def classifier(n, z_dim, classes, size=1.0):
        z = torch.randn(n, z_dim, generator=generator)
        return {"z": z, **linear("hidden", z_dim, probes.HIDDEN), **linear("out", probes.HIDDEN, classes, size)}

    return (
        *(Case(name, encoder(*sizes)) for name, sizes in _ENCODERS.items()),
        *(Case(name, classifier(*sizes)) for name, sizes in _CLASSIFIERS.items()),
        Case(_LARGE, classifier(3, 3, 4, 300.0)),
        Case(_CONDUCT, {**encoder(4, 5, 3), **{name: x for name, x in classifier(4, 3, 6).items() if name != "z"}}),
    )


def _modes(what, advice, rtol):
    return {
        f"{mode}_mode": Close(rtol, 1e-5, advice=f"{advice}, in {mode} mode", what=what) for mode in ("eval", "train")
    }


_OF_EITHER = {
    **float32_result("forward"),
    "keys": Exact(advice="Your model has other parameters or buffers than those of the layers in the text"),
    "idle": Exact(advice="No gradient reaches some of the parameters from the result"),
    "cut": Exact(advice="No gradient reaches the input from the result"),
    "modes": Exact(advice="A call of your model switches a part of it to another mode"),
}
_OF_CONDUCT = {
    prefix + name: comparison
    for prefix, what in (("encoder_", "x"), ("classifier_", "z"))
    for name, comparison in (comparisons("forward", {"x": what}) | _OF_EITHER).items()
}
STUBS = ("Encoder", "Classifier")
TESTS = (
    Test("encoder", "z is the head's output for the body's features", probes.encoder, tuple(_ENCODERS),
         _modes("the tensor of embeddings", "The embeddings are not self.head(self.body(x))", 1e-4)),
    Test("classifier", "log-probabilities of two linear layers", probes.classifier, (*_CLASSIFIERS, _LARGE),
         _modes("the tensor of log-probabilities", "The log-probabilities are not the log-softmax of out(relu(hidden(z)))", 1e-4)),
    Test("conduct", "gradients reach all parameters; inputs and global state stay as they are", probes.conduct, (_CONDUCT,),
         _OF_CONDUCT, count=counts.conduct, needs=("encoder", "classifier")),
)  # fmt: skip
