"""The bias generator: formula, search over all codes, measured tables."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eideploy.backends.dynapse2.chip.biases import load_dac
from eideploy.backends.dynapse2.chip.times import time_ranges
from eideploy.errors import FormatError
from tests.backends.dynapse2.networks import SPEC

DAC = load_dac(SPEC)
names = st.sampled_from(SPEC.bias_names)


@given(names, st.floats(-12.5, -5.0))
def test_a_current_is_met_within_the_stated_error(name, exponent):
    factor, aim = SPEC.biases[name].factor, 10**exponent
    low, high = DAC.reach(name)
    code = DAC.code(name, aim)
    assert code.current == DAC.current(name, code.coarse, code.fine)
    assert code.error == pytest.approx(code.current / aim - 1)
    if low <= aim <= high:
        bound = 0.017 if aim >= 9e-12 * factor else 0.14e-12 * factor / aim * 2**0.5
        assert abs(code.error) <= bound


@given(names, st.floats(-12.5, -5.0))
def test_no_other_code_is_nearer(name, exponent):
    offered = DAC.current(name, *np.meshgrid(range(6), range(256), indexing="ij"))
    best = np.abs(np.log(offered / 10**exponent)).min()
    assert abs(np.log(DAC.code(name, 10**exponent).current / 10**exponent)) == pytest.approx(best)


@given(names, st.integers(0, 5), st.integers(1, 255))
def test_a_code_of_a_current_gives_this_current(name, coarse, fine):
    current = float(DAC.current(name, coarse, fine))
    assert DAC.code(name, current).current == current


def test_no_current_is_the_lowest_code():
    code = DAC.code("SOIF_DC_P", 0.0)
    assert code.current == DAC.reach("SOIF_DC_P")[0]


def measured(tmp_path, content):
    (tmp_path / "measured.json").write_text(json.dumps(content))
    return replace(
        SPEC, source=tmp_path / "spec.toml", board=replace(SPEC.board, bias_table="measured.json")
    )


def test_a_measured_table_replaces_the_formula_dips_and_all(tmp_path):
    table = np.maximum(1e-13, np.outer(8.0 ** np.arange(6) * 70e-12, np.arange(256) / 255))
    table[2, 100] = 1e-9  # a dip
    content = {"version": 1, "currents": {"N": table.tolist(), "P": (table / 2).tolist()}}
    dac = load_dac(measured(tmp_path, {**content, "factors": {"SOIF_LEAK_N": 0.5}}))
    assert dac.measured
    assert not DAC.measured
    assert dac.code("SOIF_LEAK_N", 0.5e-9).current == 0.5e-9
    assert dac.current("SOIF_LEAK_N", 2, 100) == 0.5e-9
    assert dac.current("SYAM_W0_P", 2, 100) == 0.5e-9 * 0.22


def test_all_faults_of_a_measured_table_are_named(tmp_path):
    wrong = {"N": [[1.0] * 256] * 5, "P": [[1.0, 2.0], [-1.0]]}
    content = {"version": 1, "currents": wrong, "factors": {"SOIF_LEAK": 1, "SYAM_W0_P": 0}}
    with pytest.raises(FormatError) as caught:
        load_dac(measured(tmp_path, content))
    assert caught.value.what == (
        "currents.P[1][0] = -1.0 is not a positive number; "
        "factors.SYAM_W0_P = 0 is not a positive number"
    )
    wrong["P"][1] = [1.0]
    del content["factors"]["SYAM_W0_P"]
    with pytest.raises(FormatError) as caught:
        load_dac(measured(tmp_path, content))
    for said in ("SOIF_LEAK is of no bias", "N has shape (5, 256)", "P has shape (0,)"):
        assert said in caught.value.what
    assert "write factors.SOIF_LEAK_N" in caught.value.fix


def test_a_table_of_another_version_is_refused(tmp_path):
    with pytest.raises(FormatError, match="version 2"):
        load_dac(measured(tmp_path, {"version": 2}))


@pytest.mark.parametrize(
    ("role", "shortest", "longest", "apart"),
    [
        ("membrane_leak", 77e-9, 0.35, 0.05),
        ("ampa_tau", 2e-6, 11.7, 0.26),  # that table's floor of P is 0.38 pA, the spec's 0.5
        ("refractory", 0.44e-6, 2.0, 0.06),
        ("pulse", 0.17e-6, 0.77, 0.11),
    ],
)
def test_times_reach_as_far_as_those_that_were_measured_with_a_table(
    role, shortest, longest, apart
):  # fmt: skip
    # by rockpool's table and constants, in simulation
    low, high = time_ranges(SPEC, DAC)[role]
    assert low == pytest.approx(shortest, rel=0.11)
    assert high == pytest.approx(longest, rel=apart)
