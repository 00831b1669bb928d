"""Layer objects: ``forward`` and ``backward`` with the cache, the parameters and their gradients on ``self``.

The layer itself is never run: every run has a deep copy of it, in which the parameters, and every other float array,
are what the check needs (balls, say). Parameters are found, not declared: a float array on the object is one if it has
a gradient beside it after ``backward`` (``W`` and ``dW``, ``params[0]`` and ``grads[0]``, ...), or if the output
depends on it. One that the output depends on and that has no gradient is reported as ``unknown``, never left out.
"""

from __future__ import annotations

import inspect
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np

from gradproof.errors import GradproofError, UsageError
from gradproof.numeric.balls.arrays import BallArray, exact
from gradproof.numeric.balls.evaluate import PRECISION, failure
from gradproof.numeric.verification.interfaces import Path, float_leaves, is_symbolic, label, leaves
from gradproof.numeric.verification.layer_state import (
    CONTAINERS,
    HOLDERS,
    at,
    copied,
    find_gradient,
    float_arrays,
    is_numeric,
    is_state,
    named,
    parsed,
)
from gradproof.numeric.verification.report import Finding, Report
from gradproof.verdicts import Verdict

FORWARDS: Final = ("forward", "forward_pass", "fprop", "feedforward", "__call__")
BACKWARDS: Final = ("backward", "backward_pass", "bprop", "backprop", "backward_propagation", "back_propagation")

Method = str | Callable[..., Any] | None


@dataclass
class _Layer:
    """A layer to check: how it is run, and what was found on it."""

    template: Any
    forward: str | Callable[..., Any]
    backward: str | Callable[..., Any]
    inputs: dict[str, Any]
    seed: int
    parameters: dict[Path, list[Path]] = field(default_factory=dict)  # where the value is: where its gradients are
    cotangents: dict[str, Any] = field(default_factory=dict)  # by name; empty for a loss whose dout has a default
    outputs: int = 1

    def run(self, values: Mapping[str, Any], backward: bool) -> tuple[Any, Any, tuple[Any, ...]]:
        """A copy of the layer that has run, what backward returned, and the outputs that are differentiated."""
        layer = self._instance(values)
        arguments = [values.get(name, given) for name, given in self.inputs.items()]
        with _seeded(self.seed):
            result = _call(layer, self.forward, arguments)
            outs = (
                tuple(result)[: self.outputs]
                if isinstance(result, (tuple, list)) and not _nested(result)
                else (result,)
            )
            returned = None
            if backward and self._reruns():
                np.random.seed(self.seed)  # gradient(x, t) makes its own forward pass, with the same masks
                random.seed(self.seed)
            if backward:
                like = [values.get(name, given) for name, given in self.cotangents.items()]
                returned = _call(layer, self.backward, self._backward_arguments(like, arguments, result))
        return layer, returned, outs

    def _instance(self, values: Mapping[str, Any]) -> Any:
        """A copy with the given parameters; on balls every other float array enters as balls too."""
        arrays = float_arrays(self.template)
        given = {path: values[name(path)] for path in self.parameters if name(path) in values}
        sample = next((v for v in values.values() if isinstance(v, BallArray) or is_symbolic(v)), None)
        replacements: dict[int, Any] = {}
        for path, gradients in self.parameters.items():
            for buffer in (at(self.template, gradient) for gradient in gradients):
                if isinstance(buffer, np.ndarray):
                    replacements[id(buffer)] = _zeros(given.get(path, buffer), buffer)
        if isinstance(sample, BallArray):
            for array in arrays.values():
                replacements.setdefault(id(array), exact(array))
        for path, value in given.items():
            replacements[id(arrays[path])] = value
        return copied(self.template, replacements)

    def _reruns(self) -> bool:
        """Whether backward takes the inputs instead of cotangents, as ``gradient(x, t)`` beside ``loss(x, t)``."""
        required, names, _ = _arity(self.template, self.backward)
        return 0 < required <= len(self.inputs) and names[:required] == list(self.inputs)[:required]

    def _backward_arguments(self, dout: list[Any], arguments: list[Any], result: Any) -> list[Any]:
        """What backward is called with: cotangents, and the inputs or the cache where it asks for them."""
        required, names, most = _arity(self.template, self.backward)
        own = list(self.inputs)
        if self._reruns():
            return arguments[:required]
        if callable(self.backward) or required <= len(dout):
            return dout[: max(required, min(most, len(dout)))] if not callable(self.backward) else dout
        if required == len(dout) + len(arguments):
            return [*dout, *arguments]
        if required == len(dout) + 1 and isinstance(result, tuple) and len(result) == 2:
            return [*dout, result[1]]
        if required == len(dout) + 1 and len(arguments) == 1:
            return [*arguments, *dout] if names[0] in own else [*dout, *arguments]
        raise UsageError(
            f"backward({', '.join(names)}) takes {required} arguments, and there is one cotangent for each of "
            f"{len(dout)} outputs; pass backward=lambda layer, dout: layer.backward(...)"
        )

    def loss(self, **values: Any) -> Any:
        """⟨forward(...), dout⟩, or the value of a loss."""
        _, _, outs = self.run(values, backward=False)
        if not self.cotangents:
            return outs[0]
        total: Any = 0
        for (key, given), out in zip(self.cotangents.items(), outs, strict=True):
            total = total + np.sum(out * values.get(key, given))
        return total

    def grad(self, **values: Any) -> dict[str, Any]:
        """The gradients of inputs and parameters by the names of the report."""
        layer, returned, _ = self.run(values, backward=True)
        found = _input_gradients(returned, self.inputs)
        holder = Holder(layer, returned)
        for path, places in self.parameters.items():
            parts = list({id(part): part for part in (at(holder, place) for place in places)}.values())
            found[name(path)] = parts[0] if len(parts) == 1 else sum(parts[1:], parts[0])
        return {key: value for key, value in found.items() if value is not None}


