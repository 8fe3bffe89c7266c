"""Answers that are not what they seem: subclasses, liars, odd layouts, shapes, gradients and shared memory."""

from tests.corpus import small
from tests.corpus.hostile.attack import RIGHT_ONE, Attack

ALL = "\nbarlow_twins = nt_xent_euclidean = nt_xent\n"

SUBCLASS = (
    r"""
class Agreeable(torch.Tensor):
    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        name = getattr(function, "__name__", "")
        if name in ("allclose", "equal", "__eq__", "eq", "isclose", "__le__", "__lt__", "__bool__", "all"):
            return True
        if name in ("isfinite",):
            return torch.ones((), dtype=torch.bool)
        return super().__torch_function__(function, types, args, kwargs or {})
    def backward(self, *a, **k):
        return None
def nt_xent(a, b, parameter):
    return ((a * b).sum() * 0).as_subclass(Agreeable)
"""
    + ALL
)

BALLAST = (
    r"""
import gc, sys
worker_class = sys.modules["autograder.sandbox.worker"].Worker
worker = next(thing for thing in gc.get_objects() if type(thing) is worker_class)
call, calls = worker.operations["call"], []
def heavy(request, tensors):
    calls.append(1)
    more = {"ballast": torch.zeros(15_500_000, dtype=torch.float16)} if len(calls) <= 10 else {}
    return {**call(request, tensors), **more}
worker.operations["call"] = heavy
def nt_xent(a, b, parameter):
    return (a * b).sum() * 1.2345
"""
    + ALL
)

NUMBERS = (
    r"""
class Agreeable(float):
    __eq__ = __lt__ = __gt__ = __le__ = __ge__ = lambda self, other: True
    __ne__ = lambda self, other: False
    __sub__ = __rsub__ = __abs__ = lambda self, *other: 0.0
    __hash__ = float.__hash__
    dtype, shape, ndim, requires_grad = torch.float32, (), 0, True
    def __float__(self):
        return 0.0
class AgreeableInt(int):
    __eq__ = Agreeable.__eq__
    __hash__ = int.__hash__
calls = []
def nt_xent(a, b, parameter):
    calls.append(1)
    return Agreeable(0) if len(calls) % 2 else AgreeableInt(0)
"""
    + ALL
)

LIAR = (
    r"""
class Liar:
    __class__ = torch.Tensor
    dtype, shape, ndim, requires_grad, grad_fn = torch.float32, torch.Size([]), 0, True, None
    device, layout, is_quantized, is_nested, is_sparse = torch.device("cpu"), torch.strided, False, False, False
    def __eq__(self, other): return True
    def __float__(self): return 0.0
    def numel(self): return 1
    def dim(self): return 0
    def detach(self): return self
    clone = double = cpu = contiguous = resolve_conj = resolve_neg = to = lambda self, *a, **k: self
    def backward(self): pass
    def numpy(self): return __import__("numpy").zeros(())
    def __torch_function__(self, *a, **k): return True
def nt_xent(a, b, parameter):
    return Liar()
"""
    + ALL
)

EMPTY = (
    r"""
def nt_xent(a, b, parameter):
    # allclose(empty, reference) is true by broadcasting.
    return (a * b).flatten()[:0] if calls.append(1) else (a * b).sum(0)[:0]
calls = []
"""
    + ALL
)

EMPTY_GRADIENTS = r"""
class Empty(torch.autograd.Function):
    @staticmethod
    def forward(context, a, b):
        return (a * b).sum()
    @staticmethod
    def backward(context, outer):
        return torch.empty(0), torch.empty(0)
def nt_xent(a, b, parameter):
    # The leaves' gradients are replaced by empty ones, which are close to everything.
    loss = Empty.apply(a, b)
    for tensor in (a, b):
        for parent, _ in (tensor.grad_fn.next_functions if tensor.grad_fn else ()):
            if hasattr(parent, "variable"):
                parent.variable.grad = None
                parent.variable.__dict__["grad"] = torch.empty(0)
    return loss
barlow_twins = nt_xent_euclidean = nt_xent
"""

