"""Global state turned over by the submission: torch's, the interpreter's, the process's. It must hurt itself at most."""

from __future__ import annotations

from tests.corpus.hostile.attack import ONE, RIGHT_ONE, Attack
from tests.corpus.hostile.pieces import ATTEMPT

MUST_NOT = "A verdict of this or another submission depends on it."

TORCH = r"""
attempt(torch.set_default_dtype, torch.float64)
attempt(torch.set_default_device, "meta")
attempt(torch.set_num_threads, 64)
attempt(torch.set_num_interop_threads, 64)
attempt(torch.set_grad_enabled, False)
attempt(torch.use_deterministic_algorithms, True)
attempt(torch.autograd.set_detect_anomaly, True)
attempt(torch.set_printoptions, precision=0, threshold=1)
attempt(torch.set_float32_matmul_precision, "medium")
attempt(torch.set_flush_denormal, True)
attempt(torch.manual_seed, 12345)
attempt(torch.backends.mkldnn.set_flags, False)
attempt(torch.utils.deterministic.fill_uninitialized_memory.__class__)
"""

GRADIENT_MODES = r"""
mode = torch.inference_mode()
mode.__enter__()
torch.no_grad().__enter__()
torch.autograd.set_multithreading_enabled(False).__enter__()
torch.autograd.graph.saved_tensors_hooks(lambda x: x, lambda x: x * 0).__enter__()
"""

INTERPRETER = r"""
import decimal, faulthandler, gc, locale, random, sys, threading, warnings
import numpy as np
gc.disable(); gc.set_threshold(0); gc.freeze()
attempt(sys.setswitchinterval, 1e-9)
attempt(sys.setrecursionlimit, 60)
attempt(threading.stack_size, 32768)
warnings.simplefilter("error")
attempt(np.seterr, all="raise")
attempt(np.set_printoptions, threshold=1, precision=0)
decimal.getcontext().prec = 1
faulthandler.enable(); faulthandler.dump_traceback_later(0.5, exit=True)
random.seed(1); np.random.seed(1)
for name in ("tr_TR.UTF-8", "C.UTF-8", "de_DE.UTF-8"):
    attempt(locale.setlocale, locale.LC_ALL, name)
sys.displayhook = sys.excepthook = sys.unraisablehook = lambda *a: 1 / 0
sys.stdout = sys.stderr = sys.stdin = None
sys.set_int_max_str_digits(640)
"""

PROCESS = r"""
import os, resource, signal
for name in dir(resource):
    # Up, where that is possible; else down to the hard limit's own value.
    if name.startswith("RLIMIT_"):
        what = getattr(resource, name)
        attempt(resource.setrlimit, what, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
attempt(os.chdir, "/")
os.umask(0o777)
os.environ.clear()
signal.alarm(0)
attempt(signal.setitimer, signal.ITIMER_REAL, 0)
attempt(signal.set_wakeup_fd, -1)
signal.siginterrupt(signal.SIGALRM, True)
attempt(os.nice, 19)
attempt(os.unlink, "simclr.ipynb")
attempt(os.rmdir, os.path.expanduser("~") + "/work")
import shutil, tempfile
attempt(shutil.rmtree, os.path.expanduser("~"), ignore_errors=True)
attempt(shutil.rmtree, tempfile.gettempdir(), ignore_errors=True)
"""

LIMITS = r"""
import os, resource
# What remains of the limits after an attempt to raise them is shown to be one: memory for the whole machine.
for what in (resource.RLIMIT_AS, resource.RLIMIT_NPROC, resource.RLIMIT_CPU, resource.RLIMIT_FSIZE, resource.RLIMIT_NOFILE):
    attempt(resource.setrlimit, what, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    attempt(lambda: resource.prlimit(os.getpid(), what, (1 << 40, 1 << 40)))
def barlow_twins(a, b, lambd):
    raised = [what for what in (resource.RLIMIT_AS, resource.RLIMIT_NPROC) if resource.getrlimit(what)[1] < 0]
    raise PermissionError(f"RAISED {raised}")
"""


def not_raised(grader: object, report: object, folder: object) -> list[str]:
    """The hard limits on memory and processes stood."""
    said = [verdict.message for verdict in report.verdicts if "RAISED" in verdict.message]
    return [] if said and all("RAISED []" in text for text in said) else [f"limits were raised: {said[:1]}"]


def turned(id: str, tries: str, cell: str, **more: object) -> Attack:
    """A case with one right function and a cell that turns state over."""
    return Attack(id, tries, MUST_NOT, (*RIGHT_ONE, ATTEMPT, cell), honest=ONE, **more)


ATTACKS = (
    turned(
        "torch-state", "Sets default dtype and device, threads, gradients, determinism, anomalies and seeds.", TORCH
    ),
    turned(
        "gradient-modes",
        "Enters inference mode and hooks on saved tensors for good.",
        GRADIENT_MODES,
        least=0.0,
        why_less="what it entered for good takes its own gradients away",
    ),
    turned(
        "interpreter-state",
        "Turns over collector, recursion, warnings, locale, streams and hooks, and sets a timer that ends the process.",
        INTERPRETER,
        least=0.0,
        why_less="the timer ends its own process in the middle of a test",
    ),
    turned("process-state", "Changes folder, mask, environment and timers, and deletes its own files.", PROCESS),
    turned("raises-limits", "Raises every resource limit that it can.", LIMITS, check=not_raised),
)