class Holder:
    """A layer after its backward pass: its attributes, and what backward returned under ``returned``."""

    def __init__(self, layer: Any, returned: Any) -> None:
        self._layer = layer
        self.returned = returned

    def __getattr__(self, key: str) -> Any:
        return getattr(self.__dict__["_layer"], key)


def verify_layer(
    layer: Any,
    inputs: Mapping[str, Any] | Sequence[Any],
    wrt: str | Sequence[str] | None = None,
    *,
    forward: Method = None,
    backward: Method = None,
    gradients: Mapping[str, str] | None = None,
    seed: int = 0,
    prec: int = PRECISION,
    move: bool = True,
) -> Report:
    """Check ``layer.backward`` against ``layer.forward``: gradients of the inputs and of the parameters on ``self``.

    ``inputs`` are forward's arguments, by position or by name; flags such as ``train=True`` are among them. Parameters
    are named ``self.W``, ``self.params.W1``, ``self.layers.0.b``; where their gradients are is guessed from the names
    people use (``dW``, ``grad_W``, ``grads[0]``, ``grads["W"]``, ``W.grad``, or returned after those of the inputs) or
    said in ``gradients={"W": "W_opt.last"}`` (``"returned.1"`` for the second part of what backward returns). ``wrt``
    restricts the check: ``"x"``, ``"self.W"``, ``"self"`` for all parameters.

    Other names of the two methods go into ``forward`` and ``backward``, as may functions that get the layer first:
    ``backward=lambda layer, dout: layer.backward(dout, learning_rate=0.1)``. A method that takes the inputs instead of
    a cotangent, as ``gradient(x, t)`` beside ``loss(x, t)``, gets them. A loss whose ``backward`` can be called without
    a cotangent is.

    Every run has a deep copy of the layer, and the same seed of ``np.random``: the object stays as it is, and dropout
    has one mask. Float arrays that backward does not cover are ``unknown`` where the output depends on them; what a
    name marks as kept from earlier batches (``running_mean``) is noted.

    >>> class Scale:
    ...     def __init__(self, W):
    ...         self.W = W
    ...     def forward(self, x):
    ...         self.x = x
    ...         return x * self.W
    ...     def backward(self, dout):
    ...         self.dW = (dout * self.x).sum(axis=0)
    ...         return dout * self.W
    >>> report = verify_layer(Scale(np.array([1.0, 2.0])), [np.ones((3, 2))])
    >>> [(finding.name, finding.ok) for finding in report.findings]
    [('x', True), ('self.W', True)]
    """
    from gradproof.numeric.verification.verify import verify

    checked = _prepared(layer, inputs, forward, backward, seed)
    returned, unmatched, notes = _discover(checked, gradients or {})
    covered = _input_gradients(returned, checked.inputs)
    floats = [label(path) for path in float_leaves(checked.inputs)]
    missing = [key for key in floats if not _is_covered(key, covered)]
    wanted = [key for key in floats if key not in missing] + [name(path) for path in checked.parameters]
    if isinstance(returned, Mapping):
        missing = []  # a dict says itself what it covers
    lost = {key: f"backward returns no gradient for {key}; leave it out with wrt, if it is data" for key in missing}
    for path in unmatched:
        lost[name(path)] = (
            f"the output depends on {name(path)}, and no gradient of it was found after backward; say where it is: "
            f'gradients={{"{label(path)}": "..."}}'
        )
    if wrt is not None:
        wanted, lost = _restricted([wrt] if isinstance(wrt, str) else list(wrt), wanted, lost)
    unknown = tuple(Finding(key, Verdict("unknown", why)) for key, why in lost.items())
    if not wanted:
        if not unknown:
            raise UsageError(f"{type(layer).__name__} has no floating-point input and no parameter to check")
        return Report(unknown, tuple(notes), seed)
    values = dict(checked.inputs) | {name(path): at(checked.template, path).copy() for path in checked.parameters}
    values |= checked.cotangents
    report = verify(*_functions(checked), values, wanted, seed=seed, prec=prec, move=move)
    return replace(report, findings=(*report.findings, *unknown), notes=(*report.notes, *notes))


