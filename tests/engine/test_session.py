"""A session answers honest code exactly, and hostile code costs itself only. All with real processes."""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from textwrap import dedent

import psutil
import pytest
import torch

from autograder.engine.notebook import read_notebook, reader
from autograder.engine.session import Probes, Sandbox, SandboxError, SessionLost, StudentError
from autograder.sandbox import layers
from tests.checkout import PROBES

ROOT = os.geteuid() == 0
CHECKOUT = Path(__file__).resolve().parents[2]


@pytest.fixture()
def session(sandbox):
    with sandbox.session() as session:
        yield session
    assert not psutil.pid_exists(session.pid) and not session.scratch.exists()


def define(session, source, index=1):
    session.run_cell(index, dedent(source), 30)  # what is defined is not late, however busy the machine is


def ask(session, body, probe="text", seconds=3.0):
    """Define ``f`` with ``body`` and call it through a probe."""
    define(session, "def f():\n" + "".join(f"    {line}\n" for line in dedent(body).strip().splitlines()))
    return session.call(f"{PROBES}.{probe}", {"function": "f"}, seconds)["result"]


def say(session, body):
    return bytes(ask(session, body).tolist()).decode()


def others_still_have_answers(sandbox):
    """The preloaded parent lives, and so does the engine."""
    with sandbox.session() as session:
        assert ask(session, "return 1", "true") == 1


# --- honest code -------------------------------------------------------------------------------------------------


def test_a_check_by_hand_complains_about_what_it_cannot_use(session):
    define(session, "def f(fails): return {}[0] if fails else None")
    check = "def test_{0}(f):\n    assert float(f({0})) == 2, 'Expected 2.'\n"
    with pytest.raises(StudentError) as caught:
        session.check(check.format(False), "test_False", 9.0)
    assert caught.value.complaint and caught.value.message.startswith(
        "What f returns is None; the check cannot use it ("
    )
    with pytest.raises(StudentError) as caught:
        session.check(check.format(True), "test_True", 9.0)
    assert caught.value.type == "KeyError" and not caught.value.complaint and caught.value.line == 1


def test_tensors_and_scalars_go_there_and_back_exactly(session):
    define(session, "def f(a, b): return {'sum': a + b, 'half': a.half(), 'flag': a > 0, 'n': a.long()}")
    a, b = torch.randn(3, 4), torch.randn(3, 4)
    answer = session.call(f"{PROBES}.apply", {"function": "f", "a": a, "b": b})
    assert torch.equal(answer["sum"], a + b) and torch.equal(answer["half"], a.half())
    assert answer["flag"].dtype == torch.bool and answer["n"].dtype == torch.int64
    assert all(type(tensor) is torch.Tensor for tensor in answer.values())


def test_a_patient_grader_counts_the_time_of_the_processor(sandbox, monkeypatch):
    monkeypatch.setattr(sandbox, "limits", replace(sandbox.limits, patience=4.0))
    with sandbox.session() as session:
        before = sandbox.worked
        session.run_cell(1, "import time\ntime.sleep(1)", 0.5)  # waits, as it would for a processor
        assert sandbox.worked - before < 0.5
        for source, seconds, limit in (("while True: pass", 0.5, 0.5), ("time.sleep(60)", 0.3, 0.3),
                                       ("time.sleep(0.8)\n1 / 0", 0.5, None)):  # fmt: skip
            with pytest.raises(StudentError) as stopped:
                session.run_cell(2, source, seconds)
            assert stopped.value.limit == limit, source
        assert sandbox.worked - before >= 0.4
        define(session, "import signal\nfor number in (14, 27): signal.signal(number, signal.SIG_IGN)")
        session.run_cell(3, "signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))", 1)
    with sandbox.session() as session, pytest.raises(SessionLost, match="ignored the time limit"):
        source = "import time\nwhile True:\n    try: time.sleep(9)\n    except BaseException: pass"
        session.run_cell(1, source, 0.3)


