"""Data: the bundled digits, CSV files, one-hot labels, splits with a fixed seed, and mini-batches.

>>> import numpy as np
>>> one_hot([2, 0], 3).tolist()
[[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]
>>> X = np.arange(10.0).reshape(5, 2)
>>> [part.shape for part in split(X, X, test=0.4, seed=0)]
[(3, 2), (3, 2), (2, 2), (2, 2)]
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from gradproof.errors import ShapeError, UsageError

from ..reference.common import FloatArray
from .scaling import MinMaxScaler


@dataclass(frozen=True, eq=False)
class Dataset:
    """Training and test rows: X (m, features), Y (m, outputs); ``classes`` names Y's columns where it is one-hot."""

    X_train: FloatArray
    Y_train: FloatArray
    X_test: FloatArray
    Y_test: FloatArray
    classes: tuple[str, ...]

    @property
    def train(self) -> tuple[FloatArray, FloatArray]:
        """(X_train, Y_train)."""
        return self.X_train, self.Y_train

    @property
    def test(self) -> tuple[FloatArray, FloatArray]:
        """(X_test, Y_test)."""
        return self.X_test, self.Y_test


@dataclass(frozen=True, eq=False)
class Table:
    """A CSV file's numbers: X (rows, features) and Y (rows, 1), or one-hot Y (rows, classes) of labels."""

    X: FloatArray
    Y: FloatArray
    features: tuple[str, ...]
    target: str
    classes: tuple[str, ...] = ()


def one_hot(labels: ArrayLike, classes: int) -> FloatArray:
    """Integer labels 0 … classes − 1, of shape (m,), as rows of zeros with a single one: shape (m, classes).

    Raises UsageError for a label outside that range or not an integer.
    """
    given = np.asarray(labels)
    if given.ndim != 1:
        raise ShapeError(f"the labels have shape {given.shape}; expected (m,)")
    numbers = given.astype(np.int64) if given.dtype.kind in "iubf" else None
    if numbers is None or not np.array_equal(numbers, given):
        raise UsageError(f"the labels have dtype {given.dtype}; expected integers from 0 to {classes - 1}")
    outside = numbers[(numbers < 0) | (numbers >= classes)]
    if len(outside):
        raise UsageError(f"there is a label {outside[0]}; with {classes} classes they go from 0 to {classes - 1}")
    rows: FloatArray = np.zeros((len(numbers), classes))
    rows[np.arange(len(numbers)), numbers] = 1.0
    return rows