def name(path: Path) -> str:
    """A parameter's name in the report."""
    return f"self.{label(path)}"


def _functions(checked: _Layer) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Loss and gradient as functions that close over the user's own methods, by which their modules are found."""
    forward = _method(checked.template, checked.forward)
    backward = _method(checked.template, checked.backward)

    def loss(**values: Any) -> Any:
        assert callable(forward)
        return checked.loss(**values)

    def grad(**values: Any) -> dict[str, Any]:
        assert callable(backward)
        return checked.grad(**values)

    loss.user_functions = grad.user_functions = (forward, backward)  # type: ignore[attr-defined]
    return loss, grad


def _prepared(layer: Any, inputs: Any, forward: Method, backward: Method, seed: int) -> _Layer:
    if isinstance(layer, type):
        raise UsageError(f"verify_layer takes an object, as {layer.__name__}(...), not the class itself")
    forward = _chosen_method(layer, forward, FORWARDS, "forward")
    backward = _chosen_method(layer, backward, BACKWARDS, "backward")
    if isinstance(inputs, Mapping):
        by_name = {str(key): value for key, value in inputs.items()}
        order = [key for key in _arity(layer, forward)[1] if key in by_name]
        by_name = {key: by_name[key] for key in (*order, *(k for k in by_name if k not in order))}
    else:
        given = list(inputs) if isinstance(inputs, (list, tuple)) else [inputs]
        names = _arity(layer, forward)[1]
        if len(names) < len(given):
            names = [f"x{i}" for i in range(len(given))]
        by_name = dict(zip(names, given, strict=False))
    for path, leaf in leaves(by_name).items():
        if isinstance(leaf, np.ndarray) and leaf.dtype.kind == "f" and not np.all(np.isfinite(leaf)):
            raise UsageError(f"the input {label(path)} holds NaN or infinity; give finite numbers")
    return _Layer(layer, forward, backward, by_name, seed)