def test_a_gradient_carrying_or_shared_result_arrives_detached(session):
    define(
        session, "import torch\nw = torch.nn.Parameter(torch.ones(3))\ndef f(): return {'w': w, 'v': w[1:], 'x': w * 2}"
    )
    answer = session.call(f"{PROBES}.apply", {"function": "f"})
    assert not any(tensor.requires_grad for tensor in answer.values()) and answer["v"].shape == (2,)


def test_a_failing_cell_keeps_what_it_defined_and_names_its_line(session):
    with pytest.raises(StudentError) as caught:
        define(session, "a = 1\nb = 1 / 0\n", index=7)
    assert (caught.value.type, caught.value.where) == ("ZeroDivisionError", "line 2 of cell 7")
    assert not caught.value.complaint
    assert say(session, "return a") == "1"


def test_a_syntax_error_names_its_line(session):
    with pytest.raises(StudentError) as caught:
        define(session, "a = 1\nif a:\n", index=3)
    assert (caught.value.type, caught.value.cell, caught.value.line) == ("IndentationError", 3, 2)


def test_a_missing_name_is_a_sentence(session):
    with pytest.raises(StudentError) as caught:
        session.call(f"{PROBES}.true", {"function": "nt_xent"})
    assert (caught.value.type, caught.value.missing) == ("NameMissing", "nt_xent")


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("import sys; sys.exit(3)", "SystemExit"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("def g(): return g()\n    return g()", "RecursionError"),
        ("return bytearray(10**10)", "MemoryError"),
        ("return input('name? ')", "EOFError"),
        ("raise NotImplementedError('q1a: write it')", "NotImplementedError"),
    ],
)
def test_an_exception_of_any_kind_does_not_end_the_session(session, code, name):
    define(session, f"def f():\n    {code}")
    with pytest.raises(StudentError) as caught:
        session.call(f"{PROBES}.true", {"function": "f"})
    assert caught.value.type == name
    assert ask(session, "return 1", "true") == 1


def test_a_notebook_finds_what_jupyter_offers(session):
    define(
        session,
        """
        from __future__ import annotations
        import inspect, pickle, dataclasses
        import matplotlib.pyplot as plt
        import otter
        from IPython.display import display, clear_output, HTML
        from otter.test_files import test_case
        from tqdm.auto import tqdm
        from tqdm.notebook import tqdm as bar, trange
        from torch.utils.data import DataLoader, TensorDataset
        import torch

        get_ipython().run_line_magic("matplotlib", "inline")
        get_ipython().system("pip install nonsense")
        get_ipython().run_cell_magic("time", "", "timed = 5")
        grader = otter.Notebook("x.ipynb")
        grader.check("q1a"); grader.check_all(); grader.export()
        display(HTML("<b>x</b>")); clear_output(wait=True)
        plt.plot([1, 2]); plt.show()
        for _ in tqdm(bar(range(3))): pass
        for _ in trange(3): pass

        @dataclasses.dataclass
        class Point:
            x: Undefined = 1

        def loaded():
            loader = DataLoader(TensorDataset(torch.arange(5)), 2, num_workers=2, persistent_workers=True, timeout=9)
            return [len(x) for x, in loader]
        """,
        index=4,
    )
    assert say(session, "return timed, loaded(), pickle.loads(pickle.dumps(Point(3)))") == "(5, [2, 2, 1], Point(x=3))"
    define(session, "def shown():\n    return 1\n", index=9)
    assert say(session, "return inspect.getsource(shown)") == "def shown():\n    return 1\n"


def test_files_beside_the_notebook_can_be_read_and_shadow_nothing(sandbox, tmp_path):
    (tmp_path / "helper.py").write_text("answer = 42")
    (tmp_path / "colorsys.py").write_text("raise SystemExit")
    (tmp_path / "data.txt").write_text("hello")
    with sandbox.session(tmp_path) as session:
        define(session, "import helper, colorsys")
        assert say(session, "return helper.answer, open('data.txt').read()") == "(42, 'hello')"
        define(session, "open('data.txt', 'w').write('changed')")
    assert (tmp_path / "data.txt").read_text() == "hello"


