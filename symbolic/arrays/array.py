"""Symbolic arrays: NumPy's face on index equations.

An :class:`Array` is a handle on one definition. Operators, NumPy functions and methods build new definitions; shapes
are checked at once, by NumPy's broadcasting rule on symbolic dimensions. Numbers are read as exact decimals.

>>> import numpy as np
>>> from gradproof.symbolic.equations.dims import dims
>>> n, m = dims("n m")
>>> X, w = array("X", (m, n)), array("w", (n,))
>>> np.tanh(X @ w).shape
(m,)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import sympy as sp

from gradproof.errors import GradproofError, ShapeError, UnsupportedError, UsageError

from ..equations.definition import PLAIN_NAMES, Definition, System, define, input_definition, owner
from ..equations.dims import as_dim, broadcast_shapes, free_index, same_dim, show_shape
from ..equations.infinities import keeps_infinities
from ..equations.nodes import REDUCTIONS, expressions
from ..equations.numbers import exact
from ..equations.questions import respondent
from ..equations.seen_through import is_seen_through, see_through

if TYPE_CHECKING:
    from .grouping import Grouped

ASSUMPTIONS = (
    "positive", "nonnegative", "nonzero", "integer", "symmetric", "positive_definite", "diagonal", "lower", "upper",
    "one_hot", "binary", "boolean", "simplex",
)  # fmt: skip
"""What may be assumed of an input; ``one_hot`` and ``simplex`` speak of the last axis, ``lower`` and ``upper``
are triangular matrices.

``binary`` are numbers 0 and 1 (a dropout mask, 0/1 targets); ``boolean`` is a mask in NumPy's sense."""


_SQUARE = {"symmetric": "symmetric", "positive_definite": "positive definite", "diagonal": "diagonal",
           "lower": "triangular", "upper": "triangular"}  # fmt: skip
"""Assumptions on square matrices, and how a sentence calls them."""


def array(name: str, shape: Any = (), **assumptions: bool | str) -> Array:
    """A symbolic input array; its dimensions are symbols from ``gp.dims``, names, or positive integers.

    Assumptions: ``positive``, ``integer``, ``one_hot`` (rows along the last axis), a few more, and of square matrices
    ``symmetric``, ``positive_definite``, ``diagonal`` and ``triangular="lower"`` or ``"upper"``.

    What is assumed of a matrix simplifies and proves; a gradient has all entries nevertheless. It is that of the
    formula as it stands, with the entries taken as independent, so that df = Σ G[i, j] dA[i, j] for every dA, and for
    those that keep the structure in particular. The gradient by the entries that are free is G + Gᵀ − diag(G) for
    a symmetric matrix, ``np.tril(G)`` or ``np.triu(G)`` for a triangular one, the diagonal of G for a diagonal one.
    """
    if not name.isidentifier():
        raise UsageError(f"{name!r} is not a name for an array; use letters, digits and underscores")
    sizes = tuple(shape) if isinstance(shape, (tuple, list)) else (shape,)
    dims = tuple(as_dim(size, f"array {name!r}") for size in sizes)
    triangular = assumptions.pop("triangular", None)
    unknown = sorted(set(assumptions) - set(ASSUMPTIONS))
    if unknown:
        raise UsageError(f"array {name!r}: no assumption is called {unknown[0]!r}; there are {', '.join(ASSUMPTIONS)}")
    words = frozenset(word for word, wanted in assumptions.items() if wanted)
    if triangular is not None:
        if triangular not in ("lower", "upper"):
            raise UsageError(f"array {name!r}: triangular is 'lower' or 'upper', not {triangular!r}")
        words |= {str(triangular)}
    if words & {"symmetric", "positive_definite", "diagonal"} and words & {"lower", "upper"}:
        raise UsageError(f"array {name!r}: a triangular matrix that is symmetric is diagonal; say diagonal=True")
    if "positive" in words and words & {"diagonal", "lower", "upper"}:
        raise UsageError(f"array {name!r} has entries that are 0, so it cannot be positive; say positive_definite=True")
    for word in sorted(words & _SQUARE.keys()):
        if not (len(dims) == 2 and same_dim(dims[0], dims[1])):
            what = _SQUARE[word]
            raise ShapeError(f"array {name!r} is to be {what} but has shape {show_shape(dims)}; it must be square")
    words |= {"symmetric"} if words & {"positive_definite", "diagonal"} else set()
    if "one_hot" in words and not dims:
        raise ShapeError(f"array {name!r} is to be one-hot but is a scalar; it needs an axis of classes")
    return Array(input_definition(name, dims, words))