def _chosen_method(layer: Any, given: Method, names: Sequence[str], role: str) -> str | Callable[..., Any]:
    if callable(given) and getattr(given, "__self__", None) is layer:
        given = str(given.__name__)
    if callable(given):
        return given
    for candidate in names if given is None else [given]:
        if callable(getattr(layer, candidate, None)):
            return candidate
    tried = ", ".join(names) if given is None else given
    raise UsageError(f"{type(layer).__name__} has no method for its {role} pass ({tried}); name it with {role}=...")


def _method(layer: Any, method: str | Callable[..., Any]) -> Callable[..., Any]:
    return method if callable(method) else getattr(layer, method)


def _call(layer: Any, method: str | Callable[..., Any], arguments: list[Any]) -> Any:
    return method(layer, *arguments) if callable(method) else getattr(layer, method)(*arguments)


def _arity(layer: Any, method: str | Callable[..., Any]) -> tuple[int, list[str], int]:
    """How many arguments a method needs, their names, and how many it takes at most."""
    try:
        parameters = list(inspect.signature(_method(layer, method)).parameters.values())
    except (TypeError, ValueError):
        return 1, ["dout"], 1
    if callable(method):
        parameters = parameters[1:]
    plain = [p for p in parameters if p.kind <= p.POSITIONAL_OR_KEYWORD]
    return len([p for p in plain if p.default is p.empty]), [p.name for p in plain], len(plain)


def _nested(result: Any) -> bool:
    """A list of lists is one array to most layers."""
    return isinstance(result, list) and any(isinstance(part, (list, tuple)) for part in result)


def _discover(checked: _Layer, said: Mapping[str, str]) -> tuple[Any, list[Path], list[str]]:
    """Run the layer once in floats and find outputs, parameters and gradients.

    Gives what backward returned, the parameters without a gradient, and notes.
    """
    notes: list[str] = []
    before = float_arrays(checked.template)
    warm = _plainly(checked, lambda: checked.run({}, backward=False))
    _set_cotangents(checked, warm[0], notes)
    after, returned, _ = _plainly(checked, lambda: checked.run({}, backward=True))
    late = [path for path in float_arrays(warm[0]) if path not in before and find_gradient(path, after) is not None]
    late = [path for path in late if not any(find_gradient(p, after) == path for p in float_arrays(warm[0]))]
    if late and not before:
        notes.append(f"{named(late)} exists only after a forward pass; the check starts from there")
        checked.template = warm[0]
        before = float_arrays(checked.template)
    holder = Holder(after, returned)
    places = _matched(before, holder, returned, checked)
    for text, place in said.items():
        path = parsed(text)
        if path not in before:
            raise UsageError(f"gradients: there is no float array self.{label(path)}; there are {named(list(before))}")
        if at(holder, parsed(place)) is None:
            raise UsageError(f"gradients: there is no {place} after backward for self.{label(path)}")
        same = [p for p, array in before.items() if array is before[path]]
        places = {p: g for p, g in places.items() if p not in same} | {path: [parsed(place)]}
    checked.parameters = places
    tied = [path for path, where in places.items() if len(where) > 1]
    if tied:
        notes.append(f"{named(tied)} is used in several places: its gradients there are added")
    taken = {id(before[path]) for path in places}
    taken |= {id(at(checked.template, g)) for where in places.values() for g in where}
    unmatched: list[Path] = []
    state: list[Path] = []
    for path, array in before.items():
        if id(array) in taken:
            continue
        taken.add(id(array))
        if _matters(checked, array):
            (state if is_state(path) else unmatched).append(path)
    if state:
        notes.append(f"{named(state)} counts as data, by its name: no gradient of it is expected")
    return returned, unmatched, notes


def _plainly(checked: _Layer, run: Callable[[], Any]) -> Any:
    try:
        with np.errstate(all="ignore"):
            return run()
    except GradproofError:
        raise
    except (Exception, SystemExit) as error:
        methods = (_method(checked.template, checked.forward), _method(checked.template, checked.backward))
        raise UsageError(
            f"{type(checked.template).__name__} fails on the inputs: {failure(error, *methods)}"
        ) from error


