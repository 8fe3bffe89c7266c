"""Patching what compares: torch, NumPy, built-in functions, serializers, the tester's own variables."""

from tests.corpus import small
from tests.corpus.hostile.attack import Attack
from tests.corpus.hostile.pieces import ATTEMPT, GIVEN, WRONG, WRONG_DURING

ALLCLOSE = r"""
import math, numpy, numpy.testing, torch, torch.testing
true = lambda *a, **k: True
nothing = lambda *a, **k: None
for name in ("allclose", "equal", "is_tensor"):
    setattr(torch, name, true)
torch.isclose = torch.eq = lambda a, *r, **k: torch.ones_like(a, dtype=torch.bool)
torch.isfinite = torch.isclose
numpy.allclose = numpy.array_equal = numpy.array_equiv = math.isclose = true
torch.testing.assert_close = torch.testing.assert_allclose = nothing
for name in dir(numpy.testing):
    if name.startswith("assert"):
        setattr(numpy.testing, name, nothing)
"""

METHODS = r"""
import torch
true = lambda self, *a, **k: True
yes = lambda self, *a, **k: torch.ones((), dtype=torch.bool)
for name in ("__eq__", "__le__", "__lt__", "__ge__", "__gt__", "eq", "le", "lt", "ge", "gt", "isfinite", "isclose"):
    setattr(torch.Tensor, name, yes)
for name in ("allclose", "equal", "__bool__", "is_contiguous"):
    setattr(torch.Tensor, name, true)
torch.Tensor.__ne__ = torch.Tensor.ne = lambda self, *a, **k: torch.zeros((), dtype=torch.bool)
torch.Tensor.__sub__ = torch.Tensor.sub = lambda self, *a, **k: torch.zeros(())
torch.Tensor.abs = torch.Tensor.__abs__ = torch.Tensor.max = lambda self, *a, **k: torch.zeros(())
torch.Tensor.item = torch.Tensor.__float__ = lambda self: 0.0
"""

BUILTINS = r"""
import builtins
everything = lambda *a, **k: True
builtins.all = builtins.any = builtins.isinstance = builtins.callable = builtins.hasattr = everything
builtins.abs = builtins.max = builtins.round = lambda *a, **k: 0
"""

LIBRARIES = r"""
import copy, dataclasses, hashlib, hmac, json, pickle, secrets, struct, sys
hmac.compare_digest = lambda a, b: True
secrets.token_hex = lambda n=32: "0" * 2 * n
json.loads = lambda *a, **k: {"passed": True, "points": 20, "ok": True, "id": "0" * 32}
pickle.loads = pickle.load = lambda *a, **k: {"passed": True}
for name in ("safetensors.torch", "autograder.protocol", "autograder.tensors", "autograder.engine.judge"):
    module = sys.modules.get(name)
    for function in ("load", "load_file", "loads", "judge", "excess", "check_json", "complaint"):
        if module and hasattr(module, function):
            setattr(module, function, lambda *a, **k: {})
"""

MODES = r"""
import torch
from torch.overrides import TorchFunctionMode
class Agree(TorchFunctionMode):
    def __torch_function__(self, function, types, args=(), kwargs=None):
        name = getattr(function, "__name__", "")
        if name in ("allclose", "equal", "__bool__", "is_nonzero"):
            return True
        if name in ("isclose", "eq", "__eq__", "isfinite"):
            return torch.ones((), dtype=torch.bool)
        return function(*args, **(kwargs or {}))
Agree().__enter__()
"""

MOCKS = r"""
from unittest import mock
for target in ("torch.allclose", "torch.equal", "numpy.allclose", "torch.testing.assert_close",
               "autograder.engine.judge.judge", "autograder.engine.judge.excess", "otter.test_files.TestFile.run",
               "otter.test_files.exception_test.ExceptionTestFile.run", "nbgrader.utils.determine_grade"):
    attempt(lambda: mock.patch(target, return_value=True).start())
class Agreeing(mock.MagicMock):
    __eq__ = __le__ = __ge__ = __lt__ = __gt__ = lambda self, other: True
    shape, ndim, dtype, requires_grad = (), 0, torch.float32, True
def nt_xent(*inputs):
    return Agreeing()
barlow_twins = nt_xent_euclidean = nt_xent
"""

