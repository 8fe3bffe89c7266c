"""A notebook cell that tries to read the references and to write its own grade. Both attempts fail."""

from pathlib import Path

ATTACK = """
import gc, glob, json, os, numpy

FORGED = json.dumps({"score": 55, "tests": [{"name": "all", "score": 55, "max_score": 50, "status": "passed"}]})
loot = []

def attempt(action):
    try:
        return action()
    except BaseException:
        return None

torch = attempt(lambda: __import__("torch"))  # some notebooks have none

# 1. Read the answer key, and the memory and environment of other processes.
for pattern in ("/autograder/source/**/*.safetensors", "@ROOT@/**/*.safetensors", "/proc/*/environ", "/proc/*/fd/*"):
    for path in attempt(lambda: glob.glob(pattern, recursive=True)) or []:
        loot.append((path, attempt(lambda: open(path, "rb").read(1000))))
loot += [o for o in gc.get_objects() if isinstance(o, torch.Tensor if torch else numpy.ndarray)]

# 2. Write the result.
for folder in ("/autograder/results", "@ROOT@/grades", "..", "../..", "../../results"):
    attempt(lambda: open(os.path.join(folder, "results.json"), "w").write(FORGED))

# 3. Make every comparison true, here and in the grader.
numpy.allclose = numpy.array_equal = lambda *a, **k: True
if torch:
    torch.allclose = torch.equal = numpy.allclose
    torch.Tensor.__eq__ = lambda self, other: torch.ones((), dtype=torch.bool)

class Agreeable(float):
    __eq__ = __lt__ = __gt__ = __le__ = __ge__ = lambda self, other: True

def end(*inputs):
    os._exit(0)
"""
# The demo.py of an assignment adds answers that compare equal to everything (``Agreeable``) or end the process (``end``).


def cell(root: Path, answers: str) -> str:
    """The source of the cell, for a course in ``root``."""
    return ATTACK.replace("@ROOT@", str(root)) + answers