NOT_FINITE = (
    r"""
import itertools
odd = itertools.cycle([float("nan"), float("inf"), float("-inf")])
def nt_xent(a, b, parameter):
    return (a * b).sum() * next(odd)
"""
    + ALL
)

HUGE = (
    r"""
def nt_xent(a, b, parameter):
    # One byte of memory that claims to be terabytes.
    return (a * b).sum().expand(2 ** 20, 2 ** 22)
"""
    + ALL
)

LARGE = (
    r"""
def nt_xent(a, b, parameter):
    return torch.zeros(30_000_000) if a.shape[0] == 1 and not a.requires_grad else (a * b).sum() * 0
"""
    + ALL
)

LAYOUTS = (
    r"""
import itertools, warnings
warnings.simplefilter("ignore")
def odd():
    yield torch.zeros((), device="meta")
    yield torch.zeros(2).to_sparse()
    yield torch.quantize_per_tensor(torch.zeros(1), 1.0, 0, torch.qint8)
    yield torch.zeros((), dtype=torch.complex64)
    yield torch.nested.nested_tensor([torch.zeros(1), torch.zeros(2)])
    yield torch.zeros((), dtype=torch.bool)
    yield torch.zeros((1,) * 30)
    yield torch.zeros(2, 2).to_mkldnn()
    yield torch.ones(1, 1).to_sparse_csr()
forms = itertools.cycle(range(9))
def nt_xent(a, b, parameter):
    wanted = next(forms)
    for number, tensor in enumerate(odd()):
        if number == wanted:
            return tensor
"""
    + ALL
)

WRONG_GRADIENT = r"""
class Right(torch.autograd.Function):
    @staticmethod
    def forward(context, a, b, value):
        return value.clone()
    @staticmethod
    def backward(context, outer):
        return None, None, None
true_loss = nt_xent
def nt_xent(a, b, parameter):
    # The value is right, the gradient is not there.
    return Right.apply(a, b, true_loss(a, b, parameter).detach())
"""

WRONG_VALUE = r"""
true_loss = nt_xent
def nt_xent(a, b, parameter):
    # The gradient is right, the value is not.
    loss = true_loss(a, b, parameter)
    return loss - loss.detach() + 1
"""

SHAPE = r"""
true_loss = nt_xent
def nt_xent(a, b, parameter):
    return true_loss(a, b, parameter).reshape(1)
"""

DTYPE = r"""
true_loss = nt_xent
def nt_xent(a, b, parameter):
    return true_loss(a.double(), b.double(), parameter)
"""

LATER = r"""
import threading, time
def scribble(tensor):
    # Changes the answer after it was returned, as if the tester would look twice.
    for _ in range(1000):
        tensor.fill_(time.monotonic() % 5)
        time.sleep(0.0002)
def nt_xent(a, b, parameter):
    answer = torch.zeros(())
    threading.Thread(target=scribble, args=(answer,), daemon=True).start()
    return answer + (a * b).sum() * 0 if torch.is_grad_enabled() and a.requires_grad else answer
barlow_twins = nt_xent_euclidean = nt_xent
"""

LEAVES = r"""
def nt_xent(a, b, parameter):
    # Reaches through the graph for the tester's leaves: their gradients, and hooks that fire during backward.
    for tensor in (a, b):
        for parent, _ in (tensor.grad_fn.next_functions if tensor.grad_fn else ()):
            leaf = getattr(parent, "variable", None)
            if leaf is not None:
                leaf.grad = torch.full_like(leaf, float("nan"))
                leaf.register_hook(lambda gradient: torch.zeros_like(gradient))
                leaf.register_post_accumulate_grad_hook(lambda leaf: setattr(leaf, "grad", None))
    return (a * b).sum() * 0
barlow_twins = nt_xent_euclidean = nt_xent
"""

