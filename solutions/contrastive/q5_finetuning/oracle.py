"""Evaluation one image at a time, and fine-tuning with the gradient of every parameter computed by itself."""

import torch


def evaluate_model(encoder, classifier, X, y, batch_size=250, device="cpu") -> tuple[float, float]:
    encoder.eval(), classifier.eval()
    loss, correct = 0.0, 0
    with torch.no_grad():
        for image, label in zip(X, y.tolist(), strict=True):
            log_p = classifier(encoder(image[None]))[0].tolist()
            loss -= log_p[label]
            correct += log_p.index(max(log_p)) == label
    return loss / len(X), correct / len(X)


def fit_model(
    encoder, classifier, batches, optimizer, scheduler, num_iters, train_encoder, device="cpu"
) -> list[float]:
    encoder.train(train_encoder), classifier.train()
    models = [classifier, encoder][: 1 + train_encoder]
    parameters = [one for model in models for one in model.parameters() if one.requires_grad]
    losses = []
    while len(losses) < num_iters:
        images, labels = next(batches)
        with torch.set_grad_enabled(train_encoder):
            z = encoder(images)
        loss = -sum(row[label] for row, label in zip(classifier(z), labels.tolist(), strict=True)) / len(labels)
        for parameter, gradient in zip(parameters, torch.autograd.grad(loss, parameters), strict=True):
            parameter.grad = gradient
        optimizer.step()
        scheduler.step()
        losses.append(loss.item())
    return losses


ORACLE = {"evaluate_model": evaluate_model, "fit_model": fit_model}
