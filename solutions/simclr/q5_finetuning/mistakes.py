"""Mistakes seen in fine-tuning and evaluation, each a small change of a right one."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader
from torchvision.transforms import v2

from autograder.questions.training import mistakes as updates
from autograder.questions.model import Misconception
from ..q3_augmentation.oracle import MEAN, STD
from .correct import (
    LabelledImages,
    OnForward,
    epoch_with_criterion,
    evaluate_with_topk,
    plain_loaders,
    v2_transforms,
)

RIGHT = {
    "finetune_transforms": v2_transforms,
    "finetune_loaders": plain_loaders,
    "Classifier": OnForward,
    "finetune_one_epoch": epoch_with_criterion,
    "evaluate": evaluate_with_topk,
}

_CONVERT = (v2.ToDtype(torch.float32, scale=True), v2.Normalize(MEAN, STD))
_AUGMENT = (v2.RandomCrop(32, padding=4), v2.RandomHorizontalFlip())


def _transforms(augment=_AUGMENT, convert=_CONVERT, test=None):
    """A ``finetune_transforms`` for 32 pixels in which each part can be replaced."""

    def finetune_transforms(size=32):
        return v2.Compose([*augment, *convert]), v2.Compose(convert if test is None else test)

    return finetune_transforms


_RESIZED_CROP = v2.RandomResizedCrop(32, scale=(0.2, 1.0))

_TRANSFORMS = (
    ("test images augmented", _transforms(test=(*_AUGMENT, *_CONVERT)),
     "The test transform is random; a test image is only converted and normalised."),
    ("test images flipped", _transforms(test=(v2.RandomHorizontalFlip(1.0), *_CONVERT)),
     "The test transform turns images round; a test image is only converted and normalised."),
    ("train images not augmented", _transforms(augment=(v2.Identity(),)),
     "The train transform never moves or flips an image."),
    ("no flip in training", _transforms(augment=_AUGMENT[:1]), "The train transform never flips an image."),
    ("no crop in training", _transforms(augment=_AUGMENT[1:]), "The train images are not shifted by up to "
        "four pixels: look at the crop and at its padding."),
    ("crop without padding", _transforms(augment=(v2.RandomCrop(32), v2.RandomHorizontalFlip())),
     "The train images are not shifted by up to four pixels: look at the crop and at its padding."),
    ("padding of two", _transforms(augment=(v2.RandomCrop(32, padding=2), v2.RandomHorizontalFlip())),
     "The train images are not shifted by up to four pixels: look at the crop and at its padding."),
    ("resized crop in training", _transforms(augment=(_RESIZED_CROP, v2.RandomHorizontalFlip())),
     "The train transform resizes its crops; here the crop keeps the scale of the image."),
    ("colour jitter in training", _transforms(augment=(*_AUGMENT, v2.ColorJitter(0.4, 0.4, 0.4, 0.1))),
     "The train transform changes colours; the statement asks for crop and flip only."),
    ("fine-tuning not normalised", _transforms(convert=_CONVERT[:1]),
     "The images stay between 0 and 1; mean and standard deviation are not taken out."),
    ("train not normalised", _transforms(convert=_CONVERT[:1], test=_CONVERT),
     "Only the test images are normalised; both transforms need it."),
    ("test not normalised", _transforms(test=_CONVERT[:1]),
     "Only the train images are normalised; both transforms need it."),
    ("fine-tuning not divided by 255", _transforms(convert=(v2.ToDtype(torch.float32), v2.Normalize(MEAN, STD))),
     "The normalisation is applied to bytes; it expects numbers between 0 and 1."),
    ("fine-tuning with other constants", _transforms(convert=(_CONVERT[0], v2.Normalize((0.5,) * 3, (0.5,) * 3))),
     "The images are normalised with other constants than the given mean and standard deviation."),
    ("transforms exchanged", lambda size=32: v2_transforms(size)[::-1],
     "The test transform is returned first; the order asked for is train, test."),
)  # fmt: skip


def _loaders(train_options=None, test_options=None, train_transform=None, test_transform=None):
    def finetune_loaders(train_images, train_labels, test_images, test_labels, batch_size):
        train, test = v2_transforms()
        train_set = LabelledImages(train_images, train_labels, train_transform or train)
        test_set = LabelledImages(test_images, test_labels, test_transform or test)
        return (
            DataLoader(train_set, **{"batch_size": batch_size, "shuffle": True, **(train_options or {})}),
            DataLoader(test_set, **{"batch_size": batch_size, **(test_options or {})}),
        )

    return finetune_loaders


def _train_twice(train_images, train_labels, test_images, test_labels, batch_size):
    train, _ = plain_loaders(train_images, train_labels, test_images, test_labels, batch_size)
    return train, DataLoader(LabelledImages(train_images, train_labels, v2_transforms()[1]), batch_size)


_LOADERS = (
    ("train not shuffled", _loaders({"shuffle": False}), "The train loader keeps the stored order; shuffle it."),
    ("test shuffled", _loaders(test_options={"shuffle": True}),
     "The test loader shuffles; the test images are asked for in their stored order."),
    ("train drops last batch", _loaders({"drop_last": True}), "The train loader drops the last, smaller batch."),
    ("test drops last batch", _loaders(test_options={"drop_last": True}),
     "The test loader drops the last, smaller batch, so some test images are never scored."),
    ("test in single images", _loaders(test_options={"batch_size": 1}),
     "The test loader does not follow the argument batch_size."),
    ("test set augmented", _loaders(test_transform=v2_transforms()[0]),
     "The test loader uses the random train transform."),
    ("train set not augmented", _loaders(train_transform=v2_transforms()[1]),
     "The train loader uses the test transform, so every epoch sees the same images."),
    ("train set for testing", _train_twice, "The test loader holds the train images."),
    ("loaders exchanged", lambda *inputs: plain_loaders(*inputs)[::-1],
     "The test loader is returned first; the order asked for is train, test."),
)  # fmt: skip


class OnProjection(nn.Module):
    def __init__(self, simclr, num_classes=10):
        super().__init__()
        self.simclr = simclr
        self.fc = nn.Linear(128, num_classes)

    def forward(self, x):
        return self.fc(self.simclr(x)[1])


class Frozen(OnForward):
    def __init__(self, simclr, num_classes=10):
        super().__init__(simclr, num_classes)
        simclr.requires_grad_(False)


class Detached(OnForward):
    def forward(self, x):
        return self.fc(self.simclr(x)[0].detach())


class NoGrad(OnForward):
    def forward(self, x):
        with torch.no_grad():
            h, _ = self.simclr(x)
        return self.fc(h)


class WithSoftmax(OnForward):
    def forward(self, x):
        return super().forward(x).softmax(dim=1)


class WithLogSoftmax(OnForward):
    def forward(self, x):
        return super().forward(x).log_softmax(dim=1)


class TwoLayers(OnForward):
    def __init__(self, simclr, num_classes=10):
        super().__init__(simclr, num_classes)
        self.fc = nn.Sequential(nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, num_classes))


class TenClasses(OnForward):
    def __init__(self, simclr, num_classes=10):
        super().__init__(simclr, 10)


class Hidden(OnForward):
    """Keeps the encoder in a list, where no optimiser finds it."""

    def __init__(self, simclr, num_classes=10):
        super().__init__(nn.Identity(), num_classes)
        self.parts = [simclr]

    def forward(self, x):
        return self.fc(self.parts[0](x)[0])


class OnNormalised(OnForward):
    def forward(self, x):
        return self.fc(F.normalize(self.simclr(x)[0], dim=1))


class WithFeatures(OnForward):
    def forward(self, x):
        h, _ = self.simclr(x)
        return self.fc(h), h


_NO_GRADIENT = "The encoder gets no gradient from the logits; in fine-tuning all of its parameters train."

_CLASSIFIERS = (
    ("logits from z", OnProjection, "The linear layer sits on the projection z; it belongs on the representation h."),
    ("encoder frozen", Frozen, _NO_GRADIENT),
    ("representation detached", Detached, _NO_GRADIENT),
    ("encoder under no_grad", NoGrad, _NO_GRADIENT),
    ("softmax in the classifier", WithSoftmax,
     "forward returns probabilities; cross-entropy expects logits and would apply the softmax again."),
    ("log-softmax in the classifier", WithLogSoftmax,
     "forward returns log-probabilities; the plain output of the linear layer is asked for."),
    ("two layers on h", TwoLayers, "The classifier has a hidden layer; a single linear layer is asked for."),
    ("num_classes ignored", TenClasses, "The number of logits does not follow the argument num_classes."),
    ("encoder not registered", Hidden,
     "The classifier's parameters do not include the encoder's, so an optimiser never sees them."),
    ("h normalised", OnNormalised, "The linear layer is given a normalised h; it takes h as it is."),
    ("features returned too", WithFeatures, "forward returns something else than the tensor of logits."),
)  # fmt: skip


def _epoch(
    prepare=lambda model: model.train(),
    update=updates.right_update,
    loss_of=F.cross_entropy,
    after_epoch=lambda scheduler: None,
    seen_again=False,
    result=lambda losses, hits, sizes: (
        sum(v * n for v, n in zip(losses, sizes, strict=True)) / sum(sizes),
        sum(hits) / sum(sizes),
    ),
):
    """A right ``finetune_one_epoch`` in which each part can be replaced."""

    def finetune_one_epoch(model, loader, optimizer, scheduler, device="cpu"):
        prepare(model)
        losses, hits, sizes = [], [], []
        for x, y in loader:
            logits = model(x)
            loss = loss_of(logits, y)
            update(loss, optimizer, scheduler)
            if seen_again:
                logits = model(x)
            losses.append(loss.item())
            hits.append((logits.argmax(1) == y).sum().item())
            sizes.append(len(y))
        after_epoch(scheduler)
        return result(losses, hits, sizes)

    return finetune_one_epoch


def _batch_means(losses, hits, sizes):
    return sum(losses) / len(losses), sum(h / n for h, n in zip(hits, sizes, strict=True)) / len(sizes)


def _per_image(losses, hits, sizes):
    return sum(v * n for v, n in zip(losses, sizes, strict=True)) / sum(sizes), sum(hits) / sum(sizes)


def _percent(losses, hits, sizes):
    loss, top1 = _per_image(losses, hits, sizes)
    return loss, 100 * top1


_EPOCHS = (
    ("zero_grad missing", _epoch(update=updates.no_zero_grad),
     "The gradients of earlier batches are never cleared, so each step follows their sum."),
    ("zero_grad after backward", _epoch(update=updates.zero_grad_after_backward),
     "The parameters never change: look at what lies between backward and the optimiser's step."),
    ("optimizer never stepped", _epoch(update=updates.no_step),
     "The parameters never change: look at what lies between backward and the optimiser's step."),
    ("scheduler before optimizer", _epoch(update=updates.scheduler_first),
     "The scheduler steps before the optimiser, so every step uses the learning rate of the next one."),
    ("scheduler per epoch", _epoch(update=updates.no_scheduler, after_epoch=lambda scheduler: scheduler.step()),
     "The scheduler steps once per epoch; it is meant to step once per batch."),
    ("scheduler never stepped", _epoch(update=updates.no_scheduler),
     "The scheduler is never stepped, so the learning rate stays where it started."),
    ("fine-tuned in eval mode", _epoch(prepare=lambda model: model.eval()),
     "The model is in eval mode while it is trained; set the mode at the start of the epoch."),
    ("train mode not set", _epoch(prepare=lambda model: None),
     "The model is in eval mode while it is trained; set the mode at the start of the epoch."),
    ("softmax before cross-entropy", _epoch(loss_of=lambda logits, y: F.cross_entropy(logits.softmax(1), y)),
     "Cross-entropy is given probabilities; it expects the logits."),
    ("loss summed over the batch", _epoch(loss_of=lambda logits, y: F.cross_entropy(logits, y, reduction="sum")),
     "The loss of a batch is its sum; both the step and the returned mean need the mean of the batch."),
    ("means over batches", _epoch(result=_batch_means),
     "Loss and accuracy are averaged over batches; a smaller last batch then counts as much as a full one."),
    ("top-1 in percent", _epoch(result=_percent), "The accuracy is in percent; it is asked for between 0 and 1."),
    ("correct counted, not divided", _epoch(result=lambda v, h, n: (_per_image(v, h, n)[0], sum(h))),
     "The number of hits is returned; divide it by the number of images."),
    ("accuracy over batches", _epoch(result=lambda v, h, n: (_per_image(v, h, n)[0], sum(h) / len(n))),
     "The hits are divided by the number of batches; divide them by the number of images."),
    ("sum of losses", _epoch(result=lambda v, h, n: (sum(v), sum(h) / sum(n))),
     "The losses of the batches are summed; a mean per image is asked for."),
    ("last batch returned", _epoch(result=lambda v, h, n: (v[-1], h[-1] / n[-1])),
     "Loss and accuracy are those of the last batch; they are asked for over the epoch."),
    ("accuracy after the step", _epoch(seen_again=True),
     "The accuracy is measured after the step; count the hits of the logits that the loss was taken of."),
    ("accuracy first", _epoch(result=lambda v, h, n: _per_image(v, h, n)[::-1]),
     "The accuracy is returned first; the order asked for is mean loss, top-1."),
    ("loss alone", _epoch(result=lambda v, h, n: _per_image(v, h, n)[0]),
     "What is returned is not a pair: the mean loss and the top-1 accuracy."),
)  # fmt: skip


def _evaluation(
    prepare=lambda model: model.eval(),
    gradients=False,
    k=5,
    largest=True,
    result=lambda v, one, five, n: (
        sum(a * b for a, b in zip(v, n, strict=True)) / sum(n),
        sum(one) / sum(n),
        sum(five) / sum(n),
    ),
):
    """A right ``evaluate`` in which each part can be replaced."""

    def evaluate(model, loader, device="cpu"):
        prepare(model)
        losses, firsts, fives, sizes = [], [], [], []
        for x, y in loader:
            with torch.set_grad_enabled(gradients):
                logits = model(x)
            hits = logits.topk(k, dim=1, largest=largest).indices == y[:, None]
            losses.append(F.cross_entropy(logits, y).item())
            firsts.append((logits.argmax(1) == y).sum().item())
            fives.append(hits.sum().item())
            sizes.append(len(y))
        return result(losses, firsts, fives, sizes)

    return evaluate


def _means_per_image(v, one, five, n):
    return sum(a * b for a, b in zip(v, n, strict=True)) / sum(n), sum(one) / sum(n), sum(five) / sum(n)


def _means_over_batches(v, one, five, n):
    rates = [[a / b for a, b in zip(hits, n, strict=True)] for hits in (one, five)]
    return sum(v) / len(v), sum(rates[0]) / len(n), sum(rates[1]) / len(n)


def _in_percent(v, one, five, n):
    loss, top1, top5 = _means_per_image(v, one, five, n)
    return loss, 100 * top1, 100 * top5


def _fifths(v, one, five, n):
    return _means_per_image(v, one, [hits / 5 for hits in five], n)


def _sum_of_losses(v, one, five, n):
    return sum(v), sum(one) / sum(n), sum(five) / sum(n)


def _ragged_dropped(v, one, five, n):
    return _means_per_image(v[:-1], one[:-1], five[:-1], n[:-1])


def _evaluate_and_train(model, loader, device="cpu"):
    result = evaluate_with_topk(model, loader, device)
    for x, y in loader:
        F.cross_entropy(model(x), y).backward()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter -= 0.01 * parameter.grad
    return result


_EVALUATIONS = (
    ("evaluated in train mode", _evaluation(prepare=lambda model: None),
     "The model is in train mode while it is evaluated, so batch norm and dropout act as in training."),
    ("evaluated with gradients", _evaluation(gradients=True),
     "The evaluation records gradients; nothing is trained there."),
    ("batches weighted alike", _evaluation(result=_means_over_batches),
     "Loss and accuracies are averaged over batches; a smaller last batch then counts as much as a full one."),
    ("losses summed", _evaluation(result=_sum_of_losses),
     "The losses of the batches are summed; a mean per image is asked for."),
    ("last batch left out", _evaluation(result=_ragged_dropped), "The last, smaller batch does not count."),
    ("percent", _evaluation(result=_in_percent),
     "The accuracies are in percent; they are asked for between 0 and 1."),
    ("top-1 twice", _evaluation(k=1), "Top-5 equals top-1: only the best class is looked at."),
    ("top-3 for top-5", _evaluation(k=3), "Top-5 counts fewer than the five best classes."),
    ("worst five", _evaluation(largest=False), "Top-5 looks at the five smallest logits."),
    ("top-5 divided by five", _evaluation(result=_fifths),
     "The top-5 hits are divided by five; an image counts as one hit if its label is among the five."),
    ("top-5 missing", _evaluation(result=lambda *sums: _means_per_image(*sums)[:2]),
     "What is returned is not three numbers: mean loss, top-1 and top-5."),
    ("accuracies first", _evaluation(result=lambda *sums: (*_means_per_image(*sums)[1:], _means_per_image(*sums)[0])),
     "The accuracies are returned before the loss; the order asked for is mean loss, top-1, top-5."),
    ("top-5 before top-1", _evaluation(result=lambda v, one, five, n: _means_per_image(v, five, one, n)),
     "Top-5 is returned before top-1."),
    ("evaluation trains", _evaluate_and_train, "The evaluation changes the parameters of the model."),
)  # fmt: skip


def _misconceptions(function, table):
    return tuple(Misconception(name, hint, {**RIGHT, function: wrong}) for name, wrong, hint in table)


MISCONCEPTIONS = (
    *_misconceptions("finetune_transforms", _TRANSFORMS),
    *_misconceptions("finetune_loaders", _LOADERS),
    *_misconceptions("Classifier", _CLASSIFIERS),
    *_misconceptions("finetune_one_epoch", _EPOCHS),
    *_misconceptions("evaluate", _EVALUATIONS),
)
