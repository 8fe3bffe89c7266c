"""The bound of a VAE's checkpoint, read in the real sandbox, against loops and a Monte Carlo estimate; and its points."""

import math
import time
from pathlib import Path, PurePosixPath

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.distributions import Bernoulli, Normal, kl_divergence

import data_scripts
from autograder.artefacts import Inputs, read_artefact
from autograder.artefacts.elbo import PARTS, Elbo
from autograder.artefacts.elbo.bound import BATCH_SIZE, bound_of, seed_of
from autograder.artefacts.elbo.vae import networks
from autograder.assignment import Assignment, Visibility
from autograder.engine.grade import Grading, grade_artefact
from autograder.engine.report import Report
from autograder.engine.scoring import unreached
from autograder.engine.submission import Submission
from autograder.errors import KitError
from autograder.given.vae import Decoder, Encoder
from autograder.limits import Limits
from data_scripts.catalogue import CIFAR10, FASHION_MNIST, MNIST
from tests.artefacts.test_samples import handed, messages, points

torch.set_num_threads(1)
LENIENT = {"elbo": (-2000, -1000), "coverage": (-1, 0), "confidence": (-1, 0), "frechet": (1e6, 1e5)}


def sheet(ramps=LENIENT, **changes):
    entries = {"own_count": 40, "points": {"elbo": 5, "own": 3}} | changes
    return Elbo("q6", "elbo", "Bound", "vae_best.pt", "vae_samples.pt", "vae", **entries, ramps=ramps)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Generated images in MNIST's format: more than a batch for the test."""
    folder = tmp_path_factory.mktemp("grey")
    return data_scripts.prepare_generated(folder, train=60, test=BATCH_SIZE + 20, progress=False, dataset=MNIST)


class Vae(nn.Module):
    """Both networks, under names that the grader does not know."""

    def __init__(self, latent=4, hidden=(9,), seed=0):
        super().__init__()
        torch.manual_seed(seed)
        self.enc, self.dec = Encoder(latent, hidden), Decoder(latent, hidden[::-1])


def checkpoint(**changes) -> dict:
    return {"state_dict": Vae().state_dict(), "epoch": 3} | changes


def changed(name, value) -> dict:
    return Vae().state_dict() | {name: value}


def without(name) -> dict:
    return {key: value for key, value in Vae().state_dict().items() if key != name}


def submission(folder: Path, **contents) -> Submission:
    """What is to be saved in vae_best.pt (``best``) and in vae_samples.pt (``samples``)."""
    for name, content in contents.items():
        torch.save(content, folder / f"vae_{name}.pt")
    files = tuple(PurePosixPath(path.name) for path in folder.iterdir() if path.is_file())
    return Submission("s", folder, folder / "vae.ipynb", files, ())


def graded(submission, sandbox, data, sheet, seconds=60.0) -> Report:
    assignment = Assignment("vae", "VAE", "mnist", "", "", Visibility(), Limits(seconds), (), (sheet,))
    report = Report("vae", "VAE", "s")
    grading = Grading(assignment, {}, report, lambda r: None, lambda done: None, time.monotonic() + seconds)
    grading.verdicts = unreached(assignment, {})
    grade_artefact(grading, sheet, sandbox, submission, data)
    assert [verdict.test for verdict in report.verdicts] == list(PARTS)
    return report


def image_by_image(model: Vae, images) -> float:
    """The mean bound, with densities by torch.distributions and the noise of the grader, one image at a time."""
    generator, total = torch.Generator().manual_seed(seed_of(model.enc, model.dec)), 0.0
    model = model.double()
    for first in range(0, len(images), BATCH_SIZE):
        batch = torch.from_numpy(images[first : first + BATCH_SIZE].copy()).double() / 255
        for x, noise in zip(batch, torch.randn(len(batch), model.enc.latent, generator=generator)):
            mu, logvar = model.enc(x[None])
            posterior, prior = Normal(mu, (logvar / 2).exp()), Normal(torch.zeros_like(mu), torch.ones_like(mu))
            pixels = Bernoulli(logits=model.dec(mu + posterior.scale * noise), validate_args=False).log_prob(x)
            total += (pixels.sum() - kl_divergence(posterior, prior).sum()).item()
    return total / len(images)


def test_the_bound_is_that_of_other_densities(data):
    model, images = Vae(), data.images("test")
    with torch.no_grad():
        model.enc.logvar.bias.copy_(torch.tensor([0.5, -1.0, 2.0, 0.0]))
        found = bound_of(model.enc, model.dec, images)
        assert found.finished
        assert found.elbo == pytest.approx(image_by_image(model, images), abs=1e-3)