def test_a_probe_starts_from_a_fresh_global_state(session):
    define(
        session,
        """
        import torch, os, random
        torch.set_default_dtype(torch.float64); torch.set_grad_enabled(False); torch.manual_seed(5); os.chdir("/")
        def f(): return torch.rand(2)
        def g(): return (torch.ones(1, requires_grad=True) * 2).requires_grad
        """,
    )
    first, second = (session.call(f"{PROBES}.result", {"function": "f"})["result"] for _ in range(2))
    assert first.dtype == torch.float32 and torch.equal(first, second)
    assert session.call(f"{PROBES}.true", {"function": "g"})["result"] == 1


def test_a_seed_gives_the_numbers_that_it_gives_elsewhere(session):
    define(session, "import torch\nfrom torch import manual_seed")
    drawn = torch.rand(2, generator=torch.Generator().manual_seed(-5)).tolist()
    for form in ("torch.manual_seed", "torch.random.manual_seed", "manual_seed"):
        said = say(session, f"return {form}(-5).initial_seed() % 2**64, torch.rand(2).tolist()")
        assert said == f"({2**64 - 5}, {drawn})"


@pytest.mark.parametrize("kept", [True, False])
def test_cells_run_in_the_session_that_has_read_them(sandbox, tmp_path, kept):
    """The notebook is beside them only if it is one of the files that they are to find."""
    folder = tmp_path / "beside"
    path = (folder if kept else tmp_path) / "own.ipynb"
    folder.mkdir()
    path.write_text(json.dumps({"cells": [{"cell_type": "code", "source": "import os\nseen = os.listdir()"}]}))
    with reader(sandbox, path, folder) as (session, same):
        read = read_notebook(session, path, ["seen"], time.monotonic() + 30, kept)
        assert same is session and path.exists()
        define(session, read.cells[0].source)
        assert say(session, "return seen") == str(["own.ipynb"] if kept else [])


def test_definitions_only_leaves_out_what_may_take_time(session):
    source = "import math\nn = -3\ndef f(): return n\nwhile True: pass\nmodel = f()\n"
    session.run_cell(1, source, 3, definitions_only=True)
    assert say(session, "return n, math.pi > 3, 'model' in globals()") == "(-3, True, False)"


# --- time --------------------------------------------------------------------------------------------------------


def test_a_loop_is_stopped_and_the_session_lives_on(session):
    define(session, "def f():\n    while True: pass")
    with pytest.raises(StudentError, match="stopped after 0.3 seconds"):
        session.call(f"{PROBES}.true", {"function": "f"}, 0.3)
    assert ask(session, "return 1", "true") == 1


@pytest.mark.parametrize(
    "body",
    [
        "while True:\n        try: time.sleep(9)\n        except BaseException: pass",
        "signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))\n    while True: pass",
        "for n in (1, 2, 14, 15, 24): signal.signal(n, signal.SIG_IGN)\n    while True: pass",
        "return large @ large",
    ],
    ids=["swallows", "blocks", "ignores", "long operator"],
)
def test_what_cannot_be_stopped_is_killed_in_time(session, body):
    define(session, f"import time, signal, torch\nlarge = torch.ones(5000, 5000).double()\ndef f():\n    {body}")
    started = time.monotonic()
    with pytest.raises(SessionLost) as caught:
        session.call(f"{PROBES}.true", {"function": "f"}, 0.3)
    assert caught.value.kind == "timeout" and time.monotonic() - started < 3
    with pytest.raises(SessionLost):
        session.call(f"{PROBES}.true", {"function": "f"})


