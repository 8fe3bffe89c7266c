"""Mistakes seen in fine-tuning and evaluation, as edits of correct functions."""

from __future__ import annotations

from dataclasses import replace

import torch
import torch.nn.functional as F

from autograder.questions.edits import edit, misconceptions
from autograder.questions.model import Misconception
from autograder.questions.training.mistakes import EPOCH

from .correct import CORRECT, evaluate_with_topk

_CORRECT = CORRECT["v2, criterion, topk"]

_CROP, _FLIP = "v2.RandomCrop(size, padding=4), ", "v2.RandomHorizontalFlip(), "
_NO_SHIFT = "You do not shift the training images by up to four pixels: look at the crop and at its padding."

_PADDING = "You do not pad the training images with zeros: look at the options of the padding."

_TRANSFORMS = (
    edit("test images augmented", "Your test transform is random; only convert and normalise a test image.",
         "train, v2.Compose(to_tensor)", "train, train"),
    edit("test images flipped", "Your test transform mirrors images; only convert and normalise a test image.",
         "Compose(to_tensor)", "Compose([v2.RandomHorizontalFlip(1.0), *to_tensor])"),
    edit("train images not augmented", "Your training transform never shifts or flips an image.", _CROP + _FLIP, ""),
    edit("no flip in training", "Your training transform never flips an image.", _FLIP, ""),
    edit("no crop in training", _NO_SHIFT, _CROP, ""),
    edit("crop without padding", _NO_SHIFT, ", padding=4", ""),
    edit("padding of two", _NO_SHIFT, "padding=4", "padding=2"),
    edit("padding by reflection", _PADDING, "padding=4", 'padding=4, padding_mode="reflect"'),
    edit("padding with the edge", _PADDING, "padding=4", 'padding=4, padding_mode="edge"'),
    edit("padding in white", _PADDING, "padding=4", "padding=4, fill=255"),
    edit("resized crop in training", "Your training transform resizes its crops; keep the scale of the image.",
         _CROP, "v2.RandomResizedCrop(size, scale=(0.2, 1.0)), "),
    edit("colour jitter in training", "Your training transform changes colours; only crop and flip.",
         _FLIP, f"{_FLIP}v2.ColorJitter(0.4, 0.4, 0.4, 0.1), "),
    edit("fine-tuning not normalised", "Your images stay between 0 and 1; subtract the mean and divide by the standard "
         "deviation.",
         ", v2.Normalize(MEAN, STD)", ""),
    edit("train not normalised", "You normalise only the test images; normalise in both transforms.",
         "*to_tensor", "to_tensor[0]"),
    edit("test not normalised", "You normalise only the training images; normalise in both transforms.",
         "Compose(to_tensor)", "Compose(to_tensor[:1])"),
    edit("fine-tuning not divided by 255", "You normalise bytes; the normalisation expects numbers between 0 and 1.",
         ", scale=True", ""),
    edit("fine-tuning with other constants", "You normalise with other constants than the given mean and standard "
         "deviation.",
         "MEAN, STD", "[0.5] * 3, [0.5] * 3"),
    edit("transforms exchanged", "You return the test transform first; return the training transform, then the test "
         "transform.",
         "train, v2.Compose(to_tensor)", "v2.Compose(to_tensor), train"),
)  # fmt: skip

