"""The zip that an instructor uploads to Gradescope, and that ``otter run`` takes as well."""

from __future__ import annotations

import hashlib
import io
import json
import re
import zipfile
from collections.abc import Iterator, Mapping
from importlib.metadata import requires
from pathlib import Path

import numpy as np

import autograder
from autograder.assignment import Assignment, read_assignment
from data_scripts import Prepared

FILES = Path(__file__).parent / "gradescope_files"
PACKAGES = Path(autograder.__file__).resolve().parents[1]
# The kit's code that grades one submission: nothing with an answer in it, nothing that builds or grades a class.
CODE = (
    "autograder/__init__.py",
    "autograder/__main__.py",
    "autograder/arrays.py",
    "autograder/artefacts/*.py",
    "autograder/artefacts/*/*.py",
    "autograder/assignment.py",
    "autograder/cli.py",
    "autograder/course.py",
    "autograder/course_code.py",
    "autograder/datasets.py",
    "autograder/errors.py",
    "autograder/files.py",
    "autograder/frameworks.py",
    "autograder/limits.py",
    "autograder/pictures.py",
    "autograder/protocol.py",
    "autograder/returned.py",
    "autograder/stand_ins.py",
    "autograder/tensors.py",
    "autograder/text.py",
    "autograder/toml_entries.py",
    "autograder/toml_lines.py",
    "autograder/commands/__init__.py",
    "autograder/commands/doctor.py",
    "autograder/commands/gradescope.py",
    "autograder/engine/*.py",
    "autograder/frontends/__init__.py",
    "autograder/frontends/at_once.py",
    "autograder/frontends/gradescope.py",
    "autograder/frontends/otter.py",
    "autograder/given/__init__.py",
    "autograder/given/encoders.py",
    "autograder/given/resnet9.py",
    "autograder/given/unet.py",
    "autograder/given/vae.py",
    "autograder/questions/__init__.py",
    "autograder/questions/array_probing.py",
    "autograder/questions/layers.py",
    "autograder/questions/model.py",
    "autograder/questions/probing.py",
    "autograder/questions/views.py",
    "autograder/questions/*/__init__.py",
    "autograder/questions/*/counts.py",
    "autograder/questions/*/probes.py",
    "autograder/sandbox/*.py",
    "autograder/scorers/__init__.py",
    "autograder/scorers/classifier.py",
    "data_scripts/*.py",
    "data_scripts/sources/*.py",
)
PROJECT = "contrastive-notebook-kit"
# What grading imports; the kit's other requirements are for building and for students.
REQUIREMENTS = ("numpy", "matplotlib", "tqdm", "pillow", "otter-grader", "nbformat", "ipython", "safetensors", "psutil",
                "jinja2", "rich")  # fmt: skip
BUNDLE = (
    *("assignment.toml", "key.safetensors", "public.json", "public.safetensors", "tests/*.py"),
    *(f"code/{folders}/{file}.py" for folders in ("*", "*/*") for file in ("probes", "counts")),
)
# What stock Otter reads. It copies the folder of tests into the submission, and so needs one.
OTTER_SETTINGS = {
    "plugins": ["autograder.frontends.otter.KitGrading"],
    "show_hidden": True,
    "force_public_test_summary": False,  # it would say of each question that its (no) public tests have passed
}
OTTER_TESTS = "The hidden tests are in bundle/tests. The plugin of otter_config.json runs them outside the notebook.\n"
EPOCH = (1980, 1, 1, 0, 0, 0)


def write_zip(path: Path, bundle: Path, data: Path | None) -> Path:
    """Write the zip: scripts, package, bundle, and what is needed of the prepared data set in folder ``data`` if any.

    Equal content gives equal bytes: entries are sorted and carry no time.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.unlink(missing_ok=True)
    part.touch(0o600)  # it holds the answer key
    with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, content, mode in sorted(entries(bundle, data)):
            info = zipfile.ZipInfo(name, EPOCH)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = mode << 16
            archive.writestr(info, content)
    part.replace(path)
    return path


def entries(bundle: Path, data: Path | None) -> Iterator[tuple[str, bytes, int]]:
    """What the zip holds: (name, content, mode)."""
    for file in FILES.iterdir():
        yield file.name, file.read_bytes(), 0o755
    yield "otter_config.json", (json.dumps(OTTER_SETTINGS, indent=1) + "\n").encode(), 0o644
    yield "tests/README", OTTER_TESTS.encode(), 0o644
    yield "constraints.txt", (PACKAGES / "autograder" / "constraints.txt").read_bytes(), 0o644
    yield "requirements.txt", "".join(f"{line}\n" for line in requirements()).encode(), 0o644
    for pattern in CODE:
        for file in PACKAGES.glob(pattern):
            yield file.relative_to(PACKAGES).as_posix(), file.read_bytes(), 0o644
    for pattern in BUNDLE:
        for file in bundle.glob(pattern):
            yield f"bundle/{file.relative_to(bundle).as_posix()}", file.read_bytes(), 0o600
    assignment = read_assignment(bundle / "assignment.toml")
    for file in {file for artefact in assignment.artefacts for file in artefact.extra_files(assignment.dataset)}:
        yield file.relative_to(PACKAGES).as_posix(), file.read_bytes(), 0o600
    if data is not None:
        prepared = Prepared.open(data)
        for name, content in data_files(prepared, needed_images(assignment, prepared)):
            yield f"data/{data.name}/{name}", content, 0o600


def needed_images(assignment: Assignment, data: Prepared) -> dict[str, int]:
    """How many images of each split grading needs, from the first on; where there is no artefact, the test split."""
    needed: dict[str, int] = {}
    for artefact in assignment.artefacts:
        for split, count in artefact.splits(data).items():
            needed[split] = max(count, needed.get(split, 0))
    return needed or {"test": data.counts["test"]}


def data_files(data: Prepared, needed: Mapping[str, int]) -> Iterator[tuple[str, bytes]]:
    """(name, content) of the files that grading needs of a prepared data set: some splits, and a manifest of these.

    ``needed`` is how many images of each split, from the first on.
    """
    entries = {}
    for split, count in needed.items():
        entry = data.manifest["splits"][split]
        path = data.folder / entry["file"]
        whole = count == entry["images"]
        content = path.read_bytes() if whole else npy(np.load(path, mmap_mode="r", allow_pickle=False)[:count])
        entries[split] = {"file": entry["file"], "images": count, "sha256": hashlib.sha256(content).hexdigest()}
        yield entry["file"], content
    yield "manifest.json", json.dumps({**data.manifest, "splits": entries}, indent=1).encode()


def npy(rows: np.ndarray) -> bytes:
    """An array as the content of a ``.npy`` file."""
    buffer = io.BytesIO()
    np.save(buffer, rows, allow_pickle=False)
    return buffer.getvalue()


def requirements() -> list[str]:
    """Those of the kit's own requirements that grading needs."""
    lines = [line for line in requires(PROJECT) if "extra ==" not in line]
    return sorted(line for line in lines if re.match(r"[A-Za-z0-9_-]+", line)[0] in REQUIREMENTS)