def as_array(value: Any) -> Array:
    """An :class:`Array` from an array, a SymPy scalar, a number or a NumPy array of numbers."""
    if isinstance(value, Array):
        return value
    if isinstance(value, (bool, int, float, np.generic, sp.Expr)):
        return Array(define("c", (), exact(value)))
    if (isinstance(value, np.ndarray) and value.dtype == object) or isinstance(value, (list, tuple)):
        from .joining import from_nested

        return from_nested(value)
    if isinstance(value, np.ndarray):
        if value.ndim == 0:
            return Array(define("c", (), exact(value.item())))
        words = frozenset({"integer"} if np.issubdtype(value.dtype, np.integer) else ())
        if value.dtype == bool:
            words = frozenset({"boolean"})
        return Array(input_definition("const", tuple(map(sp.Integer, value.shape)), words, value=value.copy()))
    from .masking import MaskPlaces, Selection

    if isinstance(value, (MaskPlaces, Selection)):
        raise UnsupportedError("what a mask picks has a size that depends on the data; it can only be stored, summed, "
                               "averaged or used as an index; np.where keeps the shape")  # fmt: skip
    raise UsageError(f"cannot use a {type(value).__name__} as a symbolic array; use gp.array, NumPy arrays or numbers")


@dataclass(slots=True)
class View:
    """What NumPy calls a view: ``read`` finds its elements in ``base``, ``write`` gives the base after a store.

    ``write`` is None where NumPy's view is read-only, ``read`` too where it depends on strides whether NumPy makes a
    view or a copy: then a store that would tell the two apart is refused.
    """

    base: Array
    read: Callable[[Array], Array] | None
    write: Callable[[Array, Array], Array] | None
    seen: Definition
    key: Any = None
    """The index that gave the view: ``x[key] += v`` changes the view and then stores it where it already stands."""


