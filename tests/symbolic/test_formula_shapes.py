"""The text of --shapes: what it says is what one gets, and mistakes are named with their column."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gradproof.errors import UsageError
from gradproof.symbolic.formulas.formula_shapes import FLAGS, ArraySpec, parse_shapes


def test_names_dimensions_and_flags_are_read_in_order() -> None:
    assert list(parse_shapes("X:m,n  W:n,3 s: Y:m,k:one_hot\nA:n,n:symmetric y:m:integer,positive v:4").values()) == [
        ArraySpec("X", ("m", "n")),
        ArraySpec("W", ("n", 3)),
        ArraySpec("s", ()),
        ArraySpec("Y", ("m", "k"), ("one_hot",)),
        ArraySpec("A", ("n", "n"), ("symmetric",)),
        ArraySpec("y", ("m",), ("integer", "positive")),
        ArraySpec("v", (4,)),
    ]


def test_the_kinds_of_random_inputs_say_what_they_mean_for_symbols() -> None:
    text = "X:m,784 y:m:int<k z:m:int<10 Y:m,10:onehot p:m:unit s:m:sign t:m:binary lam:- b:10:zeros"
    assert {name: (spec.shape, spec.flags) for name, spec in parse_shapes(text).items()} == {
        "X": (("m", 784), ()), "y": (("m",), ("integer",)), "z": (("m",), ("integer",)), "Y": (("m", 10), ("one_hot",)),
        "p": (("m",), ("positive",)), "s": (("m",), ()), "t": (("m",), ("binary",)), "lam": ((), ()), "b": ((10,), ()),
    }  # fmt: skip


def test_flags_are_the_keywords_of_array() -> None:
    assert parse_shapes("x:n:positive,integer")["x"].assumptions == {"positive": True, "integer": True}
    assert parse_shapes("s::positive")["s"] == ArraySpec("s", (), ("positive",))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"no shapes were given; write them such as"),
        ("X", r"column 1: 'X' is not NAME:DIMENSIONS"),
        ("X:m:positive:n", r"is not NAME:DIMENSIONS"),
        ("X:m,0", r"column 5: a dimension is a positive whole number or a name, not '0'"),
        ("s: X:m,-1", r"column 8: .* not '-1'"),
        ("X:m,", r"column 5: .* not ''"),
        ("X:1.5", r"not '1.5'"),
        ("X:m*n", r"not 'm\*n'"),
        ("X:²", r"not '²'"),
        ("X:99999999999999", r"not '99999999999999'"),
        ("X:m:posit", r"column 5: unknown flag 'posit'; the flags are positive, integer, symmetric, one_hot"),
        ("X:m:", r"unknown flag ''"),
        ("y:m:int<0", r"unknown flag 'int<0'; .* int<k"),
        ("y:m:int<", r"unknown flag 'int<'"),
        ("y:m:int<-1", r"unknown flag 'int<-1'"),
        ("y:m:int>3", r"unknown flag 'int>3'"),
        ("y:-,3", r"column 3: .* not '-'"),
        ("1X:m", r"column 1: '1X' is not a name"),
        ("lambda:m", r"'lambda' is not a name"),
        ("__import__:m", r"is not a name"),
        ("np:m", r"'np' is not a name"),
        ("X:m X:n", r"column 5: X is given twice"),
        ("m:3 X:m,2", r"m names an array and a dimension of X"),
        ("A:m,n:symmetric", r"A is symmetric only with two equal dimensions"),
        ("y::one_hot", r"y is one_hot only with a dimension"),
    ],
)
def test_mistakes_are_named(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_shapes(text)


_names = st.from_regex(r"[A-Za-z][A-Za-z0-9]{0,3}", fullmatch=True).map("a_{}".format)
_dimensions = st.lists(st.integers(1, 9) | st.sampled_from(["m", "n", "k"]), max_size=4).map(tuple)


@given(st.dictionaries(_names, st.tuples(_dimensions, st.sets(st.sampled_from(["positive", "integer"]))), min_size=1))
def test_what_is_printed_is_read_back(wanted: dict[str, tuple[tuple[int | str, ...], set[str]]]) -> None:
    specs = {name: ArraySpec(name, shape, tuple(sorted(flags))) for name, (shape, flags) in wanted.items()}
    assert parse_shapes(" ".join(map(str, specs.values()))) == specs


@settings(max_examples=300)
@given(st.text(max_size=40) | st.text(alphabet=f"XYmn019:, \n_{FLAGS[3]}", max_size=40))
def test_any_text_gives_shapes_or_a_usage_error(text: str) -> None:
    try:
        specs = parse_shapes(text)
    except UsageError as error:
        assert "\n" not in str(error)
    else:
        assert all(name == spec.name and name.isidentifier() for name, spec in specs.items())
