"""Data come whole, split alike for the same seed, and a bad file is described in one line."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradproof.errors import ShapeError, UsageError
from gradproof.numeric.training.data import digits, minibatches, one_hot, read_csv, split

GOOD = "width,price,height\n1,10,0.5\n2,20,1e3\n\n3,30,-4\n"


def written(folder: Path, text: str | bytes) -> Path:
    path = folder / "data.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_the_digits_are_scaled_one_hot_and_split() -> None:
    data = digits()
    assert data.X_train.shape == (1438, 64) and data.X_test.shape == (359, 64)
    assert data.Y_train.shape == (1438, 10) and data.Y_test.shape == (359, 10)
    assert data.X_train.min() == 0 and data.X_train.max() == 1
    assert data.classes == tuple("0123456789")
    assert (data.Y_train.sum(axis=1) == 1).all() and (data.Y_test.sum(axis=0) > 0).all()
    assert data.train[0] is data.X_train and data.test[1] is data.Y_test
    with pytest.raises(ValueError, match="read-only"):
        data.X_train[0, 0] = 9


def test_the_split_of_the_digits_depends_on_the_seed_alone() -> None:
    first, again, other = digits(seed=1), digits(seed=1), digits(seed=2)
    assert (first.X_test == again.X_test).all() and (first.Y_train == again.Y_train).all()
    assert (first.X_test != other.X_test).any()


def test_without_scikit_learn_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(UsageError, match=r"python -m pip install 'gradproof\[tour\]'"):
        digits()


@given(m=st.integers(2, 40), test=st.floats(0.05, 0.95), seed=st.integers(0, 2**32 - 1))
def test_a_split_keeps_every_row_once_and_pairs_together(m: int, test: float, seed: int) -> None:
    X = np.arange(float(m)).reshape(m, 1)
    if not 0 < round(m * test) < m:
        with pytest.raises(UsageError, match="leaves one side empty"):
            split(X, -X, test, seed)
        return
    X_train, Y_train, X_test, Y_test = split(X, -X, test, seed)
    assert sorted([*X_train[:, 0], *X_test[:, 0]]) == X[:, 0].tolist()
    assert (Y_train == -X_train).all() and (Y_test == -X_test).all()
    assert len(X_test) == round(m * test)


@pytest.mark.parametrize("test", [0.0, 1.0, -0.5, 2.0])
def test_a_share_outside_zero_to_one_is_refused(test: float) -> None:
    with pytest.raises(UsageError, match="share"):
        split(np.ones((4, 1)), np.ones((4, 1)), test)
    with pytest.raises(ShapeError, match="X has 4 rows but Y has 3"):
        split(np.ones((4, 1)), np.ones((3, 1)))


@given(m=st.integers(1, 20), size=st.integers(1, 25), seed=st.integers(0, 100))
def test_batches_hold_every_row_once_and_the_last_may_be_smaller(m: int, size: int, seed: int) -> None:
    X = np.arange(float(m)).reshape(m, 1)
    batches = list(minibatches(X, -X, size, np.random.default_rng(seed)))
    assert sorted(x for batch, _ in batches for x in batch[:, 0]) == X[:, 0].tolist()
    assert all((y == -x).all() for x, y in batches)
    assert [len(x) for x, _ in batches[:-1]] == [size] * (len(batches) - 1) and 1 <= len(batches[-1][0]) <= size


def test_full_batch_and_no_generator_keep_the_order() -> None:
    X = np.arange(6.0).reshape(6, 1)
    assert [x[:, 0].tolist() for x, _ in minibatches(X, X)] == [[0, 1, 2, 3, 4, 5]]
    assert [x[:, 0].tolist() for x, _ in minibatches(X, X, 4)] == [[0, 1, 2, 3], [4, 5]]
    with pytest.raises(UsageError, match="batch size is 0"):
        next(minibatches(X, X, 0))
    with pytest.raises(ShapeError, match="X has 6 rows but Y has 5"):
        next(minibatches(X, X[:5]))


def test_labels_that_are_not_classes_are_refused() -> None:
    assert one_hot(np.array([1.0, 0.0]), 2).tolist() == [[0, 1], [1, 0]]
    with pytest.raises(UsageError, match="there is a label 3; with 3 classes they go from 0 to 2"):
        one_hot([0, 3], 3)
    with pytest.raises(UsageError, match="there is a label -1"):
        one_hot([-1], 3)
    for bad in ([0.5], ["cat"]):
        with pytest.raises(UsageError, match="expected integers from 0 to 2"):
            one_hot(bad, 3)
    with pytest.raises(ShapeError, match=r"shape \(1, 1\)"):
        one_hot([[0]], 3)


def test_a_csv_file_becomes_features_and_a_target_column(tmp_path: Path) -> None:
    table = read_csv(written(tmp_path, GOOD), "price")
    assert table.features == ("width", "height") and table.target == "price"
    assert table.X.tolist() == [[1, 0.5], [2, 1000], [3, -4]] and table.Y.tolist() == [[10], [20], [30]]


def test_labels_of_any_text_become_one_hot_over_the_sorted_names(tmp_path: Path) -> None:
    table = read_csv(written(tmp_path, "\ufeffx,kind\r\n1,oak\r\n2,ash\r\n3,oak\r\n"), "kind", labels=True)
    assert table.classes == ("ash", "oak") and table.features == ("x",)
    assert table.Y.tolist() == [[0, 1], [1, 0], [0, 1]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("\n\n", "is empty"),
        ("width,price\n", "header line but no rows"),
        ("width,cost\n1,2\n", r"no column 'price'; its columns are width, cost"),
        ("price\n1\n", "only the target column"),
        ("price,price\n1,2\n", "more than one column called 'price'"),
        ("width,price\n1,2\n3\n", r"line 3 has 1 cells; the header has 2"),
        ("width,price\n1,2\n\nabc,4\n", r"line 4, column 'width': 'abc' is not a finite number"),
        ("width,price\n1,\n", r"line 2, column 'price': '' is not a finite number"),
        ("width,price\nnan,1\n", r"line 2, column 'width': 'nan' is not a finite number"),
        (b"width,price\n\xff\xfe,1\n", "cannot be read as CSV text in UTF-8"),
    ],
)
def test_a_bad_csv_file_is_described_in_one_line(tmp_path: Path, text: str | bytes, message: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(UsageError, match=message) as caught:
        read_csv(path, "price")
    assert "\n" not in str(caught.value) and str(path) in str(caught.value)


def test_a_missing_file_and_a_folder_are_described(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"there is no file .*nowhere\.csv"):
        read_csv(tmp_path / "nowhere.csv", "price")
    with pytest.raises(UsageError, match="cannot be read"):
        read_csv(tmp_path, "price")