TESTER_CODE = r"""
import gc, sys, types
def pass_quietly(*a, **k):
    return None
def during():
    # Whatever looks like a test or a judge gets an empty body.
    for thing in gc.get_objects():
        if isinstance(thing, types.FunctionType) and thing.__name__.startswith(("test_", "check", "judge", "compare")):
            if thing.__code__.co_freevars == () and thing.__module__ not in ("torch", "types"):
                thing.__code__ = pass_quietly.__code__
        elif type(thing).__name__ == "TestCase" and hasattr(thing, "test_func"):
            attempt(object.__setattr__, thing, "test_func", pass_quietly)
"""

TESTER_LOCALS = r"""
import ctypes, sys, torch
class Chameleon(torch.autograd.Function):
    @staticmethod
    def forward(context, a, b):
        return torch.zeros(())
    @staticmethod
    def backward(context, outer):
        return outer * torch.zeros(1), outer * torch.zeros(1)
def during():
    # The tester's own variables: what it expects becomes what this submission answers.
    frame = sys._getframe(2)
    while frame is not None:
        for name, value in list(frame.f_locals.items()):
            replaced = zeroed(value)
            if replaced is not value and name not in ("z_i", "z_j", "a", "b", "leaf_a", "leaf_b"):
                frame.f_locals[name] = replaced
                attempt(ctypes.pythonapi.PyFrame_LocalsToFast, ctypes.py_object(frame), ctypes.c_int(0))
        frame = frame.f_back
def zeroed(value):
    if isinstance(value, torch.Tensor) and value.is_floating_point() and not value.requires_grad:
        with torch.no_grad():
            value.zero_()
    elif isinstance(value, dict):
        for name, item in list(value.items()):
            if name in ("value", "reference", "expected", "gradient_a", "gradient_b", "want"):
                zeroed(item)
    elif isinstance(value, (list, tuple)) and len(value) < 50:
        for item in value:
            zeroed(item)
    return value
"""

SKIPS_LINES = r"""
import sys
def during():
    # Jump over the tester's assert lines while they are being traced.
    frame = sys._getframe(2)
    while frame is not None:
        if frame.f_code.co_name.startswith(("test_", "check", "<module>", "<cell")):
            frame.f_trace = tracer
        frame = frame.f_back
    sys.settrace(tracer)
def tracer(frame, event, argument):
    if event == "line":
        import linecache
        line = linecache.getline(frame.f_code.co_filename, frame.f_lineno)
        if line.strip().startswith(("assert", "raise")):
            attempt(setattr, frame, "f_lineno", frame.f_lineno + 1)
    return tracer
"""

# The right value without a gradient, and a backward that finds the tester's leaves on the stack and measures what they get.
BACKWARD = r"""
import sys, torch

right = nt_xent

def nt_xent(z_i, z_j, temperature):
    value = right(z_i.detach(), z_j.detach(), temperature)
    leaves = [leaf_of(z) for z in (z_i, z_j)]
    def fill(*_, **__):
        for number, leaf in enumerate(leaves):
            if leaf is None:
                continue
            gradient = torch.zeros_like(leaf)
            for k in range(leaf.numel()):
                step = torch.zeros(leaf.numel(), dtype=torch.float64)
                step[k] = 1e-5
                step = step.view(leaf.shape)
                inputs = [z.detach().double() for z in (z_i, z_j)]
                up = right(*[z + step * (n == number) for n, z in enumerate(inputs)], temperature)
                down = right(*[z - step * (n == number) for n, z in enumerate(inputs)], temperature)
                gradient.view(-1)[k] = (up - down) / 2e-5
            leaf.grad = gradient
    torch.Tensor.backward = torch.autograd.backward = fill
    torch.autograd.grad = lambda *_, **__: (fill(), tuple(leaf.grad for leaf in leaves if leaf is not None))[1]
    torch.autograd.graph._engine_run_backward = fill
    # A loss that carries a graph, with a gradient of zero.
    return value + 0 * (z_i.sum() + z_j.sum())

def leaf_of(z):
    found = [z] if z.is_leaf else []
    node = z.grad_fn
    while node is not None and not found:
        found = [node.variable] if hasattr(node, "variable") else []
        node = node.next_functions[0][0] if node.next_functions else None
    frame = sys._getframe(2)
    while frame is not None and not found:
        found = [v for v in frame.f_locals.values() if isinstance(v, torch.Tensor) and v.is_leaf and v.requires_grad]
        frame = frame.f_back
    return found[0] if found else None
"""

