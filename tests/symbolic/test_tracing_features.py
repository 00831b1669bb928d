"""What hand-written gradients use of NumPy, feature by feature: traced for all shapes, and held against NumPy itself.

Each row is a little function of arrays. It is traced at one set of sizes; the equations are then evaluated there and,
where no size had to be fixed, at other sizes, and must give what plain NumPy gives. ``fixed`` rows are those in which a
size must become a number (a loop over it, a reshape that cuts it).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from beside import module

from gradproof.symbolic.arrays.array import as_array
from gradproof.symbolic.tracing.general import Symbolic, Traced, trace_general
from gradproof.symbolic.tracing.scopes import reach

Numbers = Mapping[str, Any]
ROWS = module(__file__, "tracing_rows.py")
FEATURES, FIXED = ROWS.FEATURES, ROWS.FIXED
SIZES = ({"m": 4, "n": 3, "k": 5}, {"m": 2, "n": 6, "k": 3})


def given(sizes: Mapping[str, int], seed: int = 0) -> dict[str, Any]:
    """The inputs that rows may take: x, z (m, n); w (n, k); b (n,); c (k,); v (m,); p > 0; y labels; Q (m, m)..."""
    m, n, k = sizes["m"], sizes["n"], sizes["k"]
    rng = np.random.default_rng(seed)
    normal = rng.standard_normal
    return {
        "x": normal((m, n)), "z": normal((m, n)), "w": normal((n, k)), "b": normal(n), "c": normal(k), "v": normal(m),
        "p": rng.uniform(0.5, 2, (m, n)), "y": rng.integers(0, n, m), "Q": normal((m, m)), "s": 0.7,
        "mask": rng.random((m, n)) > 0.5, "T": normal((2, m, n)), "row": normal((1, n)), "col": normal((m, 1)),
        "E": normal((k, n)), "ids": rng.integers(0, k, m), "e": normal((6, 4)), "img": normal((2, 4, 4)),
    }  # fmt: skip


def traced(function: Callable[..., Any], values: Numbers) -> Traced:
    words = {"i": {"integer"}, "b": {"boolean"}}
    inputs = {
        name: Symbolic(name, np.shape(value), frozenset(words.get(np.asarray(value).dtype.kind, set())))
        for name, value in values.items()
    }
    return trace_general([("f", lambda arrays: {0: function(**arrays)})], inputs, reach(function))


def used(function: Callable[..., Any], values: Numbers) -> dict[str, Any]:
    names = function.__code__.co_varnames[: function.__code__.co_argcount]
    return {name: values[name] for name in names}


def evaluated(found: Traced, values: Numbers, sizes: Mapping[str, int]) -> Any:
    system = found.results["f"][0].system()
    at: dict[str, Any] = {}
    for d in system.inputs:
        if d.value is None:  # an axis that is cut into equal parts has one axis for each factor
            shape = [n.xreplace({symbol: sizes[str(symbol)] for symbol in n.free_symbols}) for n in d.shape]
            at[d.name] = np.reshape(values[d.name], [int(n) for n in shape])
    missing = {str(n) for n in system.dimensions} - {
        str(s) for d in system.inputs for n in d.shape for s in n.free_symbols
    }
    return found.results["f"][0].evaluate(at | {name: sizes[name] for name in missing})


@pytest.mark.parametrize("name", FEATURES)
def test_a_feature_is_traced_for_all_shapes(name: str) -> None:
    function = FEATURES[name]
    found = traced(function, used(function, given(SIZES[0])))
    numbers = [d.what for d in found.decisions if d.kind == "number" and not d.what.endswith((" = 1", " = 6", " = 4"))]
    assert not numbers
    for number, sizes in enumerate(SIZES):
        values = used(function, given(sizes, seed=number))
        shapes = [n for a in found.inputs.values() for n in a.definition.shape]
        if number and not all(n.is_Symbol or n in (1, 2, 4, 6) for n in shapes):
            continue
        expected = np.asarray(function(**values), dtype=float)
        result = found.results["f"][0]
        assert len(result.shape) == expected.ndim
        np.testing.assert_allclose(evaluated(found, values, letters(found, values)), expected, rtol=1e-10, atol=1e-12)


def letters(found: Traced, values: Numbers) -> dict[str, int]:
    """The size of each dimension symbol, read off the arrays."""
    return {str(n): size for n, size in found.sizes.items()} | {
        str(n): size
        for name, array in found.inputs.items()
        for n, size in zip(array.definition.shape, np.shape(values[name]), strict=True)
        if n.is_Symbol
    }


@pytest.mark.parametrize("name", FIXED)
def test_a_feature_that_needs_numbers_is_traced_with_them(name: str) -> None:
    function = FIXED[name]
    values = used(function, given(SIZES[0]))
    found = traced(function, values)
    assert any(d.kind in ("number", "least") and d.line for d in found.decisions)
    expected = np.asarray(function(**values), dtype=float)
    np.testing.assert_allclose(evaluated(found, values, letters(found, values)), expected, rtol=1e-10, atol=1e-12)


def test_every_row_is_an_array() -> None:
    assert len(FEATURES) + len(FIXED) > 80
    assert as_array(1.0).shape == ()