def test_no_decoder_can_be_fitted_to_the_noise(data):
    """It would need no encoder: the noise says which image it is. But other weights get other noise."""
    images = data.images("test")[:100]
    encoder, decoder = Encoder(20, (1,)), Decoder(20, (400,))
    with torch.no_grad():
        for parameter in encoder.parameters():
            parameter.zero_()
        noise = torch.randn(100, 20, generator=torch.Generator().manual_seed(seed_of(encoder, decoder)))
        x = torch.from_numpy(images.copy()).float() / 255
        logits = x.flatten(1).clamp(0.002, 0.998).logit().double()
        fitted = torch.linalg.lstsq(decoder.body(noise).double(), logits, driver="gelsd").solution
        decoder.logits.weight.copy_(fitted.T)
        decoder.logits.bias.zero_()
        wanted = -F.binary_cross_entropy_with_logits(decoder(noise), x, reduction="sum").item() / 100
        assert bound_of(encoder, decoder, images).elbo < 2 * wanted


def test_the_bound_is_below_the_likelihood(data):
    """log p(x) is estimated with 20,000 draws of the prior, which two latent dimensions allow."""
    model, images = Vae(latent=2), data.images("test")
    with torch.no_grad():
        z = torch.randn(20_000, 2, generator=torch.Generator().manual_seed(1))
        x = torch.from_numpy(images.copy()).float().flatten(1) / 255
        logits = model.dec(z).flatten(1)
        likelihoods = logits @ x.T - nn.functional.softplus(logits).sum(1, keepdim=True)  # (draws, images)
        likelihood = (torch.logsumexp(likelihoods, 0) - math.log(len(z))).mean().item()
    found = bound_of(model.enc, model.dec, images)
    assert likelihood - 10 < found.elbo < likelihood


def test_both_parts_earn_their_points(tmp_path, sandbox, data):
    report = graded(submission(tmp_path, best=checkpoint(), samples={"samples": handed()}), sandbox, data, sheet())
    assert points(report) == {"elbo": 5, "own": 3}
    told = messages(report)
    bound = bound_of(*networks(Vae().state_dict()), data.images("test"))
    assert told["elbo"].startswith(f"A bound of {bound.elbo:.2f} nats: ")
    assert "mean of 270 grey test images (generated images, not MNIST)" in told["elbo"]
    assert told["own"].startswith("40 samples handed in: coverage 0.")
    assert [len(picture.images) for picture in report.pictures] == [40]
    assert report.headlines["q6"].value == pytest.approx(bound.elbo)


def test_points_follow_the_ramp_and_cap_the_samples(tmp_path, sandbox, data):
    bound = bound_of(*networks(Vae().state_dict()), data.images("test")).elbo
    half = LENIENT | {"elbo": (bound - 10.01, bound + 9.99)}
    report = graded(submission(tmp_path, best=checkpoint(), samples={"samples": handed()}), sandbox, data, sheet(half))
    assert points(report) == {"elbo": 2.5, "own": 1.5}
    assert messages(report)["elbo"].endswith("train longer.")
    assert messages(report)["own"].endswith("limited to that of the bound.")


def test_samples_alone_are_worth_nothing(tmp_path, sandbox, data):
    report = graded(submission(tmp_path, samples={"samples": handed()}), sandbox, data, sheet())
    assert points(report) == {"elbo": 0, "own": 0}
    assert messages(report)["elbo"] == "vae_best.pt is not in the submission."


def test_copies_of_training_images_earn_nothing(tmp_path, sandbox, data):
    copied = torch.from_numpy(data.images("train")[:40].copy())
    report = graded(submission(tmp_path, best=checkpoint(), samples={"samples": copied}), sandbox, data, sheet())
    assert points(report) == {"elbo": 5, "own": 0}
    assert "copies of training or test images" in messages(report)["own"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"net.0.weight": torch.zeros(3, 3)}, "There is no encoder among the 1 tensors"),
        (Encoder(4, (9,)).state_dict(), "There is no decoder among the 6 tensors"),
        (changed("dec.body.0.weight", torch.zeros(9, 5)), "vectors have 4 entries, but the decoder expects 5"),
        (changed("dec.logits.weight", torch.zeros(700, 9)), "logits.weight has shape (700, 9); the other tensors need"),
        (changed("enc.body.0.weight", torch.zeros(9, 1, 28, 28)), "a linear layer has two sizes"),
        (changed("enc.logvar.weight", torch.zeros(0, 9)), "a linear layer has two sizes"),
        (changed("enc.mu.bias", torch.full((4,), math.nan)), "mu.bias holds NaN or infinity"),
        (
            changed("enc.logvar.bias", torch.full((4,), 1e30)),
            "NaN, infinity or extremely large numbers, so there is no bound",
        ),
        (without("enc.body.0.weight"), "The encoder lacks body.0.weight"),
        (without("dec.body.0.bias"), "The decoder lacks body.0.bias"),
        ({"x": torch.zeros(1).expand(10**10)}, "more than 200 MB"),
        (nn.Linear(2, 2), "save a dictionary of tensors"),
    ],
)
def test_a_checkpoint_that_cannot_be_measured_gets_a_sentence(tmp_path, sandbox, data, content, words):
    report = graded(submission(tmp_path, best=content), sandbox, data, sheet())
    message = messages(report)["elbo"]
    assert points(report)["elbo"] == 0 and "elbo" not in report.headlines
    assert words in message and message.startswith("vae_best.pt") and "classifier" not in message and len(message) < 400