_LOADERS = (
    edit("train not shuffled", "Your training loader keeps the stored order; shuffle it.", ", shuffle=True", ""),
    edit("train shuffled once", "You shuffle the training images once, so all epochs have the same order; shuffle anew for each.",
         "Images(train_images, train_labels", "Images(train_images[order], train_labels[order]",
         "    train_set =", "    order = torch.randperm(len(train_images))\n    train_set =", ", shuffle=True", ""),
    edit("train set augmented once", "You augment the training images once, when you make the loader; augment an image each "
         "time that it is fetched.",
         "LabelledImages(train_images, train_labels, train_transform)",
         "TensorDataset(torch.stack([train_transform(image) for image in train_images]), train_labels)"),
    edit("one draw for a batch", "You give the training transform a whole batch, so all its images are shifted and flipped "
         "alike; give it one image at a time.",
         "LabelledImages(train_images, train_labels, train_transform)", "TensorDataset(train_images, train_labels)",
         "shuffle=True", "shuffle=True, collate_fn=lambda rows: "
         "(train_transform(torch.stack([x for x, _ in rows])), torch.stack([y for _, y in rows]))"),
    edit("test shuffled", "Your test loader shuffles; keep the test images in their stored order.",
         "(test_set, batch_size=batch_size", "(test_set, batch_size=batch_size, shuffle=True"),
    edit("train drops last batch", "Your training loader drops the last, smaller batch.",
         "shuffle=True", "shuffle=True, drop_last=True"),
    edit("test drops last batch", "Your test loader drops the last, smaller batch, so you never score some test images.",
         "(test_set, batch_size=batch_size", "(test_set, batch_size=batch_size, drop_last=True"),
    edit("test in single images", "Your test loader does not use the argument batch_size.",
         "(test_set, batch_size=batch_size)", "(test_set)"),
    edit("test set augmented", "Your test loader uses the random training transform.",
         "test_labels, test_transform", "test_labels, train_transform"),
    edit("train set not augmented", "Your training loader uses the test transform, so every epoch sees the same images.",
         "train_labels, train_transform", "train_labels, test_transform"),
    edit("train set for testing", "Your test loader holds the training images.",
         "(test_images, test_labels, test", "(train_images, train_labels, test"),
    edit("loaders exchanged", "You return the test loader first; return the training loader, then the test loader.",
         "return train, test", "return test, train"),
)  # fmt: skip

_LOGITS, _LAYER = "self.fc(self.simclr(x)[0])", "nn.Linear(512, num_classes)"
_NO_GRADIENT = "No gradient reaches the encoder from the logits; fine-tuning trains all of its parameters."

_CLASSIFIERS = (
    edit("logits from z", "Your linear layer takes the projection z; put it on the representation h.",
         "Linear(512", "Linear(128", "[0]", "[1]"),
    edit("encoder frozen", _NO_GRADIENT, "= simclr", "= simclr.requires_grad_(False)"),
    edit("representation detached", _NO_GRADIENT, "[0]", "[0].detach()"),
    edit("encoder under no_grad", _NO_GRADIENT,
         f"        return {_LOGITS}",
         "        with torch.no_grad():\n            h, _ = self.simclr(x)\n        return self.fc(h)"),
    edit("encoder in eval mode", "Your forward puts the encoder into eval mode; leave the mode to the caller.",
         f"        return {_LOGITS}", f"        self.simclr.eval()\n        return {_LOGITS}"),
    edit("classifier sets train mode", "Your forward switches the classifier to train mode; leave the mode to the caller.",
         f"        return {_LOGITS}", f"        self.train()\n        return {_LOGITS}"),
    edit("part of the encoder frozen", "You freeze a part of the encoder; fine-tuning trains all of its parameters.",
         "        self.fc", "        next(simclr.parameters()).requires_grad_(False)\n        self.fc"),
    edit("classifier without bias", "Your linear layer has no bias.", _LAYER, "nn.Linear(512, num_classes, bias=False)"),
    edit("linear layer not registered", "The parameters of your classifier do not include those of its linear layer, so an "
         "optimiser never sees them.",
         "self.fc = nn.Linear(512, num_classes)", "self.parts = [nn.Linear(512, num_classes)]", "self.fc(self", "self.parts[0](self"),
    edit("softmax in the classifier", "Your forward returns probabilities; cross-entropy expects logits and would apply the "
         "softmax again.",
         _LOGITS, f"{_LOGITS}.softmax(dim=1)"),
    edit("log-softmax in the classifier", "Your forward returns log-probabilities; return the plain output of the linear "
         "layer.",
         _LOGITS, f"{_LOGITS}.log_softmax(dim=1)"),
    edit("two layers on h", "Your classifier has a hidden layer; use a single linear layer.",
         _LAYER, f"nn.Sequential(nn.Linear(512, 512), nn.ReLU(), {_LAYER})"),
    edit("num_classes ignored", "The number of your logits does not follow the argument num_classes.",
         _LAYER, "nn.Linear(512, 10)"),
    edit("encoder not registered", "The parameters of your classifier do not include those of the encoder, so an optimiser "
         "never sees them.",
         "self.simclr = simclr", "self.parts = [simclr]", "self.simclr(x)", "self.parts[0](x)"),
    edit("h normalised", "You give the linear layer a normalised h; give it h as it is.",
         "self.simclr(x)[0]", "F.normalize(self.simclr(x)[0], dim=1)"),
    edit("features returned too", "Your forward returns something else than the tensor of logits.",
         f"return {_LOGITS}", "h, _ = self.simclr(x)\n        return self.fc(h), h"),
)  # fmt: skip

