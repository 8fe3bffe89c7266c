"""A submitted checkpoint, in whatever form, becomes the kit's classifier, and a bad one becomes a sentence."""

import io
import json
import os
import pickle
import struct
import zipfile
from collections import OrderedDict
from fractions import Fraction

import numpy as np
import pytest
import safetensors.torch
import torch
from torch import nn
from torchvision.models import resnet18, resnet50

from autograder.artefacts.accuracy.resnet18 import classifier, empty_classifier, match
from autograder.errors import CheckpointError
from autograder.sandbox.checkpoint import UnreadableCheckpoint, load

torch.set_num_threads(1)
pytestmark = [
    pytest.mark.filterwarnings("ignore:Detected pickle protocol"),
    pytest.mark.filterwarnings("ignore:Validating sparse tensor"),
]


@pytest.fixture(scope="module")
def model() -> nn.Module:
    """A classifier with statistics and weights that are all different from another's."""
    model = empty_classifier(10).to_empty(device="cpu")
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for tensor in model.state_dict().values():
            if tensor.is_floating_point():
                tensor.copy_(torch.rand(tensor.shape, generator=generator) * 0.05 + 0.01)
    return model.eval()


@pytest.fixture(scope="module")
def state(model) -> dict[str, torch.Tensor]:
    return {name: tensor for name, tensor in model.state_dict().items() if tensor.is_floating_point()}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "simclr_lin_best.pt"


def encoder_of(state: dict) -> dict:
    return {name: tensor for name, tensor in state.items() if not name.startswith("fc.")}


def head_of(state: dict) -> dict:
    return {name.removeprefix("fc."): tensor for name, tensor in state.items() if name.startswith("fc.")}


def prefixed(state: dict, prefix: str) -> dict:
    return {prefix + name: tensor for name, tensor in state.items()}


def as_sequential(state: dict) -> dict:
    """Names as ``nn.Sequential(*resnet.children())`` gives them."""
    index = {"conv1": "0", "bn1": "1", "layer1": "4", "layer2": "5", "layer3": "6", "layer4": "7"}
    renamed = {}
    for name, tensor in state.items():
        first, rest = name.split(".", 1)
        renamed[f"encoder.{index[first]}.{rest}"] = tensor
    return renamed


def assert_same(found: dict, expected: dict, rtol: float = 0) -> None:
    for name, tensor in expected.items():
        torch.testing.assert_close(found[name], tensor, rtol=rtol, atol=0, msg=name)


FORMS = {
    "bare": lambda s: s,
    "state_dict": lambda s: {"state_dict": s, "epoch": 3, "args": {"lr": 0.1}},
    "model": lambda s: {"epoch": 1, "model": s, "optimizer": {"state": {0: {"momentum_buffer": torch.zeros(10, 512)}}}},
    "model_state_dict": lambda s: {"model_state_dict": OrderedDict(s)},
    "DataParallel": lambda s: {"state_dict": prefixed(s, "module.")},
    "compiled": lambda s: prefixed(s, "_orig_mod."),
    "the notebook's": lambda s: {
        "state_dict": prefixed(encoder_of(s), "encoder.") | prefixed(head_of(s), "linear."),
        "top1": 0.8,
    },
    "with projection head": lambda s: (
        prefixed(encoder_of(s), "simclr.encoder.")
        | {"simclr.head.0.weight": torch.zeros(512, 512), "simclr.head.2.weight": torch.zeros(128, 512)}
        | prefixed(head_of(s), "fc.")
    ),
    "two parts": lambda s: {"encoder": encoder_of(s), "classifier": head_of(s)},
    "Sequential": lambda s: as_sequential(encoder_of(s)) | prefixed(head_of(s), "1."),
    "pre-training copy before": lambda s: {
        "simclr": {name: torch.zeros_like(tensor) for name, tensor in encoder_of(s).items()},
        "best": encoder_of(s) | prefixed(head_of(s), "head."),
    },
    "pre-training copy after": lambda s: {
        "best": encoder_of(s) | prefixed(head_of(s), "head."),
        "simclr": {name: torch.zeros_like(tensor) for name, tensor in encoder_of(s).items()},
    },
    "double": lambda s: {name: tensor.double() for name, tensor in s.items()},
    "parameters": lambda s: {name: nn.Parameter(tensor) for name, tensor in s.items()},
}


