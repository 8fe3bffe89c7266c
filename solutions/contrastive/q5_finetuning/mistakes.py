"""Mistakes in evaluation and fine-tuning, as edits of correct ones."""

from autograder.questions.edits import edit, misconceptions

from .correct import CORRECT, evaluate_as_taught, fit_as_taught

_LOSS, _ZERO, _STEP = (
    "F.nll_loss(log_p, labels).item() * len(labels)",
    "        optimizer.zero_grad()\n",
    "        optimizer.step()\n",
)
_ENCODER, _MODE = "with torch.set_grad_enabled(train_encoder):", "    encoder.train(train_encoder)\n"

_OF_THE_EVALUATION = (
    edit("mean over batches", "You average over batches; a smaller last batch then counts as much as a full one.",
         _LOSS, "F.nll_loss(log_p, labels).item()", "return loss / len(X)", "return loss / -(-len(X) // batch_size)"),
    edit("last batch left out", "You leave out the last batch if it is smaller than the others; all images count.",
         "range(0, len(X), batch_size)", "range(0, max(len(X) - batch_size + 1, 1), batch_size)"),
    edit("counted", "You return the number of hits; return their share.", "correct / len(X)", "correct"),
    edit("sum of the losses", "You return the sum of the losses; return the mean per image.", "return loss / len(X)", "return loss"),
    edit("evaluated in train mode", "You do not set the encoder to eval mode, so dropout and batch norm work as in training.",
         "    encoder.eval()\n", ""),
    edit("classifier in train mode", "You do not set the classifier to eval mode.", "    classifier.eval()\n", ""),
    edit("evaluation with gradients", "You record gradients in the evaluation, which costs memory and time: use torch.no_grad().",
         "with torch.no_grad():", "if True:"),
)  # fmt: skip
_OF_THE_FIT = (
    edit("encoder never in eval mode", "The frozen encoder is in train mode, so its batch statistics move; set it to eval mode.",
         _MODE, "    encoder.train()\n"),
    edit("frozen encoder with gradients", "You record gradients of the frozen encoder; run it under torch.no_grad().", _ENCODER, "if True:"),
    edit("frozen for good", "You switch requires_grad off and never on again, so the encoder cannot be fine-tuned later.",
         _MODE, f"{_MODE}    if not train_encoder:\n        encoder.requires_grad_(False)\n"),
    edit("always frozen", "The encoder does not learn where it should: run it with gradients if train_encoder is True.",
         _ENCODER, "with torch.no_grad():"),
    edit("zero_grad missing", "You never clear the gradients of earlier batches, so each step follows their sum.", _ZERO, ""),
    edit("scheduler never stepped", "You never step the scheduler, so the learning rate stays where it started.",
         "        scheduler.step()\n", ""),
    edit("sum over the batch", "You sum the losses of a batch; take their mean.", "labels)\n        opt", "labels, reduction='sum')\n        opt"),
    edit("train mode not set", "A model that you train is in eval mode: look at the encoder and at the classifier.",
         f"{_MODE}    classifier.train()\n", "    encoder.eval()\n    classifier.eval()\n"),
)  # fmt: skip

_PLAIN = CORRECT["as taught"]
MISCONCEPTIONS = (
    *misconceptions("evaluate_model", evaluate_as_taught, _OF_THE_EVALUATION, _PLAIN),
    *misconceptions("fit_model", fit_as_taught, _OF_THE_FIT, _PLAIN),
)