_LENGTH = "loader may be {} of batches, which has no data set: count the images as they come."
_KEPT = "You keep losses or logits of every batch with their graphs, so memory grows; keep numbers, or detach."
_UNCHANGED = "The parameters never change: look at what lies between backward and the optimiser's step."
_TOP_1 = "total_correct / total_num"

_EPOCHS = (
    EPOCH["zero_grad missing"],
    replace(EPOCH["zero_grad after backward"], hint=_UNCHANGED),
    replace(EPOCH["optimizer never stepped"], hint=_UNCHANGED),
    EPOCH["scheduler before optimizer"],
    EPOCH["scheduler per epoch"],
    EPOCH["scheduler never stepped"],
    EPOCH["first part frozen"],
    edit("gradients clipped", "You clip the gradients between backward and step; take them as they are.",
         "        optimizer.step()",
         "        torch.nn.utils.clip_grad_norm_(model.parameters(), 0.1)\n        optimizer.step()"),
    EPOCH["batch norm in eval mode"],
    EPOCH["first part in eval mode"],
    EPOCH["gradients left off"],
    edit("logits kept with their graph", _KEPT,
         "total_loss, total_correct, total_num = 0.0, 0, 0", "total_loss, total_correct, total_num, kept = 0.0, 0, 0, []",
         "        loss = ", "        kept.append(logits)\n        loss = "),
    edit("losses kept", _KEPT,
         "loss.item()", "loss"),
    edit("loss after the step", "You take the loss that you return after the step; note the one that you train with.",
         "loss.item()", "criterion(model(x), y).item()"),
    edit("labels smoothed", "You smooth the labels; use the plain cross-entropy.",
         "CrossEntropyLoss()", "CrossEntropyLoss(label_smoothing=0.1)"),
    edit("data set asked for its length", _LENGTH.format("any iterable"), "return total_loss / total_num, total_correct / total_num",
         "return total_loss / len(loader.dataset), total_correct / len(loader.dataset)"),
    replace(EPOCH["eval mode"], id="fine-tuned in eval mode"),
    EPOCH["train mode not set"],
    edit("softmax before cross-entropy", "You give cross-entropy probabilities; it expects the logits.",
         "criterion(logits, y)", "criterion(logits.softmax(1), y)"),
    edit("loss summed over the batch", "You sum the loss over a batch; both the step and the returned mean need the mean of "
         "the batch.",
         "CrossEntropyLoss()", 'CrossEntropyLoss(reduction="sum")'),
    edit("means over batches", "You average loss and accuracy over batches; a smaller last batch then counts as much as a "
         "full one.",
         "loss.item() * n", "loss.item()", ".sum()", ".float().mean()", "total_num += n", "total_num += 1"),
    edit("top-1 in percent", "You return the accuracy in percent; return it between 0 and 1.", _TOP_1, f"100 * {_TOP_1}"),
    edit("correct counted, not divided", "You return the number of hits; divide it by the number of images.",
         _TOP_1, "total_correct"),
    edit("accuracy over batches", "You divide the hits by the number of batches; divide them by the number of images.",
         _TOP_1, "total_correct / len(loader)"),
    edit("sum of losses", "You sum the losses of the batches; return the mean per image.",
         "loss.item() * n", "loss.item()", "return total_loss / total_num", "return total_loss"),
    edit("last batch returned", "You return loss and accuracy of the last batch; return those of the epoch.",
         "total_loss +=", "total_loss =", "total_correct +=", "total_correct =", "total_num +=", "total_num ="),
    edit("accuracy after the step", "You measure the accuracy after the step; count the hits of the logits that you took "
         "the loss of.",
         "logits.argmax", "model(x).argmax"),
    edit("accuracy first", "You return the accuracy first; return mean loss, top-1.",
         f"total_loss / total_num, {_TOP_1}", f"{_TOP_1}, total_loss / total_num"),
    edit("loss alone", "You do not return a pair; return the mean loss and the top-1 accuracy.", f", {_TOP_1}", ""),
)  # fmt: skip