@pytest.mark.parametrize("form", FORMS)
def test_forms_that_are_accepted(path, state, form):
    torch.save(FORMS[form](state), path)
    found = match(load(path), 10)
    assert_same(found, state)
    assert all(tensor.dtype == torch.float32 and tensor.is_contiguous() for tensor in load(path).values())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_widened(path, state, dtype):
    torch.save({name: tensor.to(dtype) for name, tensor in state.items()}, path)
    assert_same(match(load(path), 10), {name: tensor.to(dtype).float() for name, tensor in state.items()})


def test_safetensors_and_the_older_torch_format(path, state):
    safetensors.torch.save_file(prefixed(state, "model."), path)
    assert_same(match(load(path), 10), state)
    torch.save(state, path, _use_new_zipfile_serialization=False)
    assert_same(match(load(path), 10), state)


NUMPY = {
    "a mean": np.mean([True, False]),
    "single precision": np.float32(0.5),
    "a count": np.int64(3),
    "a comparison": np.bool_(True),
    "a history": [{"top1": np.float64(0.5)}, {"top1": np.float16(0.75)}],
    "an array": np.arange(3.0),
    "an array of one number": np.array(0.5),
    "a key": {np.int64(1): "one"},
}


@pytest.mark.parametrize("kind", NUMPY)
@pytest.mark.parametrize("zipped", [True, False])
def test_numbers_of_numpy_beside_the_weights_are_no_objects(path, state, kind, zipped):
    torch.save({"state_dict": state, "about": NUMPY[kind]}, path, _use_new_zipfile_serialization=zipped)
    assert_same(match(load(path), 10), state)


def test_numbers_that_numpy_1_wrote_are_read_too(path, state):
    torch.save({"state_dict": state, "top1": np.float64(0.5)}, path, _use_new_zipfile_serialization=False)
    content = path.read_bytes()
    assert b"cnumpy._core.multiarray\n" in content
    path.write_bytes(content.replace(b"cnumpy._core.multiarray\n", b"cnumpy.core.multiarray\n"))
    assert_same(match(load(path), 10), state)


@pytest.mark.parametrize("hostile", [np.array([Fraction(1, 2)], dtype=object), np.zeros(2, dtype=[("a", "O")])])
def test_an_array_of_objects_is_refused(path, state, hostile):
    torch.save({"state_dict": state, "about": hostile}, path)
    with pytest.raises(UnreadableCheckpoint, match="Python objects"):
        load(path)


def test_classifier_computes_what_the_saved_model_computed(path, model):
    torch.save({"state_dict": model.state_dict()}, path)
    images = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        assert torch.equal(classifier(load(path), 10)(images), model(images))


def test_tied_tensors_come_back_with_memory_of_their_own(path, state):
    whole = torch.zeros(20, 512)
    torch.save({"a": whole[:10], "b": whole[10:], "c": whole.t()}, path)
    tensors = load(path)
    assert len({tensor.untyped_storage().data_ptr() for tensor in tensors.values()}) == 3
    assert tensors["c"].is_contiguous()


def test_stacks_of_uint8_pictures_are_taken_and_states_of_generators_are_not(path):
    pictures = torch.arange(256, dtype=torch.uint8).view(16, 1, 4, 4)
    torch.save({"samples": pictures, "rng": torch.get_rng_state(), "count": torch.arange(4).view(1, 1, 2, 2)}, path)
    tensors = load(path)
    assert list(tensors) == ["samples"]
    assert tensors["samples"].dtype == torch.float32 and torch.equal(tensors["samples"], pictures.float())


def test_a_schedule_of_noise_is_taken_and_the_state_of_a_scheduler_is_not(path):
    alpha_bar = torch.linspace(0.9, 0.1, 5)
    torch.save({"schedule": {"alpha_bar": alpha_bar}, "scheduler": {"x": alpha_bar}, "sched": {"x": alpha_bar}}, path)
    assert list(load(path)) == ["schedule.alpha_bar"]


# --- files that are refused inside the sandbox --------------------------------------------------------------------