# --- ends --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "kind", "reason"),
    [
        ("os._exit(0)", "exit", "exit status 0"),
        ("ctypes.string_at(0)", "crash", "SIGSEGV"),
        ("os.abort()", "crash", "its process crashed"),
        ("os.closerange(0, 99)", "exit", "ended the Python process"),
        ("[os.write(fd, b'x' * 99) for fd in sockets()]", "protocol", "invalid answer"),
        ("[os.write(fd, b'kit1' + b'\\xff' * 99) for fd in sockets()]", "protocol", "larger than allowed"),
        (
            "[os.write(fd, b'kit1' + struct.pack('>IQ', 60000, 0) + b'[' * 60000) for fd in sockets()]",
            "protocol",
            "JSON",
        ),
        ("[os.write(fd, b'kit1\\0\\0\\0\\2' + bytes(8) + b'{}') for fd in sockets()]", "protocol", "no request"),
        (
            "[os.write(fd, b'kit1\\0\\0\\0\\2' + b'\\0' * 7 + b'\\x09' + b'{}' + b'x' * 9) for fd in sockets()]",
            "protocol",
            "tensors",
        ),
        ("json.dumps = lambda *a, **k: '{}'; protocol.dumps = json.dumps", "protocol", "no request"),
    ],
)
def test_an_end_or_garbage_costs_the_session_only(sandbox, body, kind, reason):
    with sandbox.session() as session:
        define(
            session,
            """
            import os, ctypes, json, stat, struct, sys
            protocol = sys.modules["autograder.protocol"]
            def sockets(): return [fd for fd in range(99) if is_socket(fd)]
            def is_socket(fd):
                try: return stat.S_ISSOCK(os.fstat(fd).st_mode)
                except OSError: return False
            """,
        )
        with pytest.raises(SessionLost) as caught:
            ask(session, body)
    assert caught.value.kind == kind and reason in caught.value.reason
    others_still_have_answers(sandbox)


def test_a_killed_process_is_told_from_one_that_ended(sandbox):
    # The first process of a namespace cannot kill itself.
    with sandbox.session(without=["namespaces"]) as session, pytest.raises(SessionLost) as caught:
        ask(session, "import os\nos.kill(os.getpid(), 9)")
    assert caught.value.kind == "memory" and "SIGKILL" in caught.value.reason


def test_an_answer_in_advance_is_refused(session):
    define(
        session,
        """
        import sys, os, threading, time
        protocol = sys.modules["autograder.protocol"]
        original = protocol.send
        def twice(link, frame, deadline=None):
            original(link, frame); original(link, frame)
        def f(): protocol.send = twice; return 1
        """,
    )
    assert session.call(f"{PROBES}.true", {"function": "f"})["result"] == 1
    with pytest.raises(SessionLost, match="before the request|no request"):
        session.call(f"{PROBES}.true", {"function": "f"})


def test_a_worker_that_stops_reading_cannot_hang_the_engine(session):
    define(session, "import time\ndef f(x):\n    time.sleep(60)")
    with pytest.raises((StudentError, SessionLost)):
        session.call(f"{PROBES}.apply", {"function": "f", "x": torch.ones(3_000_000)}, 0.3)


@pytest.mark.parametrize(
    ("result", "message"),
    [
        ("'text'", "is a str"),
        ("torch.nn.Linear(1, 1)", "is a Linear"),
        ("Liar(torch.ones(2))", "is a Liar"),
        ("torch.ones(2).to_sparse()", "sparse"),
        ("torch.empty(2, device='meta')", "meta"),
        ("torch.ones(2, dtype=torch.complex64)", "complex64"),
        ("torch.quantize_per_tensor(torch.ones(2), 1.0, 0, torch.qint8)", "quantized"),
        ("torch.ones(9_000_000)", "at most"),
        ("None", "is a NoneType"),
    ],
)
def test_a_result_that_is_no_plain_tensor_is_refused_by_name(session, result, message):
    define(
        session,
        f"""
        import torch
        class Liar(torch.Tensor):
            __class__ = torch.Tensor
            def __eq__(self, other): return True
            @classmethod
            def __torch_function__(cls, *a, **k): return True
        def f(): return {result}
        """,
    )
    with pytest.raises(StudentError, match=message):
        session.call(f"{PROBES}.result", {"function": "f"})


@pytest.mark.parametrize(
    "result", ["5", "[1]", "{5: torch.ones(1)}", "{'\\n': torch.ones(1)}", "{'\\ud800': torch.ones(1)}"]
)
def test_an_answer_that_is_no_named_tensors_is_refused(session, result):
    define(session, f"import torch\ndef f(): return {result}")
    with pytest.raises(StudentError):
        session.call(f"{PROBES}.apply", {"function": "f"})


