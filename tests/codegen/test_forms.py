"""Every form of the engine's table, compiled, gives what NumPy gives, in the inputs' precision."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from beside import module

from gradproof.codegen.compile import compile
from gradproof.symbolic.arrays.array import as_array

TABLE = module(__file__, "../symbolic/test_array_ops.py")


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", TABLE.EVERY)
def test_a_compiled_form_gives_what_numpy_gives(name: str, dtype: Any) -> None:
    case = TABLE.EVERY[name]
    numbers = TABLE.values(3)
    with np.errstate(all="ignore"):
        expected = case(numbers)
    result = case(TABLE.symbols())
    pairs = zip(result, expected, strict=True) if isinstance(result, (list, tuple)) else [(result, expected)]
    for symbolic, value in pairs:
        array = as_array(symbolic)
        function = compile(array)
        given = {
            p: (numbers[p].astype(dtype) if numbers[p].dtype.kind == "f" else numbers[p])
            if p in numbers
            else TABLE.SIZES[p]
            for p in function.parameters
        }
        computed = function(**given)
        assert np.shape(computed) == np.shape(value), function.source
        tolerance = 1e-10 if dtype is np.float64 else 2e-4
        np.testing.assert_allclose(
            np.asarray(computed, float), np.asarray(value, float), rtol=tolerance, atol=tolerance
        )
        if computed.dtype.kind == "f" and any(getattr(v, "dtype", None) == np.float32 for v in given.values()):
            assert computed.dtype == np.float32, function.source