class Array(np.lib.mixins.NDArrayOperatorsMixin):
    """A symbolic array: a shape of dimensions and the index equation that defines its elements.

    A store (``x[i] = v``, ``x += y``, ``out=``) rebinds the handle to a new equation, and the handles that share memory
    with it in NumPy (other names, slices, transposes, reshapes) see it. ``mutable`` is False for scalars, which NumPy
    replaces instead; ``contiguous`` says that the elements lie in memory in index order, so that a reshape is a view.
    """

    __slots__ = ("_definition", "_grouped", "_view", "contiguous", "mutable")
    __array_priority__ = 1000
    _op_priority = 1000.0  # SymPy then leaves "dimension * array" to the array
    contiguous: bool
    mutable: bool

    def __init__(self, definition: Definition, *, mutable: bool | None = None, contiguous: bool = True) -> None:
        self._definition = definition
        self._view: View | None = None
        self._grouped: Grouped | None = None
        self.mutable = bool(definition.shape) if mutable is None else mutable
        self.contiguous = contiguous

    @property
    def definition(self) -> Definition:
        """The index equation of the present value."""
        view = self._view
        if view is not None and view.base.definition is not view.seen:
            if view.read is None:
                raise UnsupportedError(
                    f"{view.base.name} was changed in place after it was reshaped, and whether the reshaped array "
                    "sees it depends on strides; copy before the change"
                )
            fresh = view.read(view.base)
            self._definition, self._grouped = fresh._definition, fresh._grouped
            view.seen = view.base.definition
        return self._definition

    @definition.setter
    def definition(self, changed: Definition) -> None:
        self.assign(Array(changed))

    def assign(self, changed: Array) -> None:
        """Take another value, as a store does; whatever this is a view of takes it too."""
        view = self._view
        if view is not None:
            if view.write is None:
                raise UnsupportedError(
                    f"a store into a part of {view.base.name} that NumPy makes read-only, or a view or a copy "
                    "depending on strides; copy it first"
                )
            view.base.assign(view.write(Array(view.base.definition), changed))
            view.seen = view.base.definition
        self._definition, self._grouped = changed.definition, changed._grouped

    def view_of(
        self, base: Array, read: Callable[[Array], Array] | None, write: Callable[[Array, Array], Array] | None,
        key: Any = None,
    ) -> Array:  # fmt: skip
        """This array, from now on a view of ``base``."""
        self._view = View(base, read, write, base.definition, key)
        return self

    # -- shape --------------------------------------------------------------------------------------------------------
    @property
    def shape(self) -> tuple[Any, ...]:
        """The dimensions, as SymPy expressions (a plain ``int`` where the size is a number)."""
        return tuple(int(n) if n.is_Integer else n for n in self.definition.shape)

    @property
    def ndim(self) -> int:
        return self.definition.rank

    @property
    def size(self) -> Any:
        size = sp.Mul(*self.definition.shape)
        return int(size) if size.is_Integer else size

    @property
    def name(self) -> str:
        return self.definition.name

    @property
    def dtype(self) -> Any:
        words = self.definition.assumptions
        return np.dtype(bool if "boolean" in words else np.int64 if "integer" in words else np.float64)

    @property
    def T(self) -> Array:
        return self.transpose()  # type: ignore[no-any-return]

    def __len__(self) -> int:
        if not self.definition.shape:
            raise TypeError("len() of a symbolic scalar")
        size = self.definition.shape[0]
        who = respondent()
        if not size.is_Integer and who is not None:
            return who.number(size)
        if not size.is_Integer:
            raise UnsupportedError(
                f"len({self.name}) is the symbol {size}; use {self.name}.shape[0], which may be symbolic"
            )
        return int(size)

    def __iter__(self) -> Iterator[Array]:
        return (self[k] for k in range(len(self)))

    def __bool__(self) -> bool:
        value = self.definition.rhs
        if value is not None and not self.definition.shape and value.is_number:
            return bool(value)
        who = respondent()
        if who is not None:
            return who.truth(self)
        raise UnsupportedError(
            f"the truth of {self.name} depends on its value, which is symbolic; use np.where for a branch on data"
        )

    def _number(self, what: str) -> Any:
        value = self.definition.rhs
        if value is not None and not self.definition.shape and value.is_number:
            return value
        raise UnsupportedError(f"{what}({self.name}) needs its value, which is symbolic; leave it an array")

    def __float__(self) -> float:
        return float(self._number("float"))

    def __int__(self) -> int:
        return int(self._number("int"))

    def __index__(self) -> int:
        value = self._number("index")
        if not value.is_Integer:
            raise TypeError(f"{self.name} is {value}, which is no index")
        return int(value)

    def __format__(self, spec: str) -> str:
        """Numbers by ``spec``; a symbolic value prints as its name, so that messages in traced code do not stop it."""
        value = self.definition.rhs
        if value is not None and not self.definition.shape and value.is_number:
            return format(float(value), spec)
        return repr(self)

    __hash__ = object.__hash__

    def named(self, name: str) -> Array:
        """The same array as an intermediate of this name, which LaTeX, proofs and code then show."""
        if not name.isidentifier():
            raise UsageError(f"{name!r} is not a name for an array; use letters, digits and underscores")
        old = self.definition
        if old.is_input:
            return self
        made = define(name, old.shape, old.rhs, assumptions=old.assumptions)
        if is_seen_through(old):
            see_through(made)
        return Array(made)

    # -- elements -----------------------------------------------------------------------------------------------------
    def element(self, *index: Any) -> Any:
        """The SymPy expression of one element: trivial definitions (constants) are put in."""
        definition = self.definition
        rhs = definition.rhs
        if rhs is not None and not definition.uses and not definition.group and not rhs.has(*REDUCTIONS):
            return definition.expanded_at(*index)
        if isinstance(rhs, sp.Indexed) and definition.name in PLAIN_NAMES:
            # a transpose, a slice or a gather is another index of the same array, not an intermediate
            return definition.expanded_at(*index)
        return _part(definition, index)

    # -- NumPy protocols ----------------------------------------------------------------------------------------------
    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        from .numpy_ufuncs import call_ufunc

        return call_ufunc(ufunc, method, inputs, kwargs)

    def __array_function__(self, func: Callable[..., Any], types: Any, args: Any, kwargs: Any) -> Any:
        from .numpy_functions import call_function

        return call_function(func, args, kwargs)

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        raise UnsupportedError(
            f"a NumPy function without support for symbolic arrays was applied to {self.name}; "
            "it would need numbers. Evaluate first, or write it with supported functions"
        )

    def __getitem__(self, key: Any) -> Any:
        from .indexing import getitem

        return getitem(self, key)

    def __setitem__(self, key: Any, value: Any) -> None:
        from .storing import setitem

        view = value._view if isinstance(value, Array) else None
        if view is not None and view.base is self and view.key is key and view.read is not None:
            return
        self.assign(setitem(self, key, value))

    def __pow__(self, exponent: Any) -> Any:
        return np.power(self, exponent)

    def __round__(self, digits: Any = None) -> Any:
        from .selecting import round_, truncated

        return truncated(round_(self)) if digits is None else round_(self, digits)

    # -- methods, by the functions of the same name --------------------------------------------------------------------
    def __getattr__(self, name: str) -> Any:
        from .methods import ATTRIBUTES, METHODS
        from .numpy_functions import with_out

        if name in METHODS:
            function = METHODS[name]
            return lambda *args, **kwargs: with_out(function, (self, *args), kwargs)
        if name in ATTRIBUTES:
            return ATTRIBUTES[name](self)
        raise AttributeError(f"symbolic arrays have no attribute {name!r}; methods are {', '.join(sorted(METHODS))}")

    # -- results -------------------------------------------------------------------------------------------------------
    def system(self) -> System:
        """The index equations that compute this array."""
        return System.of(self.definition)

    def sympy(self) -> Any:
        """The element at the canonical indices as one SymPy expression: intermediates put in, inputs as they are."""
        from ..equations.views import to_sympy

        return to_sympy(self.definition)

    def latex(self, form: str = "matrix") -> str:
        """LaTeX of the value: ``form`` is "matrix" or "index"."""
        from ..derivations.latex import array_latex

        return array_latex(self, form)

    def numpy(self) -> str:
        """NumPy source of a function that computes this array."""
        from gradproof.codegen.compile import source_of

        return source_of(self)

    def evaluate(self, values: Mapping[str, Any]) -> Any:
        """The value at the given arrays; the sizes of the dimensions are read off them."""
        from gradproof.codegen.compile import evaluate

        if not isinstance(values, Mapping):
            raise UsageError(f"evaluate takes the arrays by name, as in {{'X': X0}}, not a {type(values).__name__}")
        return evaluate(self, values)

    def _repr_latex_(self) -> str | None:
        """The formula, for notebooks; None for a value that has none: they show the text then."""
        try:
            return rf"$\displaystyle {self.latex()}$"
        except GradproofError:
            return None

    def __repr__(self) -> str:
        words = "".join(f", {w}" for w in sorted(self.definition.assumptions))
        return f"<symbolic array {self.name}{show_shape(self.definition.shape)}{words}>"


