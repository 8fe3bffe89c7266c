"""A cell of a blank notebook that replaces the probes in its own process: what it makes up earns nothing but ``EARNED``.

What each forged probe returns is as near to the truth as it comes without the functions that the question asks for: inputs
as they were given, states that did not change, views and batches made of the inputs, answers of the given models, chains of
random numbers.
"""

from __future__ import annotations

import pytest

from autograder.engine.grade import NEEDS, Grader
from autograder.frameworks import NUMPY
from autograder.release.bundle import build_bundle
from autograder.release.course import assignment_master
from autograder.release.notebooks import student_notebook
from tests.checkout import COURSE
from tests.corpus import small

PIECES = r"""
import torch

def state():
    return torch.get_rng_state()

def unchanged(prefix="", value=None, **given):
    kept = {f"after_{name}": tensor for name, tensor in given.items()}
    kept |= {"rng_before": state(), "rng_after": state()}
    kept |= {"new_number": torch.tensor(0.5), "gradients_on": torch.tensor(True), "gradients_kept_off": torch.tensor(True)}
    kept |= dict.fromkeys(("value_seed_1", "value_seed_2", "of_float32"), value)
    kept["of_float64"] = None if value is None else value.double()
    return {prefix + name: tensor for name, tensor in kept.items()}
"""
OF_NUMPY = r"""
import numpy as np

def unchanged(prefix="", value=np.ones(3), **given):
    kept = {f"after_{name}": array for name, array in given.items()}
    kept |= dict.fromkeys(("rng_before", "rng_after"), np.zeros(8, np.uint8))
    kept |= dict.fromkeys(("modes_before", "modes_after"), np.ones(4, np.int64))
    kept |= {"heard": np.array(1), "value_seed_1": value, "value_seed_2": value}
    return {prefix + name: array for name, array in kept.items()}
"""
FORGE = r"""
import sys

def forge(assignment, **probes):
    for name, module in list(sys.modules.items()):
        if name.startswith(("autograder.questions", f"kit_course.{assignment}")):
            for function in probes.keys() & vars(module).keys():
                setattr(module, function, probes[function])
"""

