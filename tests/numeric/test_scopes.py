"""The walk through what user code reaches is kept, and made again as soon as anything it goes by is another object."""

from __future__ import annotations

import sys
import types

import numpy as np
import pytest

import gradproof as gp
from gradproof.numeric.balls.scopes import user_scopes

HELPER = """
import numpy as np

def squares(x):
    out = np.zeros(len(x))
    for i in range(len(x)):
        out[i] = x[i] ** 2
    return out
"""


@pytest.fixture
def modules(monkeypatch):
    """Two modules with the same helper, which fills a buffer of floats, and a model that names the helper of one."""
    made = {}
    for name in ("helper_one", "helper_two", "model"):
        made[name] = types.ModuleType(name)
        monkeypatch.setitem(sys.modules, name, made[name])
    for name in ("helper_one", "helper_two"):
        exec(compile(HELPER, f"{name}.py", "exec"), vars(made[name]))
    model = made["model"]
    exec(compile("def loss(x):\n    return squares(x).sum()\n", "model.py", "exec"), vars(model))
    model.squares = made["helper_one"].squares
    return made


def names_of(modules, *wanted):
    scopes = user_scopes([modules["model"].loss]).modules
    return [any(scope is vars(modules[name]) for scope in scopes) for name in wanted]


def test_a_walk_is_kept_while_nothing_changes(modules):
    loss = modules["model"].loss
    assert user_scopes([loss]) is user_scopes([loss])


def test_a_helper_that_is_exchanged_for_another_modules_is_walked_to(modules):
    assert names_of(modules, "helper_one", "helper_two") == [True, False]
    modules["model"].squares = modules["helper_two"].squares
    assert names_of(modules, "helper_one", "helper_two") == [False, True]


def test_a_buffer_in_a_module_that_came_later_does_not_round(modules):
    x = {"x": np.array([0.1, -0.7, 1.3])}
    for helper in ("helper_one", "helper_two"):
        modules["model"].squares = modules[helper].squares
        report = gp.verify(modules["model"].loss, lambda x: 2 * x, x, "x", prove=False)
        assert report.verdict.name == "certified", str(report)


def test_a_method_that_is_exchanged_is_walked_to(modules):
    class Model:
        def squares(self, x):
            return x**2

        def loss(self, x):
            return self.squares(x).sum()

    held = Model()

    def loss(x):
        return held.loss(x)

    def reaches() -> bool:
        return any(scope is vars(modules["helper_two"]) for scope in user_scopes([loss]).modules)

    assert not reaches()
    Model.squares = modules["helper_two"].squares
    assert reaches()