@pytest.mark.parametrize("prefix", ["", "module.", "state_dict.vae._orig_mod."])
@pytest.mark.parametrize("hidden", [(9,), (8, 7, 6)])
def test_any_width_under_any_prefix(prefix, hidden):
    state = {prefix + name: value for name, value in Vae(3, hidden).state_dict().items()}
    encoder, decoder = networks(state)
    assert (encoder.latent, encoder.hidden, decoder.hidden) == (3, hidden, hidden[::-1])
    assert torch.equal(decoder.logits.weight, state[f"{prefix}dec.logits.weight"])


def test_the_time_runs_out(data):
    """The clock goes on by a second with each look at it."""
    now = iter(range(100))
    inputs = Inputs(
        "mnist", data, lambda file: True, lambda file: checkpoint()["state_dict"], 1, clock=lambda: next(now)
    )
    found = sheet().measure(inputs)
    assert not found.finished and "ran out after 250 of 270 test images" in found.sentences["elbo"]
    assert sheet().earned(found)["elbo"][0] == 0


def test_wide_latent_vectors_are_measured_in_small_batches():
    """A file of 200 MB may hold networks of one hidden unit and of millions of latent dimensions."""
    seen, done = [], []
    model = Vae(2_000_000, (1,))
    model.dec.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0].shape[0]))
    images = torch.zeros(5, 1, 28, 28, dtype=torch.uint8).numpy()
    assert bound_of(model.enc, model.dec, images, progress=done.append).finished
    assert seen == [2, 2, 1] and done == [2, 4, 5]


def test_images_of_another_size_are_refused(tmp_path):
    folder = data_scripts.prepare_generated(tmp_path, train=2, test=2, progress=False, dataset=CIFAR10)
    with pytest.raises(KitError, match=r"expect images of \(1, 28, 28\); these have \(3, 32, 32\)"):
        sheet().score("cifar10", folder, checkpoint()["state_dict"], "")


def test_a_missing_ramp_is_refused():
    entries = {name: getattr(sheet(), name) for name in Elbo.__dataclass_fields__}
    ramps = {name: list(ramp) for name, ramp in LENIENT.items()}
    assert read_artefact(entries | {"ramps": ramps}, "q6", (), MNIST) == sheet()
    del ramps["elbo"]
    with pytest.raises(ValueError, match="expected a table of elbo and coverage and confidence and frechet"):
        read_artefact(entries | {"ramps": ramps}, "q6", (), MNIST)


def test_ramps_of_another_data_set_count_for_it_alone():
    entries = {name: getattr(sheet(), name) for name in Elbo.__dataclass_fields__}
    own = {"elbo": [-300, -240], "frechet": [70, 20]}
    ramps = {name: list(ramp) for name, ramp in LENIENT.items()} | {"fashion_mnist": own}
    assert read_artefact(entries | {"ramps": ramps}, "q6", (), MNIST) == sheet()
    found = read_artefact(entries | {"ramps": ramps}, "q6", (), FASHION_MNIST)
    assert found == sheet(LENIENT | {name: tuple(ramp) for name, ramp in own.items()})
    with pytest.raises(ValueError, match="fashion is no data set; known are cifar10, mnist, fashion_mnist"):
        read_artefact(entries | {"ramps": ramps | {"fashion": own}}, "q6", (), MNIST)
    with pytest.raises(ValueError, match=r"\[artefact.ramps\]: elbo is 'low', expected two different numbers"):
        read_artefact(entries | {"ramps": ramps | {"fashion_mnist": {"elbo": "low"}}}, "q6", (), FASHION_MNIST)