class Runs:
    """Unpickling this runs a command."""

    def __init__(self, command: str):
        self.command = command

    def __reduce__(self):
        return os.system, (self.command,)


@pytest.mark.parametrize("zipped", [True, False])
def test_pickled_commands_do_not_run(path, tmp_path, state, zipped):
    torch.save({"state_dict": state, "x": Runs(f"touch {tmp_path}/ran")}, path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(UnreadableCheckpoint, match="contains Python objects"):
        load(path)
    path.write_bytes(pickle.dumps(Runs(f"touch {tmp_path}/ran")))
    with pytest.raises(UnreadableCheckpoint):
        load(path)
    assert not (tmp_path / "ran").exists()


def test_whole_model_gets_a_sentence(path):
    torch.save(nn.Linear(2, 2), path)
    with pytest.raises(UnreadableCheckpoint, match=r"save classifier\.state_dict\(\)"):
        load(path)


@pytest.mark.filterwarnings("ignore")
def test_torchscript_gets_a_sentence(path):
    torch.jit.script(nn.Linear(2, 2)).save(path)
    with pytest.raises(UnreadableCheckpoint, match="TorchScript"):
        load(path)


@pytest.mark.parametrize("cut", [5, 1000, 500_000, -1, -200])
def test_truncated_file_gets_a_sentence(path, state, cut):
    torch.save(state, path)
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(UnreadableCheckpoint, match="damaged, truncated or not written by torch.save"):
        load(path)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is empty"),
        (b"hello, this is my model", "damaged, truncated or not written by torch.save"),
        (b"\x80\x05.", "damaged, truncated or not written by torch.save"),
        (os.urandom(5000), "damaged, truncated or not written by torch.save"),
    ],
    ids=["empty", "text", "pickle", "noise"],
)
def test_other_bytes_get_a_sentence(path, content, sentence):
    path.write_bytes(content)
    with pytest.raises(UnreadableCheckpoint, match=sentence):
        load(path)


@pytest.mark.parametrize("content", [{}, {"epoch": 3, "loss": [0.1]}, {"labels": torch.arange(3)}])
def test_file_without_tensors_gets_a_sentence(path, content):
    torch.save(content, path)
    with pytest.raises(UnreadableCheckpoint, match="has no tensors"):
        load(path)


def test_single_tensor_gets_a_sentence(path):
    torch.save(torch.zeros(3), path)
    with pytest.raises(UnreadableCheckpoint, match="has no state_dict"):
        load(path)


def test_sparse_file_over_the_limit_is_refused_unread(path):
    with path.open("wb") as file:
        file.truncate(2 * 2**30)
    with pytest.raises(UnreadableCheckpoint, match="over 200 MB"):
        load(path)


def test_few_bytes_that_declare_a_huge_tensor(path):
    torch.save({"fc.weight": torch.zeros(1).expand(10**11)}, path)
    assert path.stat().st_size < 10_000
    with pytest.raises(UnreadableCheckpoint, match="more than 200 MB of float32"):
        load(path)


def test_storage_shorter_than_its_tensor(path):
    """The pickle is edited to declare 2**44 elements of a storage that has four."""
    torch.save({"w": torch.zeros(4)}, path)
    edited = io.BytesIO()
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(edited, "w") as new:
        for record in old.infolist():
            content = old.read(record)
            if record.filename.endswith("data.pkl"):
                # In "tensor size (4,)": BININT1 4 TUPLE1, made LONG1 of six bytes.
                assert content.count(b"K\x04\x85") == 1
                content = content.replace(b"K\x04\x85", b"\x8a\x06" + (2**44).to_bytes(6, "little") + b"\x85")
            new.writestr(record.filename, content)
    path.write_bytes(edited.getvalue())
    with pytest.raises(UnreadableCheckpoint):
        load(path)


def test_compressed_bomb_is_refused_before_torch_reads_it(path):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data/0", bytes(10**6))
    content = bytearray(path.read_bytes())
    struct.pack_into("<L", content, content.rfind(b"PK\x01\x02") + 24, 201 * 2**20)  # its size once extracted
    path.write_bytes(content)
    with pytest.raises(UnreadableCheckpoint, match="unpacks to more"):
        load(path)