@pytest.mark.parametrize(
    "message", ["'x' * 10_000_000", "'\\ud800 \\x1b[31mred\\x07 \\u202e'", "'\\0' * 5000", "Nasty()"], ids=str
)
def test_a_message_arrives_cut_and_clean(session, message):
    define(session, f"class Nasty:\n    def __str__(self): raise SystemExit\ndef f(): raise ValueError({message})")
    with pytest.raises(StudentError) as caught:
        session.call(f"{PROBES}.true", {"function": "f"})
    assert caught.value.type == "ValueError" and len(caught.value.message) <= 2100
    assert not set(caught.value.message) & set("\x1b\x07\0\ud800\u202e")


def test_an_exception_that_lies_about_itself_is_still_one(session):
    define(session, "class E(Exception): pass\nE.__name__ = '\\x1b[2J' + 'E' * 9999\ndef f(): raise E")
    with pytest.raises(StudentError) as caught:
        session.call(f"{PROBES}.true", {"function": "f"})
    assert len(caught.value.type) <= 110 and "\x1b" not in caught.value.type


# --- resources ---------------------------------------------------------------------------------------------------


def test_memory_is_limited(session):
    with pytest.raises((StudentError, SessionLost)):
        ask(session, "x = [bytes(b'a') * 2**20 for _ in range(2000)]\nreturn 1", "true")
    assert psutil.Process(session.sandbox.pid).is_running()


def test_a_flood_of_output_is_nothing(session):
    assert (
        ask(session, "import os\nfor _ in range(2000): print('x' * 9999); os.write(2, b'y' * 9999)\nreturn 1", "true")
        == 1
    )


def test_a_fork_bomb_is_limited_and_over(sandbox):
    with sandbox.session() as session:
        define(
            session, "import os, time\ndef f():\n    while True:\n        try: os.fork()\n        except OSError: pass"
        )
        started = time.monotonic()
        with pytest.raises((SessionLost, StudentError)):
            session.call(f"{PROBES}.true", {"function": "f"}, 0.5)
        alive = psutil.Process(sandbox.pid).children(recursive=True)
        assert len(alive) <= 25
    assert time.monotonic() - started < 8
    assert not psutil.Process(sandbox.pid).children(recursive=True)
    others_still_have_answers(sandbox)


# Layers are left off one by one, and so that one alone remains: each keeps its promise without the others.
WITHOUT = [(), ("uid",), ("landlock",), ("namespaces",), ("seccomp",), ("cgroup",)]
ALONE = [("namespaces", "uid"), ("namespaces", "landlock"), ("uid", "landlock")]


def family(sandbox):
    return psutil.Process(sandbox.pid).children(recursive=True)


@pytest.mark.parametrize("without", [*WITHOUT, *ALONE], ids=str)
def test_a_daemon_is_dead_afterwards(sandbox, without):
    if without == ("namespaces", "landlock") and layers.unreadable_library():
        pytest.skip("here a fresh user can read Python's library only with one of these layers")
    with sandbox.session(without=without) as session:
        before = len(family(sandbox))
        say(
            session,
            """
            import os, signal, time
            r, w = os.pipe()
            if os.fork() == 0:
                os.setsid()
                if os.fork() == 0:
                    for n in (1, 2, 13, 14, 15): signal.signal(n, signal.SIG_IGN)
                    os.write(w, b"alive")
                    while True: time.sleep(1)
                os._exit(0)
            return os.read(r, 20).decode()
            """,
        )
        assert len(family(sandbox)) > before
    assert not family(sandbox)


def test_a_forked_child_cannot_answer_for_its_parent(session):
    assert say(session, "import os\npid = os.fork()\nreturn pid > 0") == "True"
    assert ask(session, "return 1", "true") == 1


# --- what can be reached -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("without", [*WITHOUT, *ALONE], ids=str)
def test_a_worker_reports_the_layers_of_this_machine(sandbox, without):
    with sandbox.session(without=without) as session:
        assert session.layers == tuple(layer.name for layer in layers.status(without) if layer.active)
        assert (session.uid is None) == ("uid" not in session.layers)