def split(
    X: FloatArray, Y: FloatArray, test: float = 0.2, seed: int = 0
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """X_train, Y_train, X_test, Y_test: the rows shuffled by ``seed``, the share ``test`` of them set aside.

    At least one row stands on each side; UsageError where that cannot be.
    """
    if len(X) != len(Y):
        raise ShapeError(f"X has {len(X)} rows but Y has {len(Y)}")
    held = round(len(X) * test)
    if not (0 < test < 1 and 0 < held < len(X)):
        raise UsageError(f"a test share of {test} of {len(X)} rows leaves one side empty; choose one in (0, 1)")
    order = np.random.default_rng(seed).permutation(len(X))
    return X[order[held:]], Y[order[held:]], X[order[:held]], Y[order[:held]]


def minibatches(
    X: FloatArray, Y: FloatArray, batch_size: int | None = None, rng: np.random.Generator | None = None
) -> Iterator[tuple[FloatArray, FloatArray]]:
    """The rows in batches of ``batch_size`` (None: all at once), in an order drawn from ``rng`` (None: as they stand).

    Every row comes once; the last batch is smaller where the size does not divide the number of rows.

    >>> X = np.arange(5.0).reshape(5, 1)
    >>> [len(x) for x, _ in minibatches(X, X, 2, np.random.default_rng(0))]
    [2, 2, 1]
    """
    if len(X) != len(Y):
        raise ShapeError(f"X has {len(X)} rows but Y has {len(Y)}")
    if batch_size is not None and batch_size < 1:
        raise UsageError(f"the batch size is {batch_size}; it must be at least 1, or None for the full batch")
    if batch_size is None or batch_size >= len(X):
        yield X, Y
        return
    order = np.arange(len(X)) if rng is None else rng.permutation(len(X))
    for start in range(0, len(X), batch_size):
        rows = order[start : start + batch_size]
        yield X[rows], Y[rows]


def digits(test: float = 0.2, seed: int = 0) -> Dataset:
    """The 1,797 handwritten digits bundled with scikit-learn: 8×8 pixels in [0, 1], ten classes one-hot.

    The pixels share one range, fitted on the training rows (some pixels are blank in every image, so they have none of
    their own). Needs scikit-learn, which the extra ``tour`` installs.
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise UsageError(
            "the digits need scikit-learn: install it by python -m pip install 'gradproof[tour]'"
        ) from error
    bunch: Any = load_digits()
    pixels = np.asarray(bunch.data, dtype=np.float64)
    X_train, Y_train, X_test, Y_test = split(pixels, one_hot(bunch.target, 10), test, seed)
    scaler = MinMaxScaler.fit(X_train, per_column=False)
    parts = scaler.transform(X_train), Y_train, scaler.transform(X_test), Y_test
    for part in parts:
        part.setflags(write=False)
    return Dataset(*parts, classes=tuple(str(name) for name in bunch.target_names))


def read_csv(path: str | Path, target: str, labels: bool = False) -> Table:
    """A CSV file with a header line: the column ``target`` is Y, every other one a feature; all cells are numbers.

    With ``labels`` the target's cells are taken as class names, of any text, and Y is one-hot over the sorted names.
    Raises a one-line UsageError for a file that is missing, unreadable or empty, a target that is not a column, a
    row of the wrong length, or a cell that is not a finite number, with its line and column.
    """
    lines = _read_lines(Path(path))
    if not lines:
        raise UsageError(f"{path} is empty; expected a header line and rows of numbers")
    (_, header), rows = lines[0], lines[1:]
    names = [name.strip() for name in header]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UsageError(f"{path} has more than one column called {twice[0]!r}; give each its own name")
    if target not in names:
        raise UsageError(f"{path} has no column {target!r}; its columns are {', '.join(names)}")
    if len(names) < 2:
        raise UsageError(f"{path} has only the target column {target!r}; it needs at least one feature")
    if not rows:
        raise UsageError(f"{path} has a header line but no rows; expected at least one")
    place = names.index(target)
    for line, cells in rows:
        if len(cells) != len(names):
            raise UsageError(f"{path} line {line} has {len(cells)} cells; the header has {len(names)}")
    features = [name for name in names if name != target]
    X = _numbers(path, rows, names, [j for j in range(len(names)) if j != place])
    if not labels:
        return Table(X, _numbers(path, rows, names, [place]), tuple(features), target)
    texts = [cells[place].strip() for _, cells in rows]
    classes = tuple(sorted(set(texts)))
    Y = one_hot([classes.index(text) for text in texts], len(classes))
    return Table(X, Y, tuple(features), target, classes)


def _read_lines(path: Path) -> list[tuple[int, list[str]]]:
    """Every line that is not blank, as its number and its cells."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file)
            return [(reader.line_num, cells) for cells in reader if any(cell.strip() for cell in cells)]
    except FileNotFoundError as error:
        raise UsageError(f"there is no file {path}; give the path of a CSV file") from error
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{path} cannot be read as CSV text in UTF-8: {error}") from error


def _numbers(
    path: str | Path, rows: Sequence[tuple[int, list[str]]], names: Sequence[str], columns: Sequence[int]
) -> FloatArray:
    numbers: FloatArray = np.empty((len(rows), len(columns)))
    for i, (line, cells) in enumerate(rows):
        for k, j in enumerate(columns):
            try:
                number = float(cells[j])
            except ValueError:
                number = math.nan
            if not math.isfinite(number):
                raise UsageError(
                    f"{path} line {line}, column {names[j]!r}: {cells[j].strip()!r} is not a finite number"
                )
            numbers[i, k] = number
    return numbers
