"""What a layer object has to be checked: outputs, parameters, and where their gradients are after the backward pass."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from gradproof.errors import GradproofError, UsageError
from gradproof.numeric.balls.evaluate import failure
from gradproof.numeric.verification.interfaces import Path, cotangent, float_leaves, label, leaves
from gradproof.numeric.verification.layers.run import Holder, LayerRun, arity, called, method_of, seeded
from gradproof.numeric.verification.layers.state import (
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
    spelled,
)


def discover(checked: LayerRun, said: Mapping[str, str]) -> tuple[Any, list[Path], list[str]]:
    """Run the layer once in floats and find outputs, parameters and gradients.

    Gives what backward returned, the parameters without a gradient, and notes.
    """
    notes: list[str] = []
    before = float_arrays(checked.template)
    warm = plainly(checked, lambda: checked.run({}, backward=False))
    _set_cotangents(checked, warm[0], notes)
    after, returned, _ = plainly(checked, lambda: checked.run({}, backward=True))
    if not before:  # parameters that the first forward pass makes
        made = {path: find_gradient(path, after) for path in float_arrays(warm[0])}
        late = [path for path, place in made.items() if place is not None and path not in made.values()]
        if any(not _overwritten(replace(checked, template=warm[0]), path) for path in late):
            notes.append(f"{named(late)} exists only after a forward pass; the check starts from there")
            checked.template = warm[0]
            before = float_arrays(checked.template)
    holder = Holder(after, returned)
    places = _matched(before, holder, returned, checked)
    for text, place in said.items():
        path = next((p for p in before if label(p) == text.removeprefix("self.")), parsed(text))
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
    checked.kept = list({id(a): p for p, a in before.items() if is_state(p) and id(a) not in taken}.values())
    unmatched: list[Path] = []
    state: list[Path] = []
    for path, array in before.items():
        if id(array) in taken:
            continue
        taken.add(id(array))
        if _matters(checked, array):
            (state if is_state(path) or _is_buffer(checked, path) else unmatched).append(path)
    if state:
        notes.append(f"{named(state)} counts as data: no gradient of what forward keeps for itself is expected")
    return returned, unmatched, notes


def plainly(checked: LayerRun, run: Callable[[], Any]) -> Any:
    try:
        with np.errstate(all="ignore"):
            return run()
    except GradproofError:
        raise
    except (Exception, SystemExit) as error:
        methods = (method_of(checked.template, checked.forward), method_of(checked.template, checked.backward))
        raise UsageError(
            f"{type(checked.template).__name__} fails on the inputs: {failure(error, *methods)}"
        ) from error


def _set_cotangents(checked: LayerRun, layer: Any, notes: list[str]) -> None:
    """A random cotangent for each output that backward asks for; none for a loss that needs none."""
    _, _, outs = plainly(checked, lambda: replace(checked, outputs=64).run({}, backward=False))
    required, _, most = arity(checked.template, checked.backward)
    real = [out for out in outs if is_numeric(out) and np.asarray(out).dtype.kind == "f"]
    if not real:
        raise UsageError(f"{checked.forward} returned no array of real numbers to differentiate")
    checked.is_loss = np.ndim(real[0]) == 0
    if np.size(real[0]) == 1 and (required == 0 or checked.reruns()):
        if required == 0 and most:
            called = method_of(checked.template, checked.backward).__name__
            notes.append(f"{called} was called without a cotangent, as for the loss itself")
        return
    checked.outputs = min(len(outs), max(required, 1)) if len(real) == len(outs) else 1
    if checked.outputs < len(outs):
        notes.append(f"only the first of the {len(outs)} values that forward returns is differentiated")
    for position, out in enumerate(outs[: checked.outputs]):
        key = "dout" if checked.outputs == 1 else f"dout{position}"
        while key in checked.inputs:
            key += "_"
        value = cotangent(np.shape(out), checked.seed + 1 + position)
        checked.cotangents[key] = value if np.ndim(out) else float(value)


def _matched(before: Mapping[Path, Any], holder: Holder, returned: Any, checked: LayerRun) -> dict[Path, list[Path]]:
    """The parameters whose gradients are found, and where: by name first, then among what backward returned.

    An array that stands in several places of one kind (``params[0]`` and ``params[1]``, with ``grads[0]`` and
    ``grads[1]``; ``first.W`` and ``second.W``) is one parameter whose gradient is the sum.
    """
    extra = _extra_returns(returned, checked.inputs)
    found: dict[Path, Path] = {}
    for path in before:
        place = find_gradient(path, holder) or _among_returned(path, extra, returned)
        if place is not None and not is_state(path) and not _overwritten(checked, path):
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


def _overwritten(checked: LayerRun, path: Path) -> bool:
    """Whether forward stores a value of its own at a path: what an earlier run left in ``self.x`` is no parameter."""
    array = at(checked.template, path)
    other = _moved(array, checked.seed)
    changed = copied(checked.template, {id(array): other})
    with np.errstate(all="ignore"), seeded(checked.seed):
        try:
            called(changed, checked.forward, list(checked.inputs.values()))
        except Exception:  # a value that forward cannot take is one that it reads
            return False
    now = at(changed, path)
    kept = now is other or np.array_equal(np.asarray(now), other)
    return not kept and not _matters(checked, array)


def _is_buffer(checked: LayerRun, path: Path) -> bool:
    """Whether forward fills an array that is zero before."""
    if np.any(at(checked.template, path)):
        return False
    filled = copied(checked.template, {})
    with np.errstate(all="ignore"), seeded(checked.seed):
        called(filled, checked.forward, list(checked.inputs.values()))
    return bool(np.any(at(filled, path)))


def _moved(array: np.ndarray[Any, Any], seed: int) -> np.ndarray[Any, Any]:
    """An array near another one."""
    rng = np.random.default_rng(seed)
    other = array * (1 + 0.1 * rng.random(array.shape)) + 0.01 * rng.random(array.shape)
    return np.asarray(other, dtype=array.dtype)


def _matters(checked: LayerRun, array: np.ndarray[Any, Any]) -> bool:
    """Whether the output changes with an array that the layer holds."""
    with np.errstate(all="ignore"), seeded(checked.seed):
        changed = copied(checked.template, {id(array): _moved(array, checked.seed)})
        plain = copied(checked.template, {})
        try:
            one = called(changed, checked.forward, list(checked.inputs.values()))
        except Exception:  # a value that forward cannot take is one that it reads
            return True
    with np.errstate(all="ignore"), seeded(checked.seed):
        two = called(plain, checked.forward, list(checked.inputs.values()))
    pairs = zip(leaves(one).values(), leaves(two).values(), strict=False)
    return any(not np.array_equal(np.asarray(a), np.asarray(b)) for a, b in pairs if is_numeric(a))
