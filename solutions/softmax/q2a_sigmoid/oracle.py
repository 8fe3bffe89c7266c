"""The sigmoid by its definition, number by number; exp is only taken of what is not positive."""

import math

import numpy as np


def sigmoid(x):
    numbers = []
    for value in x.ravel().tolist():
        small = math.exp(-abs(value))
        numbers.append((1.0 if value >= 0 else small) / (1.0 + small))
    return np.array(numbers).reshape(x.shape)


ORACLE = {"sigmoid": sigmoid}
