"""Fetch, verify and convert the data sets of the assignments; imports nothing of ``autograder``.

    python -m data_scripts cifar10                       # downloads the official archive
    python -m data_scripts cifar10 --source PATH         # an unpacked archive, or a folder or zip of images
    python -m data_scripts mnist --source PATH           # the IDX files; likewise fashion_mnist, and svhn (MAT files)
    python -m data_scripts generated --out DIR --train 2000 --test 500 --like mnist

Each leaves ``<out>/<name>/train.npy``, ``test.npy`` and ``manifest.json``. A ``.npy`` file is one uint8 array of shape
(n, 1 + C*H*W): column 0 the label, the others the image in CHW order, so numpy alone reads it, by memory map:
``np.load(path, mmap_mode="r", allow_pickle=False)``.
"""

from data_scripts.catalogue import DATASETS
from data_scripts.errors import DataError
from data_scripts.preparation import prepare, prepare_generated
from data_scripts.prepared import Prepared
from data_scripts.prepared import find as locate

__all__ = ["DATASETS", "DataError", "Prepared", "locate", "prepare", "prepare_generated"]
