"""Gradients as tests: the marker ``@pytest.mark.gradient`` and the fixtures ``assert_gradient``, ``assert_backward``.

This module is loaded in every test run of everyone who has gradproof installed, so it imports nothing but pytest; NumPy
and the rest are loaded by the first test that uses them. It keeps no state: what the summary shows travels with the
reports of the tests, also between the processes of pytest-xdist.

PYTEST_DONT_REWRITE
"""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any, Final

import pytest

PROPERTY: Final = "gradproof"
"""The key under which a test's verdict stands in its report (and in a JUnit file)."""

KEYWORDS: Final = ("loss", "grad", "forward", "inputs", "shapes", "wrt", "seed", "allow")

MARKER: Final = (
    "gradient(loss=, grad=, forward=, inputs= or shapes=, wrt=, seed=0, allow=()): the test passes if the gradient is "
    "proved or certified. With loss= alone the test function is the gradient; with forward= it is the backward pass; "
    "without them it returns (loss, grad) or (loss, grad, inputs)."
)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", MARKER)


@pytest.fixture
def assert_gradient(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """``assert_gradient(loss, grad, inputs, wrt=…)`` or ``assert_gradient(loss, grad, shapes="X:6,4 W:4,3")``.

    The test fails with the report unless every gradient is proved or certified, or has a verdict in ``allow``.
    """

    def check(
        loss: Callable[..., Any],
        grad: Callable[..., Any],
        inputs: Mapping[str, Any] | None = None,
        wrt: str | Sequence[str] | None = None,
        *,
        shapes: str | None = None,
        seed: int = 0,
        allow: str | Sequence[str] = (),
    ) -> Any:
        __tracebackhide__ = True
        return _checked(request.node, allow, loss=loss, grad=grad, inputs=inputs, shapes=shapes, wrt=wrt, seed=seed)

    return check


@pytest.fixture
def assert_backward(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """``assert_backward(forward, backward, inputs)``: the same for a forward/backward pair (``gp.verify_backward``)."""

    def check(
        forward: Callable[..., Any],
        backward: Callable[..., Any],
        inputs: Mapping[str, Any] | Sequence[Any] | None = None,
        wrt: str | Sequence[str] | None = None,
        *,
        shapes: str | None = None,
        seed: int = 0,
        allow: str | Sequence[str] = (),
    ) -> Any:
        __tracebackhide__ = True
        options = {"forward": forward, "grad": backward, "inputs": inputs, "shapes": shapes, "wrt": wrt, "seed": seed}
        return _checked(request.node, allow, **options)

    return check


def _checked(item: pytest.Item, allow: str | Sequence[str], **options: Any) -> Any:
    """The report, noted for the summary; AssertionError with its text, and a traceback that ends in the test."""
    __tracebackhide__ = True
    from gradproof.errors import GradproofError
    from gradproof.numeric.verification.testing import failure, verified

    try:
        report = verified(**options)
        item.user_properties.append((PROPERTY, report.verdict.name))
        text = failure(report, allow)
    except GradproofError as error:
        raise error.with_traceback(None) from None
    if text:
        raise AssertionError(text)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_pycollect_makeitem(collector: Any, name: str, obj: object) -> Generator[None, Any, Any]:
    """Hide the arguments that a marked gradient takes from pytest, which would look for fixtures of these names."""
    mark = next((m for m in _marks(obj) if m.name == "gradient"), None) or collector.get_closest_marker("gradient")
    hidden = _arguments_of_gradient(obj, mark.kwargs) if mark is not None and inspect.isfunction(obj) else set()
    if not hidden:
        return (yield)
    signature = inspect.signature(obj)  # type: ignore[arg-type]
    kept = [p for key, p in signature.parameters.items() if key not in hidden]
    obj.__signature__ = signature.replace(parameters=kept)  # type: ignore[attr-defined]
    try:
        return (yield)
    finally:
        del obj.__signature__  # type: ignore[attr-defined]


def _marks(obj: object) -> list[pytest.Mark]:
    found = getattr(obj, "pytestmark", [])
    return [mark for mark in (found if isinstance(found, list) else [found]) if isinstance(mark, pytest.Mark)]


def _arguments_of_gradient(function: Any, options: Mapping[str, Any]) -> set[str]:
    names = set(inspect.signature(function).parameters)
    if set(options) - set(KEYWORDS):
        return names - {"self"}  # the test says so when it runs
    if options.get("grad") is not None:
        return set()
    if options.get("forward") is not None:
        return names - {"self"}
    if options.get("loss") is None:
        return set()
    inputs = options.get("inputs")
    if isinstance(inputs, Mapping):
        return names & set(inputs)
    if isinstance(options.get("shapes"), str):
        return names & {item.partition(":")[0] for item in options["shapes"].split()}
    return names - {"self"}  # inputs made by a function: their names are not known yet


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a test with the marker: verify, and fail with the report alone."""
    mark = pyfuncitem.get_closest_marker("gradient")
    if mark is None:
        return None
    from gradproof.errors import GradproofError

    options = dict(mark.kwargs)
    unknown = [repr(key) for key in options if key not in KEYWORDS]
    if unknown or mark.args:
        wrong = f"there is no {', '.join(unknown)}" if unknown else "it takes keywords only"
        pytest.fail(f"@pytest.mark.gradient: {wrong}; the keywords are {', '.join(KEYWORDS)}", pytrace=False)
    allow = options.pop("allow", ())
    function = pyfuncitem.obj
    hidden = _arguments_of_gradient(function, options)
    names = [name for name in inspect.signature(function).parameters if name not in hidden]
    fixtures = {name: pyfuncitem.funcargs[name] for name in names if name in pyfuncitem.funcargs}
    alone = options.get("grad") is None and (options.get("loss") or options.get("forward"))
    if alone:
        options["grad"] = _with_fixtures(function, fixtures) if fixtures else function
    else:
        options.update(_returned(function(**fixtures), options))
    text = ""
    try:
        _checked(pyfuncitem, allow, **options)
    except (AssertionError, GradproofError) as error:
        path, line, _ = pyfuncitem.location
        text = f"{error}\n\n{path}:{(line or 0) + 1}: {type(error).__name__}"
    if text:  # outside of the except, whose error would be shown a second time as the context of this one
        pytest.fail(text, pytrace=False)
    return True


def _with_fixtures(function: Callable[..., Any], fixtures: Mapping[str, Any]) -> Callable[..., Any]:
    def gradient(*args: Any, **inputs: Any) -> Any:
        return function(*args, **inputs, **fixtures)

    signature = inspect.signature(function)
    kept = [p for name, p in signature.parameters.items() if name not in fixtures]
    gradient.__signature__ = signature.replace(parameters=kept)  # type: ignore[attr-defined]
    gradient.__wrapped__ = function  # type: ignore[attr-defined]
    return gradient


def _returned(result: Any, options: Mapping[str, Any]) -> dict[str, Any]:
    """What a marked test returned, by name."""
    given = options.get("loss") is not None and options.get("grad") is not None
    if result is None and given:
        return {}
    keys = ("loss", "grad", "inputs")
    if not given and isinstance(result, tuple) and len(result) in (2, 3) and callable(result[0]):
        return dict(zip(keys, result, strict=False))
    what = f"a tuple of {len(result)}" if isinstance(result, tuple) else f"a {type(result).__name__}"
    wanted = "nothing, since loss= and grad= are given" if given else "(loss, grad) or (loss, grad, inputs)"
    pytest.fail(f"@pytest.mark.gradient: the test has to return {wanted}, and returned {what}", pytrace=False)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """One line: how many gradients were looked at, by verdict."""
    verdicts = Counter(
        value
        for reports in terminalreporter.stats.values()
        for report in reports
        if getattr(report, "when", "") == "call"
        for key, value in report.user_properties
        if key == PROPERTY
    )
    if verdicts:
        order = ("proved", "certified", "agrees", "guarded", "unknown", "refuted")
        parts = ", ".join(f"{verdicts[name]} {name}" for name in order if verdicts[name])
        terminalreporter.write_line(f"gradients: {parts}")