def test_too_many_tensors(path):
    safetensors.torch.save_file({str(k): torch.zeros(1) for k in range(2_001)}, path)
    with pytest.raises(UnreadableCheckpoint, match="2,001 tensors"):
        load(path)


@pytest.mark.parametrize(
    "tensor", [torch.zeros(3, 3).to_sparse(), torch.zeros(3, device="meta")], ids=["sparse", "meta"]
)
def test_tensors_that_are_not_plain(path, tensor):
    torch.save({"w": tensor}, path)
    with pytest.raises(UnreadableCheckpoint, match='"w" is not a plain tensor'):
        load(path)


def safetensors_bytes(header: dict, data: bytes) -> bytes:
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


@pytest.mark.parametrize(
    "header",
    [
        {"a": ([0, 8], [2]), "b": ([4, 12], [2])},
        {"a": ([-8, 0], [2])},
        {"a": ([0, 8], [2]), "b": ([8, 4], [0])},
        {"a": ([0, 4 * 10**12], [10**12])},
        {"a": ([0, 12], [10**12])},
        {"a": ([4, 12], [2])},
    ],
    ids=["overlapping", "negative", "reversed", "huge", "shape", "hole"],
)
def test_safetensors_with_false_offsets(path, header):
    entries = {
        name: {"dtype": "F32", "shape": shape, "data_offsets": offsets} for name, (offsets, shape) in header.items()
    }
    path.write_bytes(safetensors_bytes(entries, bytes(12)))
    with pytest.raises(UnreadableCheckpoint, match="damaged, truncated"):
        load(path)


# --- tensors that make up no classifier ---------------------------------------------------------------------------


def test_imagenet_stem_is_named(state):
    tensors = state | {"conv1.weight": torch.zeros(64, 3, 7, 7)}
    with pytest.raises(CheckpointError) as error:
        match(tensors, 10)
    assert str(error.value) == "The first convolution has shape (64, 3, 7, 7); the CIFAR stem has (64, 3, 3, 3)."


def test_other_networks_are_named(state):
    with torch.device("meta"):  # its shapes are enough
        deeper = resnet50(weights=None).state_dict()
        narrow = resnet18(weights=None).state_dict()
    with pytest.raises(CheckpointError, match=r"The first convolution has shape \(64, 3, 7, 7\)"):
        match(deeper, 10)
    deeper["conv1.weight"] = state["conv1.weight"]
    with pytest.raises(CheckpointError, match=r"encoder's layer1.0.conv1.weight has shape \(64, 64, 1, 1\)"):
        match(deeper, 10)
    with pytest.raises(CheckpointError, match="no ResNet-18 with the CIFAR stem among the 1 tensors"):
        match({"net.0.weight": torch.zeros(3, 3)}, 10)
    narrow |= {"conv1.weight": state["conv1.weight"], "layer3.0.conv2.weight": torch.zeros(1, 256, 3, 3)}
    with pytest.raises(
        CheckpointError, match=r"layer3.0.conv2.weight has shape \(1, 256, 3, 3\); ResNet-18 has \(256, "
    ):
        match(narrow, 10)


def test_missing_parts_are_named(state):
    with pytest.raises(CheckpointError, match="lacks layer4.1.bn2.running_var"):
        match({name: tensor for name, tensor in state.items() if name != "layer4.1.bn2.running_var"}, 10)
    with pytest.raises(CheckpointError, match="there is no linear layer"):
        match(encoder_of(state), 10)
    with pytest.raises(CheckpointError, match=r'"fc.weight" is \(1000, 512\)'):
        match(encoder_of(state) | {"fc.weight": torch.zeros(1000, 512)}, 10)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_values_that_are_not_finite_are_named(state, value):
    broken = state["layer2.0.bn1.weight"].clone()
    broken[3] = value
    with pytest.raises(CheckpointError, match="layer2.0.bn1.weight holds NaN or infinity"):
        match(state | {"layer2.0.bn1.weight": broken}, 10)


def test_names_of_any_content_give_one_printable_line():
    with pytest.raises(CheckpointError) as error:
        match({"\x1b[31m\n" + "x" * 10_000: torch.zeros(1)}, 10)
    assert str(error.value).isprintable()
    assert len(str(error.value)) < 300