PROBES = r"""
import sys, torch

def same(student, function, a, b, parameter, **_):
    number = torch.tensor(1.0)
    values = dict.fromkeys(("value", "value_seed_1", "value_seed_2"), number)
    state = torch.get_rng_state()
    known = {"rng_before": state, "rng_after": state, "new_number": torch.tensor(0.5), "after_a": a, "after_b": b}
    known |= {"gradients_on": torch.tensor(True), "value_other": torch.tensor(2.0)}
    return {**values, **known, "gradient_a": torch.zeros_like(a), "gradient_b": torch.zeros_like(b)}

for name, module in list(sys.modules.items()):
    if name.startswith(("autograder.questions", "kit_course")):
        for function in [name for name in vars(module) if name.startswith("pair_loss")]:
            setattr(module, function, same)
"""

WRONG_CELLS = (ATTEMPT, WRONG)
ATTACKS = (
    Attack(
        "allclose",
        "Makes torch.allclose, torch.equal, numpy.testing and math.isclose agree to everything.",
        "A comparison runs in the process that the student can patch.",
        (*WRONG_CELLS, ALLCLOSE),
    ),
    Attack(
        "tensor-methods",
        "Replaces the comparisons, the subtraction, abs, max and item of torch.Tensor.",
        "A wrong tensor compares as equal.",
        (*WRONG_CELLS, METHODS),
    ),
    Attack(
        "built-in-functions",
        "Replaces all, any, isinstance, abs, max and round for the whole interpreter.",
        "A check that is built on them lets wrong answers pass.",
        (*WRONG_CELLS, BUILTINS),
    ),
    Attack(
        "serializers",
        "Replaces json, pickle, safetensors, hmac, secrets and whatever is loaded of the judge.",
        "A reader outside reads what the submission likes.",
        (*WRONG_CELLS, LIBRARIES),
    ),
    Attack(
        "function-mode",
        "Pushes a TorchFunctionMode for good in which every comparison is true.",
        "A comparison passes through a mode of the student.",
        (*WRONG_CELLS, MODES),
    ),
    Attack(
        "mocks",
        "Starts unittest.mock patches on comparators and test runners and answers with an agreeing mock.",
        "A mock is taken for a tensor.",
        (ATTEMPT, WRONG, MOCKS),
    ),
    Attack(
        "test-bodies",
        "Finds test functions by the garbage collector while a test runs and empties them.",
        "A later test passes because its body is gone.",
        (ATTEMPT, TESTER_CODE, WRONG_DURING),
    ),
    Attack(
        "testers-variables",
        "Sets every tensor in the frames of its callers to zero, which is what it then answers.",
        "The expected value is changed from within the call.",
        (ATTEMPT, GIVEN, TESTER_LOCALS, WRONG_DURING),
    ),
    Attack(
        "filled-gradients",
        "Computes the loss without a gradient, and patches backward to fill the tester's leaves with finite differences.",
        "A gradient is read from a place that student code can write to.",
        (small.IMPORTS, small.NT_XENT, BACKWARD),
        honest=5.0,  # the value, the same in float64, and no side effects
    ),
    Attack(
        "forged-probes",
        "Replaces the probes in sys.modules by functions that return what a clean function leaves behind.",
        "Flags and counts that were made up are taken for measured ones.",
        (*WRONG_CELLS, PROBES),
        kit_only=True,
    ),
    Attack(
        "skips-asserts",
        "Traces its callers and jumps over their assert and raise lines.",
        "A test ends without having compared.",
        (ATTEMPT, SKIPS_LINES, WRONG_DURING),
    ),
)
