"""Parameters in a dataclass or a namedtuple: verified as a dict of their fields, and handed over as what they are."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, TypeAlias

Function: TypeAlias = Callable[..., Any]


def fields_of(value: Any) -> dict[str, Any] | None:
    """The fields of a record by name; None for what is none."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return dict(zip(value._fields, value, strict=True))
    return None


def as_dicts(value: Any) -> Any:
    """A tree with every record as a dict.

    >>> from collections import namedtuple
    >>> as_dicts([namedtuple("Layer", "W b")(1, 2), 3])
    [{'W': 1, 'b': 2}, 3]
    """
    fields = fields_of(value)
    if fields is not None:
        return {name: as_dicts(part) for name, part in fields.items()}
    if isinstance(value, Mapping):
        return {key: as_dicts(part) for key, part in value.items()}
    return type(value)(map(as_dicts, value)) if type(value) in (list, tuple) else value


def _like(template: Any, value: Any) -> Any:
    """Dicts in the place of the template's records made into records of the same class."""
    fields = fields_of(template)
    if fields is not None:
        parts = {name: _like(part, value[name]) for name, part in fields.items()}
        return type(template)(**parts) if isinstance(template, tuple) else dataclasses.replace(template, **parts)
    if isinstance(template, Mapping):
        return {key: _like(part, value[key]) for key, part in template.items()}
    if type(template) in (list, tuple) and len(template) == len(value):
        return type(value)(_like(part, other) for part, other in zip(template, value, strict=True))
    return value


def without_records(
    loss: Function, grad: Function, inputs: Mapping[str, Any]
) -> tuple[Function, Function, Mapping[str, Any]]:
    """Loss, gradient and inputs with dicts for records, where there are some; the functions still get records."""
    if not isinstance(inputs, Mapping) or not _has_records(inputs):
        return loss, grad, inputs
    plain = as_dicts(inputs)

    def taking_dicts(function: Function) -> Function:
        @wraps(function)
        def called(**arguments: Any) -> Any:
            given = {name: inputs[name] for name in arguments}
            return as_dicts(function(**_like(given, arguments)))

        called.user_functions = (function,)  # type: ignore[attr-defined]
        return called

    return taking_dicts(loss), taking_dicts(grad), plain


def _has_records(value: Any) -> bool:
    if fields_of(value) is not None:
        return True
    parts = value.values() if isinstance(value, Mapping) else value if type(value) in (list, tuple) else ()
    return any(map(_has_records, parts))