def test_environment_and_descriptors_are_bare(session):
    assert int(say(session, "import os\nreturn sum(os.path.exists(f'/proc/self/fd/{n}') for n in range(4, 99))")) == 0
    names = say(session, "import os\nreturn ' '.join(sorted(os.environ))")
    assert set(names.split()) <= {
        "CUDA_VISIBLE_DEVICES",
        "HOME",
        "LANG",
        "LOGNAME",
        "MPLBACKEND",
        "MPLCONFIGDIR",
        "NO_COLOR",
        "OMP_NUM_THREADS",
        "PATH",
        "TMPDIR",
        "USER",
        "KMP_DUPLICATE_LIB_OK",
        "KMP_INIT_AT_FORK",
        "TORCHINDUCTOR_CACHE_DIR",
    }, names


def test_probes_that_bring_answers_are_refused():
    with pytest.raises(SandboxError, match="contains answers"):
        Sandbox(Probes(modules=("tests.sandbox.probes_with_answers",))).__enter__()
    with pytest.raises(SandboxError, match="No module named"):
        Sandbox(Probes(modules=("tests.sandbox.no_such_probes",))).__enter__()


def test_a_killed_parent_loses_its_sessions_and_is_started_again(sandbox):
    session, idle, pid = sandbox.session(), sandbox.session(), sandbox.pid
    family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    family[0].kill()
    _, alive = psutil.wait_procs(family, timeout=5)
    assert not alive
    with pytest.raises(SessionLost):
        session.call(f"{PROBES}.true", {"function": "f"})
    others_still_have_answers(sandbox)
    idle.close()
    others_still_have_answers(sandbox)
    assert sandbox.pid != pid and not list(sandbox.root.glob("session-*"))
    assert not psutil.pid_exists(pid) and not psutil.pid_exists(session.pid)


def test_a_scratch_folder_of_any_shape_is_removed(sandbox):
    # Without namespaces the parent looks from time to time, and ends a session whose folders are nested too deeply.
    with sandbox.session() as session, suppress(SessionLost):
        define(
            session,
            """
            import os
            os.makedirs("closed/inner"); os.chmod("closed/inner", 0); os.chmod("closed", 0)
            for _ in range(1500):
                os.mkdir("d" * 100); os.chdir("d" * 100)
            """,
        )
    assert not session.scratch.exists()


def test_many_sessions_leave_nothing_and_cost_the_same(sandbox):
    parent = psutil.Process(sandbox.pid)
    descriptors, files = parent.num_fds() if ROOT else 0, len(list(sandbox.root.iterdir()))
    for _ in range(20):
        with sandbox.session() as session:
            assert ask(session, "return 1", "true") == 1
    assert not parent.children() and len(list(sandbox.root.iterdir())) == files
    assert not ROOT or parent.num_fds() == descriptors


def test_a_checkpoint_is_read_in_the_sandbox(sandbox, tmp_path):
    torch.save({"state_dict": {"fc.weight": torch.ones(2, 3)}}, tmp_path / "best.pt")
    (tmp_path / "bad.pt").write_bytes(b"not a checkpoint")
    with sandbox.session(tmp_path) as session:
        assert torch.equal(session.load_checkpoint("best.pt")["state_dict.fc.weight"], torch.ones(2, 3))
        with pytest.raises(StudentError):
            session.load_checkpoint("bad.pt")


@pytest.mark.parametrize("package", ["lightly", "pytorch_metric_learning", "diffusers"])
def test_packages_that_only_the_kits_tests_use_cannot_be_imported(sandbox, package):
    """Some hold the losses that students write, and a machine that grades may have them."""
    with sandbox.session() as session, pytest.raises(StudentError) as error:
        session.run_cell(1, f"import {package}", 10)
    assert error.value.type == "ModuleNotFoundError" and package in error.value.message


def test_only_names_that_python_gives_to_exceptions_stand_without_quotation_marks():
    assert StudentError("ValueError", "x").quoted == 'raised ValueError: "x"'
    assert StudentError("Enter_8_of_8_by_hand", "x").quoted == 'raised "Enter_8_of_8_by_hand": "x"'