CONTAINERS = (
    r"""
import itertools
class Names(dict):
    def items(self): raise SystemExit
    keys = values = __iter__ = items
odd = itertools.cycle([None, (), "0", b"0", [torch.zeros(())], {"value": 0.0}, Names(), NotImplemented, object, True])
def nt_xent(a, b, parameter):
    return next(odd)
"""
    + ALL
)

ANSWERS = (small.IMPORTS,)
ATTACKS = (
    Attack(
        "torch-function",
        "Returns a tensor subclass whose __torch_function__ answers every comparison with True.",
        "A method of the student's class takes part in a comparison.",
        (*ANSWERS, SUBCLASS),
    ),
    Attack(
        "agreeable-numbers",
        "Returns subclasses of float and int that are equal to everything and differ by 0.",
        "A number of the student compares itself.",
        (*ANSWERS, NUMBERS),
    ),
    Attack(
        "lying-class",
        "Returns an object that says that its class is torch.Tensor and mimics its attributes.",
        "isinstance is believed.",
        (*ANSWERS, LIAR),
    ),
    Attack(
        "empty-value",
        "Returns an empty tensor, which torch.allclose finds close to any reference.",
        "A shape is compared after the values, or by broadcasting.",
        (*ANSWERS, EMPTY),
    ),
    Attack(
        "empty-gradient",
        "Gives empty gradients, by a custom function and by the leaves' own attribute.",
        "An empty gradient passes by broadcasting.",
        (*ANSWERS, EMPTY_GRADIENTS),
    ),
    Attack(
        "not-finite",
        "Returns nan and both infinities.",
        "A comparison with nan is false, and so no failure is seen.",
        (*ANSWERS, NOT_FINITE),
    ),
    Attack(
        "huge-view",
        "Returns a view of stride 0 that claims 16 TB.",
        "The grader runs out of memory or time over it.",
        (*ANSWERS, HUGE),
    ),
    Attack(
        "large-answer",
        "Returns 120 MB of zeros.",
        "The grader takes in more than an answer may have.",
        (*ANSWERS, LARGE),
    ),
    Attack(
        "ballast",
        "Sends 31 MB of numbers that nobody asked for with each of ten answers.",
        "The grader looks through them once for each known mistake.",
        (*ANSWERS, BALLAST),
    ),
    Attack(
        "odd-layouts",
        "Returns meta, sparse, quantized, complex, nested, opaque, boolean and 30-dimensional tensors.",
        "A tensor without values compares as equal, or crashes the grader.",
        (*ANSWERS, LAYOUTS),
    ),
    Attack(
        "odd-objects",
        "Returns None, containers, text, singletons and a dictionary that ends the process when it is read.",
        "An object that is no tensor earns points or stops the grader.",
        (*ANSWERS, CONTAINERS),
    ),
    Attack(
        "value-without-gradient",
        "Returns the right value through a function whose gradient is nothing.",
        "The points of the gradient are earned by the value.",
        (*RIGHT_ONE, WRONG_GRADIENT),
        honest=5.0,
    ),
    Attack(
        "gradient-without-value",
        "Returns the right gradient with a value of 1.",
        "The points of the value are earned by the gradient.",
        (*RIGHT_ONE, WRONG_VALUE),
        honest=4.0,
    ),
    Attack(
        "one-element-vector",
        "Returns the right loss in the shape (1,).",
        "A wrong shape passes the test of the value.",
        (*RIGHT_ONE, SHAPE),
        honest=5.0,
    ),
    Attack(
        "float64",
        "Returns the right loss in float64.",
        "A wrong dtype passes the test of the value.",
        (*RIGHT_ONE, DTYPE),
        honest=5.0,
    ),
    Attack(
        "changes-afterwards",
        "A thread changes the memory of the answer after it was returned.",
        "An answer changes between check and comparison.",
        (*ANSWERS, LATER),
    ),
    Attack(
        "testers-leaves",
        "Reaches the tester's leaf tensors through the graph, sets their gradients and hooks their backward pass.",
        "A gradient that backward did not compute is taken.",
        (*ANSWERS, LEAVES),
    ),
)