FORGED = {
    "simclr": r"""
def pair_loss_side_effects(student, function, a, b, parameter):
    return {**unchanged(value=torch.tensor(1.0), a=a, b=b), "value_other": torch.tensor(2.0)}

def simclr_modes(student, x):
    h, yes = torch.rand(1, 512), torch.ones(62, dtype=torch.bool)
    return {
        "h_eval": h, "h_eval_again": h, "z_at_start": torch.rand(2, 128), "spread_at_start": torch.ones(22),
        "uses": torch.ones(42, dtype=torch.int64), "norms_without_statistics": torch.tensor(0), "h_has_graph": yes[0],
        "means_before": torch.zeros(64), "means_between": torch.zeros(64), "means_after": torch.ones(64),
        "means_sizes": torch.tensor([64]), "registered": yes, "trainable": yes, "gradient_sizes": torch.ones(62),
    }

def augmentation_statistics(student, plain, ramps, stripes, grey, mean, std, repeats, settled):
    def normalised(image, n):
        return ((image.float() / 255 - mean.view(3, 1, 1)) / std.view(3, 1, 1)).expand(n, 3, 32, 32).contiguous()
    black, white = (((x - mean) / std).view(3, 1, 1).expand(3, 24, 24).contiguous() for x in (0, 1))
    n = repeats // 4
    return {
        "black": black, "white": white, "sharp": normalised(ramps, n // 4), "soft": normalised(ramps, 4 * n),
        "colour": normalised(stripes, n), "levels": normalised(grey, 2 * n), "weak": normalised(grey, n // 2),
    }

def numbered(images):
    rows = torch.randint(1 << 24, (*images.shape[:-2], 1, images.shape[-1])).float()
    rows[..., 0, 0, 0] = torch.randperm(images[..., 0, 0, 0].numel()).view(images.shape[:-3]).float()
    return torch.cat([images.float(), rows], -2)

def view_pairs(student, images, labels):
    twice = numbered(torch.stack([images, images], 1).repeat(2, 1, 1, 1, 1))
    return {"length": torch.tensor(len(images)), "numbered_views": twice, "labels": labels.repeat(2)}

def loader_passes(student, images, labels, batch_size):
    orders = [torch.randperm(len(images)) for _ in range(4)]
    x, y = (torch.stack([part[order] for order in orders]) for part in (images, labels))
    views = numbered(torch.stack([x, x]))
    return {"batch_sizes": torch.tensor([[8, 8, 1]] * 4), "views_i": views[0], "views_j": views[1], "labels": y}

def train_side_effects(student, views_i, views_j, start, batch_size):
    from kit_course.simclr.q4_pretraining.probes import GivenSimCLR
    return loop(GivenSimCLR(start)(torch.cat([views_i, views_i]))[1])

def train_any_iterable(student, start, **inputs):
    return {"mean_losses": torch.ones(2), "parameters": start.repeat(2, 1), "images": torch.tensor([20, 20])}

def loop(rows):
    return {
        "images_alive": torch.tensor(2), "images_returned": torch.tensor(0), "statistics": torch.ones(1),
        "trainable": torch.ones(4, dtype=torch.bool), "gradients_on": torch.tensor(True),
        "rows": rows.detach(), "rows_learnt_from": torch.ones(len(rows), dtype=torch.bool),
        "graphs_alive": torch.tensor(1.0), "graphs_returned": torch.tensor(0.0),
        "rng_before": state(), "rng_after": state(),
    }

def finetune_statistics(student, plain, ramps, repeats):
    mean, std = (torch.tensor(x).view(3, 1, 1) for x in ([0.4914, 0.4822, 0.4465], [0.2470, 0.2435, 0.2616]))
    def normalised(image):
        return (image.float() / 255 - mean) / std
    tested = torch.stack([normalised(x) for x in (*plain, ramps, ramps)])
    padded = torch.nn.functional.pad(ramps.float(), (4, 4, 4, 4))
    views = torch.stack([
        normalised(padded[:, i : i + 32, j : j + 32]) for i, j in torch.randint(9, (repeats, 2)).tolist()
    ])
    views[::2] = views[::2].flip(-1)
    return {"test_views": tested, "train_black": tested[0], "train_white": tested[1], "train_views": views}

def finetune_loader_passes(student, train_images, train_labels, test_images, test_labels, batch_size):
    def passes(images, labels, order=slice(None)):
        return images.float()[order], labels[order]
    train = [passes(train_images, train_labels, torch.randperm(19)) for _ in range(2)]
    train_x = torch.stack([x for x, _ in train]) + torch.rand(2, 19, 3, 1, 1)
    train_y = torch.stack([y for _, y in train])
    test_x, test_y = (part.float().repeat(2, *[1] * part.ndim) for part in (test_images, test_labels))
    test_y = test_y.long()
    return {
        "train_batch_sizes": torch.tensor([[8, 8, 3]] * 2), "test_batch_sizes": torch.tensor([[8, 3]] * 2),
        "train_x": train_x, "train_y": train_y, "test_x": test_x, "test_y": test_y,
        "train_orders": torch.stack([train_labels[torch.randperm(19)] for _ in range(4)]),
    }

def optimizer_path(student, start, gradients, lr, weight_decay, warmup_steps, total_steps):
    return {"learning_rates": torch.full((total_steps,), lr), "parameters": start.repeat(len(gradients), 1)}

def classifier_logits(student, x, num_classes):
    zeros = torch.zeros(len(x), num_classes)
    zeros = {"logits": zeros, "logits_in_eval_mode": zeros, "encoder_gradients": torch.zeros(1024)}
    return {**zeros, "encoder_weights": torch.zeros(512), "unregistered": torch.tensor(0)}

def finetune_epoch(student, x, y, start, batch_size, lr, factors):
    steps = torch.tensor(-(-len(x) // batch_size))
    return {"optimizer_steps": steps, "scheduler_steps": steps, "parameters": start}

def finetune_means(student, x, y, start, batch_size, lr, factors):
    numbers = dict.fromkeys(("mean_loss", "mean_loss_in_training"), torch.tensor(2.3))
    numbers |= dict.fromkeys(("top_1", "top_1_in_training"), torch.tensor(0.1))
    return {**numbers, "rows": torch.empty(0, 10), "rows_learnt_from": torch.empty(0, dtype=torch.bool)}

def finetune_side_effects(student, x, y, start, batch_size):
    from kit_course.simclr.q5_finetuning.probes import given_classifier
    return loop(given_classifier(start)(x))

def evaluation(student, x, y, start, batch_size):
    return {"mean_loss": torch.tensor(2.3), "top_1": torch.tensor(0.1), "top_5": torch.tensor(0.5)}

def evaluation_side_effects(student, x, y, start, batch_size):
    none = dict.fromkeys(("train_forwards", "mixed_forwards", "gradient_forwards"), torch.tensor(0))
    left = {"statistics": torch.zeros(1), "trainable": torch.ones(4, dtype=torch.bool), "gradients_on": torch.tensor(True)}
    return {**none, **left, "images": torch.tensor(len(x)), "parameters": start}
""",
    "ddpm": r"""
def schedule_whole(student, function, T, **settings):
    numbers = torch.linspace(0.1, 0.2, T)
    return {"beta": numbers, "alpha": 1 - numbers, "alpha_bar": numbers.flip(0), "posterior_variance": numbers}

def schedule_side_effects(student, function, T, **settings):
    parts = dict.fromkeys(("beta", "alpha", "alpha_bar", "posterior_variance"), torch.zeros(T))
    return {**unchanged(value=torch.zeros(3 * T)), **parts}

def noised_side_effects(student, x0, t, noise, schedule):
    answer = unchanged(value=2 * x0, x0=x0, t=t, noise=noise, schedule=schedule)
    return {**answer, "of_images": 2 * x0}

def last_step(student, x_t, t, schedule, noise, start):
    plain = torch.rand(x_t.shape)
    rows = (t > 0).view(-1, *[1] * (x_t.ndim - 1))
    return {"plain": plain, "noisy": torch.where(rows, plain + noise, plain)}

def reverse_side_effects(student, x_t, t, schedule, noise, start):
    given = {"x_t": x_t, "t": t, "schedule": schedule, "start": start}
    sample = unchanged("sample_", 2 * x_t, **given, noise=noise)
    frozen = dict.fromkeys(("mean_frozen", "sample_frozen"), torch.tensor(False))
    return {**unchanged("mean_", torch.stack([x_t, x_t.abs()]), **given), **sample, **frozen}

def denoising_loss_side_effects(student, start, x0, t, noise, schedule):
    answer = unchanged(value=torch.tensor(1.0), x0=x0, t=t, noise=noise, schedule=schedule)
    model = {"parameters": start, "gradients": torch.ones_like(start), "modes": torch.tensor([[True, True]] * 4)}
    return {**answer, **model, "value_other": torch.tensor(2.0)}

def denoising_loss_gradient(student, start, **inputs):
    return {"gradient": torch.rand(start.shape), "left": torch.zeros_like(start)}

def epoch_side_effects(student, images, labels, start, batch_size):
    from kit_course.ddpm.q5_training.probes import given_network
    rows = given_network(start)(images).detach()
    return {
        "rows": rows, "rows_learnt_from": torch.ones(len(rows), dtype=torch.bool),
        "graphs_alive": torch.tensor(1.0), "graphs_returned": torch.tensor(0.0),
        "rng_before": state(), "rng_after": state(), "gradients_on": torch.tensor(True),
        "trainable": torch.tensor([True] * 4), "statistics": torch.ones(0),
        "images_alive": torch.tensor(0), "images_returned": torch.tensor(0),
    }

def sampling_order(student, shape, schedule, gain, offset):
    T, n = len(gain), int(shape[0])
    return {
        "steps": torch.arange(T - 1, -1, -1).view(-1, 1).repeat(1, n), "x_sizes": shape.repeat(T, 1),
        "result": torch.zeros(shape.tolist()), "schedule_after": schedule, "odd_steps": torch.tensor(0),
        "result_has_graph": torch.tensor(0), "graphs_alive": torch.tensor(0.0),
        "gradients_on": torch.tensor(True), "model_trains": torch.tensor(True),
    }

def sampling_chain(student, shape, schedule, gain, offset, seed, **echoed):
    T, size = len(gain), shape.tolist()
    targets, deviations = echoed.get("targets", offset), echoed.get("deviations", torch.ones(T))
    chain = [torch.randn(size), *(targets[t] + deviations[t] * torch.randn(size) for t in range(T - 1, 0, -1))]
    return {"steps": torch.arange(T - 1, -1, -1), "chain": torch.stack(chain), "result": targets[0].expand(size).clone()}

def sampling_randomness(student, shape, schedule, gain, offset, seed):
    first, following, other = torch.randn(3, len(gain), *shape.tolist())
    same = {"first": first, "again": first, "elsewhere": first}
    return {**same, "following": following, "other": other, "rng_before": state(), "rng_after": state()}

def guidance_side_effects(student, x_t, t, labels, uniform, p, scale, null_label, start, classes):
    dropped = unchanged("dropped_", labels, labels=labels, uniform=uniform)
    given = {"x_t": x_t, "t": t, "labels": labels, "start": start, "classes": classes}
    return {**dropped, **unchanged("guided_", 2 * x_t, **given)}
""",
    "vae": r"""
def conduct(student, **given):
    return next(forged for mark, forged in CONDUCT.items() if mark in given)(**given)

def of_function(function, **given):
    first = next(iter(given.values()))
    whole = function in ("reparameterize", "log_likelihood_normal", "kl_divergence")
    shape = first.shape if function == "reparameterize" else first.shape[:-1] if whole else first.shape[:1]
    return unchanged(value=torch.rand(shape), **given)

def states(seed, *made):
    # The networks are made within the test, which draws their first weights.
    torch.manual_seed(seed)
    before = state()
    for make in made:
        make()
    return {"rng_before": before, "rng_after": state()}

def of_forward(start, x, eps):
    answer = unchanged(value=torch.rand(x.numel() + 2 * eps.numel()), x=x, eps=eps)
    from kit_course.vae.probes import given_parts
    answer |= states(1, lambda: given_parts(start, eps.shape[1], tuple(x.shape[1:])))
    others = {"logits": torch.rand(x.numel()), "value_other": torch.rand(x.numel())}
    others |= {"logits_of_other": torch.rand(2, x.numel()), "gradients": torch.ones(3, 6)}
    return {**answer, **others, "modes": torch.ones(4, 6, dtype=torch.bool)}

def of_loss(beta, **given):
    parts = dict.fromkeys(("loss", "reconstruction", "kl"), torch.tensor(1.0))
    return {**unchanged(value=torch.zeros(3), **given), **parts}

def of_sampling(n, seed, steps, rows, columns, z0, z1):
    line = unchanged("line_", torch.rand(steps, *z0.shape), z0=z0, z1=z1)
    yes = dict.fromkeys(("gradients_on", "gradients_kept_off", "trainable"), torch.tensor(True))
    return {**line, **yes, "images_have_graph": torch.tensor(False), "pixel": torch.rand(1)}

def of_bound(start, x, eps):
    model = {"start": start, "trainable": torch.ones(3, dtype=torch.bool)}
    return {**unchanged(value=torch.rand(len(x)), x=x, eps=eps), **model, "value_other": torch.rand(len(x))}

CONDUCT = {
    "function": of_function, "beta": of_loss, "z0": of_sampling,
    "start": lambda start, x, eps: (of_forward if eps.ndim == 2 else of_bound)(start, x, eps),
}

def randomness(rows, d=20):
    first, following = torch.randn(2, rows, d)
    return {"first": first, "again": first, "following": following, "rng_before": state(), "rng_after": state()}

def sampling_randomness(student, n, seed, rows, columns):
    return randomness(n)

def epoch_noise(student, images, start, **inputs):
    from kit_course.vae.q4_training.probes import GivenVAE
    return {**randomness(len(images)), **states(7919, *2 * [lambda: GivenVAE(start)])}

def epoch_side_effects(student, images, start, **inputs):
    from kit_course.vae.q4_training.probes import GivenVAE
    model = GivenVAE(start)
    model.encode(images)
    rows = torch.cat(model.rows).detach()
    return {
        "rows": rows, "rows_learnt_from": torch.ones(len(rows), dtype=torch.bool),
        "graphs_alive": torch.tensor(1.0), "graphs_returned": torch.tensor(0.0),
        "rng_before": state(), "rng_after": state(), "gradients_on": torch.tensor(True),
        "trainable": torch.ones(len(list(model.parameters())), dtype=torch.bool), "statistics": torch.ones(1),
        "new_number": torch.tensor([0.5]),
        "images_alive": torch.tensor(0), "images_returned": torch.tensor(0),
    }
""",
    "simsiam": r"""
def of_loss(function, arguments, parts="loss", **given):
    first = {name[:-2]: value for name, value in given.items() if name.endswith("_a") and torch.is_tensor(value)}
    value = torch.ones(len(parts.split()))
    return {**unchanged(value=value, **first), "value_other": 0 * value}

def of_network(x1, x2, width, bottleneck):
    more = {"modes": torch.ones(3, 9, dtype=torch.bool), "gradients": torch.ones(4, 7), "layers": torch.tensor(6)}
    return {**unchanged(value=torch.rand(4 * len(x1) * width), x1=x1, x2=x2), **more}

def of_neighbours(ks, temperatures, **given):
    others = {"other_train_h": torch.tensor([0.1, 0.2]), "other_test_h": torch.tensor([0.3, 0.4])}
    return {**unchanged(value=torch.tensor(0.5), **given), "value_other": torch.tensor(0.0), **others}

def conduct(student, **given):
    return (of_loss if "function" in given else of_network if "width" in given else of_neighbours)(**given)

def forward(student, x1, x2, width, bottleneck):
    names = [f"{name}_{number}" for name in ("p1", "p2", "z1", "z2") for number in range(3)]
    made = {name: torch.rand(1 if name.endswith("1") and name[-2] == "_" else len(x1), width) for name in names}
    return made | {f"own_{name}": part for name, part in made.items()}

def accuracies(student, ks, temperatures, **given):
    return {f"accuracy_{number}": torch.tensor(0.5) for number in range(len(ks))}

def chunks(student, test_y, repeated, times, **given):
    sizes = torch.tensor([times * repeated, len(test_y) - repeated])
    return {**dict.fromkeys(("all", "first", "last"), torch.tensor(0.5)), "sizes": sizes}

def train_side_effects(student, views_1, start, **inputs):
    from kit_course.simsiam.q4_training.probes import GivenSimSiam
    model = GivenSimSiam(start)
    model(views_1, views_1)
    rows = torch.cat(model.rows)
    return {
        "rows": rows, "rows_learnt_from": torch.ones(len(rows), dtype=torch.bool),
        "graphs_alive": torch.tensor(1.0), "graphs_returned": torch.tensor(0.0),
        "rng_before": state(), "rng_after": state(), "gradients_on": torch.tensor(True),
        "trainable": torch.ones(4, dtype=torch.bool), "statistics": torch.ones(1),
        "images_alive": torch.tensor(0), "images_returned": torch.tensor(0),
    }

def collapsed(student, z_2, **given):
    zeros = dict.fromkeys(("deviation_0", "deviation_1"), torch.tensor(0.0))
    return {**zeros, **unchanged(value=torch.tensor(0.5), z=z_2)}

def errors(student, unknown):
    return {"raised": torch.ones(unknown, dtype=torch.int64)}
""",
    "contrastive": r"""
def loss(student, function, arguments, parts="loss", **given):
    first = {name[:-2]: value for name, value in given.items() if name.endswith("_a") and torch.is_tensor(value)}
    return {**unchanged(value=torch.ones(1), **first), "value_other": torch.zeros(1)}

def networks(student, x, **weights):
    def of(prefix, given, outputs, *layers):
        sizes = torch.tensor([weights[f"{layer}_{part}"].numel() for layer in layers for part in ("bias", "weight")])
        more = {"sizes": sizes, "gradients": torch.ones(5), "modes": torch.ones(2, dtype=torch.bool)}
        answer = unchanged(prefix, torch.rand(len(given), outputs), x=given)
        return answer | {prefix + name: value for name, value in more.items()}
    z = torch.rand(len(x), len(weights["head_bias"]))
    found = of("encoder_", x, z.shape[1], "body", "head") | of("classifier_", z, len(weights["out_bias"]), "hidden", "out")
    return found | {"z": z}

def conduct(student, **given):
    return (loss if "function" in given else networks)(student, **given)

def values_and_gradient(student, **given):
    return {"loss_a": torch.ones(())}

def fresh(student, X, y, batch_size, batches, seed):
    def rows(prefix, order):
        found = {name: X[part] for name, part in zip(("X_a", "X_p", "X_n"), order)}
        return {prefix + name: part for name, part in found.items()}
    first, other = torch.randint(len(X), (2, 3, batches * batch_size))
    state_kept = {"after_X": X, "after_y": y, "rng_before": state(), "rng_after": state(), "refused": torch.ones(2).long()}
    return {**rows("", first), **rows("next_", other), **rows("again_", first), **state_kept}

def learnt(models, images, batch_size):
    batches = images.split(batch_size)
    for batch in batches:
        for model in models:
            batch = model.train()(batch).detach()
    return {
        "rows": torch.cat(models[0].rows), "rows_learnt_from": torch.ones(len(images), dtype=torch.bool),
        "graphs_alive": torch.tensor(1.0), "graphs_returned": torch.tensor(0.0), "gradients_on": torch.tensor(True),
        "trainable": torch.tensor([False, True, False, True]), "rng_before": state(), "rng_after": state(),
        "images_alive": torch.tensor(0), "images_returned": torch.tensor(0),
        "statistics": torch.cat([model.norm.running_mean for model in models]),
        "classifier_tally": torch.tensor([len(images), len(batches), len(batches), 0, len(batches)]),
    }

def side_effects(student, images, start, batch_size, **inputs):
    from kit_course.contrastive.q4_training.probes import given_encoder
    return learnt([given_encoder(start)], images, batch_size)

def fit_side_effects(student, images, encoder, classifier, batch_size, **inputs):
    from kit_course.contrastive.q5_finetuning.probes import given_classifier, given_encoder
    return learnt([given_encoder(encoder), given_classifier(classifier)], images, batch_size)

def still(images, encoder, classifier, batch_size, training):
    forwards = -(-len(images) // batch_size)
    return {
        "encoder": encoder, "classifier": classifier, "statistics": torch.zeros(2), "gradients_on": torch.tensor(True),
        "trainable": torch.tensor([False, True, False, True]), "largest": torch.tensor(batch_size),
        "encoder_tally": torch.tensor([len(images), forwards, 0, 0, 0]),
        "classifier_tally": torch.tensor([len(images), forwards, training * forwards, 0, 0]),
    }

def evaluation_side_effects(student, images, labels, encoder, classifier, batch_size):
    return still(images, encoder, classifier, batch_size, 0)

def frozen(student, images, encoder, classifier, batch_size, **inputs):
    return still(images, encoder, classifier, batch_size, 1)
""",
    "softmax": r"""
def of_each(names, **given):
    return {name: array for one in names for name, array in unchanged(f"{one}_", **given).items()}

def split_and_batch(ratio, batch_size, seed, **given):
    names = ("train_test_split", "get_data_batch")
    return of_each(names, **given) | {f"{name}_labels": given["y"] for name in names}

def of_model(W, b, X, y=None, P=None, l2_lambda=None, is_binary=None):
    models = ("LinearModel", "LogisticRegression", "SoftmaxRegression")
    given = {"W": W, "b": b, "X": X} if y is None else {"W": W, "b": b, "X": X, "y": y}
    if l2_lambda is not None:
        return unchanged(**given)
    return of_each(models if y is None else ("calculate_loss", "calculate_accuracy"), **given)

def conduct(student, **given):
    if "ratio" in given:
        return split_and_batch(**given)
    if "W" in given and "seed" not in given:
        return of_model(**given)
    return unchanged(**{name: array for name, array in given.items() if isinstance(array, np.ndarray) and name not in "Wb"})

def batches(student, y_train, num_iters, batch_size, **given):
    n = len(y_train)
    changes = np.zeros((2, n, 4))
    changes[:, np.arange(n), y_train] = np.random.default_rng(0).binomial(num_iters, batch_size / n, (2, n))
    return {"changes": changes}
""",
}
GOOD_ENOUGH = {
    "simclr": {
        *("q1a conduct", "q1b conduct"),
        *("q2 modes", "q3 views", "q3 loader", "q4 mode", "q4 memory", "q4 iterable", "q5 transforms", "q5 loaders"),
        *("q5 finetune_mode", "q5 evaluate_mode"),
    },
    "ddpm": {
        *("q2 conduct", "q3 last", "q3 conduct", "q4 conduct"),
        *("q5 conduct", "q5 order", "q5 randomness", "q7 conduct"),
    },
    "vae": {
        *("q1a conduct", "q1b conduct", "q1c conduct", "q1d conduct", "q1e conduct", "q2 conduct", "q3 conduct"),
        *("q4 noise", "q4 conduct", "q5 randomness", "q5 conduct", "q7 conduct"),
    },
    "simsiam": {
        *("q1a conduct", "q1b conduct", "q1c conduct", "q1d conduct", "q2 forward", "q2 conduct"),
        *("q4 conduct", "q4 collapsed", "q5 names", "q7 conduct"),
    },
    "contrastive": {
        *("q1a coincident", "q1a conduct", "q1b inactive", "q1b conduct", "q1c conduct", "q2 fresh", "q3 conduct"),
        *("q4 conduct", "q5 evaluate_conduct", "q5 frozen", "q5 conduct"),
    },
    # Of q1 nothing is compared with a reference: who makes up a random split or batch has written it.
    "softmax": {
        *("q1 conduct", "q2a conduct", "q2b conduct", "q3 conduct", "q4 conduct", "q5 conduct"),
        *("q7 batches", "q7 conduct"),
    },
}
# No more than a wrong function earns that looks at its inputs. What it returns cannot be told from what was made up: an
# accuracy is one number, and a gradient that is scaled wrongly a multiple of the input. To ask for the right answer would
# cost its author the points of these tests as well.
EARNED = {
    "simsiam": {"q3 all_rows": 1.0, "q3 chunks": 1.0, "q3 conduct": 1.0},
    "softmax": {"q6 conduct": 1.0},
}
REPLACE = """
forge({name!r}, **{{name: thing for name, thing in list(globals().items()) if callable(thing)}})
"""


@pytest.mark.parametrize("name", GOOD_ENOUGH)
def test_a_blank_notebook_with_forged_probes_earns_no_more_than_a_wrong_function(name, tmp_path):
    folder = COURSE.assignment(name)
    notebook = student_notebook(assignment_master(folder))
    cells = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    pieces = OF_NUMPY if folder.framework == NUMPY else PIECES
    cells += [FORGE + pieces + FORGED[name], REPLACE.format(name=name)]
    submission = small.hand_in(tmp_path / "forged", cells)
    (submission / "simclr.ipynb").rename(submission / f"{name}.ipynb")
    with Grader(build_bundle(folder)) as grader:
        report = grader.grade(submission)
    assert {f"{v.question} {v.test}": v.points for v in report.verdicts if v.points} == EARNED.get(name, {})
    # What was made up is good: it is worth nothing without a test that compares the work itself with a reference.
    alone = {f"{v.question} {v.test}" for v in report.verdicts if v.message.startswith(NEEDS.partition("{")[0])}
    assert alone == GOOD_ENOUGH[name]
