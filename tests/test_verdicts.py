"""A verdict is one of six names, true for the two strongest only."""

from __future__ import annotations

import pytest

from gradproof.verdicts import EXIT_CODES, LADDER, Verdict


def test_only_proofs_and_certificates_count_as_success() -> None:
    assert [name for name in LADDER if Verdict(name)] == ["proved", "certified"]


def test_exit_codes_tell_refuted_from_undecided() -> None:
    codes = {name: Verdict(name).exit_code for name in LADDER}
    assert codes == {"proved": 0, "certified": 0, "agrees": 3, "guarded": 3, "refuted": 1, "unknown": 3}
    assert set(EXIT_CODES) == set(LADDER)


def test_a_verdict_equals_its_name_and_no_other() -> None:
    verdict = Verdict("refuted", "a counterexample")
    assert verdict == "refuted"
    assert verdict != "proved"
    assert verdict in {"refuted", "unknown"}
    assert verdict != Verdict("refuted", "another")
    assert verdict == Verdict("refuted", "a counterexample")


def test_an_unknown_name_is_an_error_that_lists_the_names() -> None:
    with pytest.raises(ValueError, match="the verdicts are proved, certified"):
        Verdict("fine")
