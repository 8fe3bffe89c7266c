"""Fetch, verify and convert the data sets of the assignments; imports nothing of ``autograder``.

    python -m data_scripts                               # lists the data sets and which are prepared
    python -m data_scripts cifar10 mnist svhn            # downloads the official archives at the same time, and converts them
    python -m data_scripts cifar10 --mirror URL          # downloads from another address; MD5s are checked as always
    python -m data_scripts cifar10 --offline             # uses only what was downloaded before
    python -m data_scripts cifar10 --source PATH         # an official archive, packed or not, or a folder or zip of images
    python -m data_scripts mnist --source PATH           # the IDX files; likewise fashion_mnist
    python -m data_scripts svhn --source PATH            # the MAT files
    python -m data_scripts stl10 --source PATH           # the official archive, packed or not
    python -m data_scripts generated --out DIR --train 2000 --test 500 --like mnist

Each writes ``<out>/<name>/train.npy``, ``test.npy`` and ``manifest.json``; STL-10 also ``unlabeled.npy``. A ``.npy`` file is
one uint8 array of shape (n, 1 + C*H*W): column 0 the label (255 where there is none: STL-10's unlabelled images), the
others the image in CHW order, so NumPy alone reads it as a memory map: ``np.load(path, mmap_mode="r",
allow_pickle=False)``. ``train-1percent.npy`` and ``train-10percent.npy`` are int64 row numbers of ``train.npy``, equally
many of each class (``subsets``).
"""

from data_scripts.catalogue import DATASETS
from data_scripts.errors import DataError
from data_scripts.preparation import prepare, prepare_all, prepare_generated
from data_scripts.prepared import Prepared
from data_scripts.prepared import find as locate

__all__ = ["DATASETS", "DataError", "Prepared", "locate", "prepare", "prepare_all", "prepare_generated"]
