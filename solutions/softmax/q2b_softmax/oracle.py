"""The softmax of each row by its definition; a number taken from all scores of a row changes no quotient."""

import math

import numpy as np


def softmax(x):
    rows = []
    for row in x.tolist():
        largest = max(row)
        powers = [math.exp(score - largest) for score in row]
        rows.append([power / math.fsum(powers) for power in powers])
    return np.array(rows)


ORACLE = {"softmax": softmax}