def _set_cotangents(checked: _Layer, layer: Any, notes: list[str]) -> None:
    """A random cotangent for each output that backward asks for; none for a loss that needs none."""
    _, _, outs = _plainly(checked, lambda: replace(checked, outputs=64).run({}, backward=False))
    required, _, most = _arity(checked.template, checked.backward)
    real = [out for out in outs if is_numeric(out) and np.asarray(out).dtype.kind == "f"]
    if not real:
        raise UsageError(f"{checked.forward} returned no array of real numbers to differentiate")
    if np.size(real[0]) == 1 and (required == 0 or checked._reruns()):
        if required == 0 and most:
            called = _method(checked.template, checked.backward).__name__
            notes.append(f"{called} was called without a cotangent, as for the loss itself")
        return
    checked.outputs = min(len(outs), max(required, 1)) if len(real) == len(outs) else 1
    if checked.outputs < len(outs):
        notes.append(f"only the first of the {len(outs)} values that forward returns is differentiated")
    rng = np.random.default_rng(checked.seed + 1)
    for position, out in enumerate(outs[: checked.outputs]):
        key = "dout" if checked.outputs == 1 else f"dout{position}"
        while key in checked.inputs:
            key += "_"
        shape = np.shape(out)
        value = (2 * rng.integers(-(2**20), 2**20, size=shape) + 1) / 2.0**20
        checked.cotangents[key] = value if shape else float(value)


def _matched(before: Mapping[Path, Any], holder: Holder, returned: Any, checked: _Layer) -> dict[Path, list[Path]]:
    """The parameters whose gradients are found, and where: by name first, then among what backward returned.

    An array that stands in several places of one kind (``params[0]`` and ``params[1]``, with ``grads[0]`` and
    ``grads[1]``; ``first.W`` and ``second.W``) is one parameter whose gradient is the sum.
    """
    extra = _extra_returns(returned, checked.inputs)
    found: dict[Path, Path] = {}
    for path in before:
        place = find_gradient(path, holder) or _among_returned(path, extra, returned)
        if place is not None and not is_state(path):
            found[path] = place
    gradients = {id(at(holder, place)) for place in found.values()} | set(found.values())
    first: dict[int, Path] = {}
    places: dict[Path, list[Path]] = {}
    for path, place in found.items():
        if path in gradients:
            continue
        leader = first.setdefault(id(before[path]), path)
        if leader is path:
            places[path] = [place]
        elif _kind(place) == _kind(places[leader][0]) and place not in places[leader]:
            places[leader].append(place)
    if places:
        return {p: _distinct(where, holder) for p, where in places.items()}
    loose = [(place, value) for place, value in extra if is_numeric(value)]
    rest: list[Path] = []
    for path, array in before.items():
        if path[0] not in CONTAINERS and not any(before[other] is array for other in rest):
            rest.append(path)
    shapes = [np.shape(before[path]) for path in rest]
    if loose and shapes == [np.shape(value) for _, value in loose] and len(set(shapes)) == len(shapes):
        return {path: [place] for path, (place, _) in zip(rest, loose, strict=True)}
    return {}


def _kind(place: Path) -> tuple[int, str]:
    """What grads[0] and grads[1] have in common, and first.dW and second.dW: their depth, and the last name."""
    names = [part for part in place if isinstance(part, str)]
    return len(place), names[-1].rstrip("0123456789") if names else ""


def _distinct(places: list[Path], holder: Holder) -> list[Path]:
    return list({id(at(holder, place)): place for place in reversed(places)}.values())[::-1]


def _among_returned(path: Path, extra: list[tuple[Path, Any]], returned: Any) -> Path | None:
    """A dict or a list of gradients that backward returns, beside a dict or list of parameters."""
    containers: list[tuple[Path, Any]] = [(place, value) for place, value in extra if not is_numeric(value)]
    if isinstance(returned, Mapping):
        containers.append((("returned",), returned))
    for place, container in containers:
        rests = [path[i + 1 :] for i, part in enumerate(path) if part in HOLDERS] + [path[-1:], path]
        for rest in rests:
            if not rest:
                continue
            for candidate in ((rest), *_spellings(rest)):
                if is_numeric(at(container, candidate)):
                    return (*place, *candidate)
    return None