def _part(definition: Definition, index: Sequence[Any]) -> Any:
    """The element at ``index``, looked up through stores and joins that numbers in the index decide."""
    while isinstance(definition.rhs, sp.Piecewise) and definition.name in PLAIN_NAMES:
        if not any(i.is_Integer for i in expressions(index)):
            break
        part = definition.expanded_at(*index)
        target = owner(part)
        see_through(definition)
        if part.is_number or (target is not None and not target.shape):
            return part
        if target is None:
            break
        definition, index = target, part.indices
    return definition.at(*index)


def elementwise(
    name: str, build: Callable[..., Any], *operands: Any, assumptions: frozenset[str] = frozenset()
) -> Array:
    """The array ``build(x[I], y[I], ...)`` of broadcast operands."""
    from .grouping import joined, together

    arrays = [as_array(x) for x in operands]
    apart = together(arrays)
    if apart is not None:
        cut, groups = apart
        return joined(elementwise(name, build, *cut, assumptions=assumptions), groups)
    shapes = [x.definition.shape for x in arrays]
    shape = broadcast_shapes(*shapes, what=f"the operands of {name}")
    indices = [free_index(axis) for axis in range(len(shape))]
    elements = [x.element(*broadcast_index(x.definition.shape, shape, indices)) for x in arrays]
    in_order = all(x.contiguous or x.ndim < 2 for x in arrays)
    built = keeps_infinities(name, elements, build(*elements))
    return Array(define("t", shape, built, assumptions=assumptions), contiguous=in_order)


def broadcast_index(own: Sequence[Any], shape: Sequence[Any], indices: Sequence[Any]) -> tuple[Any, ...]:
    """The index into an operand of shape ``own`` for the element ``indices`` of the broadcast result."""
    offset = len(shape) - len(own)
    return tuple(sp.S.Zero if n == 1 else indices[offset + a] for a, n in enumerate(own))