_RETURN = "loss / n, top1 / n, top5 / n"

_EVALUATIONS = (
    edit("evaluated in train mode", "The model is in train mode while you evaluate it, so batch norm and dropout act as in "
         "training.",
         "    model.eval()\n", ""),
    edit("evaluated with gradients", "Your evaluation records gradients; it trains nothing.", "@torch.no_grad()\n", ""),
    edit("batch norm evaluated in train mode", "A part of the model is in train mode while you evaluate it; put all of it into "
         "eval mode.",
         "model.eval()", "model.eval()\n    for module in model.modules():\n"
         "        if isinstance(module, nn.BatchNorm1d):\n            module.train()"),
    edit("gradients left off by evaluate", "You leave gradients switched off for the rest of the notebook; use a with block or "
         "the decorator.",
         "@torch.no_grad()\n", "", "model.eval()", "model.eval()\n    torch.set_grad_enabled(False)"),
    edit("model left frozen by evaluate", "You switch off the gradients of the parameters and never switch them on again.",
         "model.eval()", "model.eval().requires_grad_(False)"),
    edit("data set asked for its length by evaluate", _LENGTH.format("a list"), _RETURN,
         "loss / len(loader.dataset), top1 / len(loader.dataset), top5 / len(loader.dataset)"),
    edit("batches weighted alike", "You average loss and accuracies over batches; a smaller last batch then counts as much "
         "as a full one.",
         " * len(y)", "", "== y).sum()", "== y).float().mean()", "any(1).sum()", "any(1).float().mean()",
         "n += len(y)", "n += 1"),
    edit("losses summed", "You sum the losses of the batches; return the mean per image.",
         " * len(y)", "", "loss / n", "loss"),
    edit("last batch left out", "You leave out the last, smaller batch.", "in loader:", "in list(loader)[:-1]:"),
    edit("percent", "You return the accuracies in percent; return them between 0 and 1.",
         _RETURN, "loss / n, 100 * top1 / n, 100 * top5 / n"),
    edit("top-1 twice", "Your top-5 equals top-1: you look only at the best class.", "topk(5", "topk(1"),
    edit("top-3 for top-5", "Your top-5 counts fewer than the five best classes.", "topk(5", "topk(3"),
    edit("worst five", "Your top-5 looks at the five smallest logits.", "topk(5, dim=1", "topk(5, dim=1, largest=False"),
    edit("top-5 divided by five", "You divide the top-5 hits by five; an image counts as one hit if its label is among the "
         "five.",
         "top5 / n", "top5 / 5 / n"),
    edit("top-5 missing", "You do not return three numbers: mean loss, top-1 and top-5.", ", top5 / n", ""),
    edit("accuracies first", "You return the accuracies before the loss; return mean loss, top-1, top-5.",
         _RETURN, "top1 / n, top5 / n, loss / n"),
    edit("top-5 before top-1", "You return top-5 before top-1.", _RETURN, "loss / n, top5 / n, top1 / n"),
)  # fmt: skip


def _evaluate_and_train(model, loader, device="cpu"):
    result = evaluate_with_topk(model, loader, device)
    for x, y in loader:
        F.cross_entropy(model(x), y).backward()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter -= 0.01 * parameter.grad
    return result


MISCONCEPTIONS = (
    *(
        mistake
        for name, edits in (
            ("finetune_transforms", _TRANSFORMS),
            ("finetune_loaders", _LOADERS),
            ("Classifier", _CLASSIFIERS),
            ("finetune_one_epoch", _EPOCHS),
            ("evaluate", _EVALUATIONS),
        )
        for mistake in misconceptions(name, _CORRECT[name], edits, _CORRECT)
    ),
    Misconception(
        "evaluation trains",
        "Your evaluation changes the parameters of the model.",
        {**_CORRECT, "evaluate": _evaluate_and_train},
    ),
)