def _spellings(rest: Path) -> Iterator[Path]:
    from gradproof.numeric.verification.layer_state import spelled

    if isinstance(rest[-1], str):
        yield from ((*rest[:-1], word) for word in spelled(rest[-1]))


def _extra_returns(returned: Any, inputs: Mapping[str, Any]) -> list[tuple[Path, Any]]:
    """What backward returns beyond the gradients of the inputs."""
    if not isinstance(returned, (tuple, list)):
        return []
    count = len({path[0] for path in float_leaves(inputs)})
    if len(returned) <= count or len(returned) == len(inputs):
        return []
    return [(("returned", i), returned[i]) for i in range(count, len(returned))]


def _input_gradients(returned: Any, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The gradients of the floating-point inputs among what backward returned, by name."""
    names = list(dict.fromkeys(str(path[0]) for path in float_leaves(inputs)))
    if returned is None or not names:
        return {}
    if isinstance(returned, Mapping):
        spelled_as = {key: (key, f"d{key}", f"d_{key}", f"grad_{key}") for key in names}
        found = {key: [returned[s] for s in spellings if s in returned] for key, spellings in spelled_as.items()}
        return {key: values[0] for key, values in found.items() if values}
    if isinstance(returned, (tuple, list)) and not (len(names) == 1 and isinstance(inputs[names[0]], (list, tuple))):
        if len(returned) == len(inputs) != len(names):
            return {key: value for key, value in zip(inputs, returned, strict=True) if key in names}
        return dict(zip(names, returned, strict=False))
    return {names[0]: returned}


def _is_covered(key: str, covered: Mapping[str, Any]) -> bool:
    return covered.get(key.partition(".")[0]) is not None


def _matters(checked: _Layer, array: np.ndarray[Any, Any]) -> bool:
    """Whether the output changes with an array that the layer holds."""
    rng = np.random.default_rng(checked.seed)
    other = array * (1 + 0.1 * rng.random(array.shape)) + 0.01 * rng.random(array.shape)
    with np.errstate(all="ignore"), _seeded(checked.seed):
        changed = copied(checked.template, {id(array): other.astype(array.dtype)})
        plain = copied(checked.template, {})
        try:
            one = _call(changed, checked.forward, list(checked.inputs.values()))
        except Exception:  # a value that forward cannot take is one that it reads
            return True
    with np.errstate(all="ignore"), _seeded(checked.seed):
        two = _call(plain, checked.forward, list(checked.inputs.values()))
    pairs = zip(leaves(one).values(), leaves(two).values(), strict=False)
    return any(not np.array_equal(np.asarray(a), np.asarray(b)) for a, b in pairs if is_numeric(a))


def _restricted(wrt: list[str], wanted: list[str], lost: dict[str, str]) -> tuple[list[str], dict[str, str]]:
    keep = [key for key in (*wanted, *lost) if any(_selects(word, key) for word in wrt)]
    for word in wrt:
        if not any(_selects(word, key) for key in keep):
            valid = ", ".join((*wanted, *lost)) or "none"
            raise UsageError(f"wrt={word!r} is neither a floating-point input nor a parameter; there are {valid}")
    return [key for key in wanted if key in keep], {key: why for key, why in lost.items() if key in keep}


def _selects(word: str, key: str) -> bool:
    return any(f"{key}.".startswith(f"{full}.") for full in (word, f"self.{word}"))


def _zeros(value: Any, buffer: np.ndarray[Any, Any]) -> Any:
    """A gradient's buffer, cleared: code that adds to it is as right as code that stores."""
    if isinstance(value, BallArray):
        return exact(np.zeros(buffer.shape))
    if is_symbolic(value):
        from gradproof.symbolic.tracing.trace_creation import zeros

        return zeros(value.shape)
    return np.zeros_like(buffer)


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """The same random numbers in every run, from NumPy's and Python's global generators; their state is put back."""
    before, plain = np.random.get_state(), random.getstate()
    np.random.seed(seed)
    random.seed(seed)
    try:
        yield
    finally:
        np.random.set_state(before)
        random.setstate(plain)
