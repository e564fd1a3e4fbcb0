"""Dividers keep their bounds; the division rounds once, as stated."""

from fractions import Fraction
from importlib.metadata import EntryPoint

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from eideploy.divisions import (
    constant,
    divide,
    exact,
    lut,
    methods,
    mitchell,
    named,
    names,
    pwl,
    shift,
    shift2,
)
from eideploy.errors import PackageError, UsageError

TABLES = [
    *(lut(*bits) for bits in [(1, 1), (2, 2), (4, 4), (4, 16), (8, 8), (8, 12), (10, 16), (12, 8)]),
    shift(),
    shift2(),
    *(pwl(*bits) for bits in [(1, 6), (2, 8), (4, 12), (6, 14)]),
]
by_label = pytest.mark.parametrize("divider", TABLES, ids=lambda d: d.label)


def relative_errors(divider, den):
    """Return r(y) y - 1 of every divisor, as `divide` applies it."""
    reciprocal, _ = divide(np.ones_like(den), den, np.int64(40), divider, bits=60)
    return (reciprocal * den - (1 << 40)) / (1 << 40)


@by_label
def test_bound_holds_for_every_16_bit_divisor(divider):
    den = np.arange(1, 1 << 16)
    assert np.abs(relative_errors(divider, den)).max() <= divider.bound


@by_label
def test_bound_is_attained(divider):
    ends = np.arange(1 << divider.index_bits, 2 << divider.index_bits) << 22 - divider.index_bits
    den = np.concatenate([ends, ends[1:] - 1, [(1 << 23) - 1]])
    assert np.abs(relative_errors(divider, den)).max() >= 0.99 * divider.bound


@by_label
def test_bound_does_not_depend_on_the_octave(divider):
    den = np.arange(1 << 13, 1 << 14)
    np.testing.assert_array_equal(relative_errors(divider, den), relative_errors(divider, den << 6))


def test_table_bound_shrinks_with_both_widths():
    for n in range(1, 11):
        for m in range(1, 13):
            cell, rounding = 2.0 ** -(n + 1), 2.0 ** -(m + 1)
            assert lut(n, m).bound <= cell + rounding * (1 + 2.0**-n)


def test_exact_errs_nowhere_and_a_constant_without_bound():
    assert exact().bound == 0
    assert constant().bound is None


def test_lines_err_less_than_chords_and_than_a_table_that_takes_as_much():
    """Chords of 16 segments err by 0.092 %, of 32 by 0.024 %."""
    assert pwl(4, 12).bound < 0.00092
    assert pwl(4, 12).bound < lut(5, 12).bound
    assert pwl(4, 12).stored_bits < lut(5, 12).stored_bits


def mitchell_errors(num, den):
    quotient, _ = divide(num << 8, den, np.int64(20), mitchell(), bits=62)
    return quotient / (num.astype(float) * 2**28) * den - 1


@settings(max_examples=300)
@given(st.integers(1, (1 << 30) - 1), st.integers(1, (1 << 30) - 1))
def test_logarithms_give_too_much_by_up_to_an_eighth(num, den):
    (error,) = mitchell_errors(np.array([num]), np.array([den]))
    truncation = mitchell().bound - 1 / 8
    assert -truncation <= error <= mitchell().bound


def test_the_bound_of_logarithms_is_attained():
    num, den = np.meshgrid(np.arange(1 << 8, 1 << 9), np.arange(1 << 8, 1 << 9))
    assert mitchell_errors(num.ravel(), den.ravel()).max() > 0.98 * mitchell().bound


def test_logarithms_of_powers_of_two_are_exact():
    powers = 1 << np.arange(20)
    assert (mitchell_errors(powers, powers[::-1].copy()) == 0).all()
    assert divide(np.array([0]), np.array([3]), np.int64(4), mitchell(), bits=16)[0] == 0


@pytest.mark.parametrize(
    ("divider", "bound"),
    [(lut(4, 16), 1 / 33), (lut(8, 16), 1 / 513), (shift(), 1 / 3), (shift2(), 1 / 11)],
    ids=lambda value: getattr(value, "label", None),
)
def test_bounds_of_the_methods(divider, bound):
    """A fine table errs by half a cell; a power of two by a third, between 1 and 2."""
    assert divider.bound == pytest.approx(bound, rel=0.02)


def reference(num, den, fraction, divider, bits):
    """Return the quotient, and whether it saturated, in exact rational arithmetic."""
    if divider.method == "exact":
        inverse = Fraction(1, den)
    else:
        exponent = den.bit_length() - 1
        i = int((Fraction(den, 1 << exponent) - 1) * (1 << divider.index_bits))
        inverse = Fraction(int(divider.table[i]), 1 << exponent + divider.fraction_bits)
    magnitude = abs(num) * inverse * Fraction(2) ** fraction
    rounded = int(magnitude + Fraction(1, 2))
    limit = (1 << bits - 1) - 1
    return min(rounded, limit) * (1 if num >= 0 else -1), rounded > limit


def check(num, den, fraction, divider, bits):
    found, saturated = divide(
        np.array([num]), np.array([den]), np.array([fraction]), divider, bits=bits
    )
    assert (int(found[0]), bool(saturated[0])) == reference(num, den, fraction, divider, bits)


def magnitudes(bits):
    """Draw integers of up to `bits`, of every size, and their neighbours of a power of two."""
    sizes = st.integers(0, bits)
    free = sizes.flatmap(lambda b: st.integers(0, (1 << b) - 1))
    near = st.tuples(st.integers(0, bits - 1), st.integers(-1, 1)).map(lambda x: (1 << x[0]) + x[1])
    return st.one_of(free, near.filter(lambda x: 0 <= x < 1 << bits))


SIGNS = st.sampled_from([-1, 1])
BITS = st.sampled_from([2, 8, 16, 32])


@settings(max_examples=500)
@given(magnitudes(61), SIGNS, magnitudes(61), st.integers(-62, 62), BITS)
def test_exact_division_is_the_rounded_quotient(num, sign, den, fraction, bits):
    assume(den > 0)
    num >>= max(0, fraction)  # |num| 2^(fraction + 1) < 2^62
    check(sign * num, den, fraction, exact(), bits)


@settings(max_examples=1000)
@given(magnitudes(61), SIGNS, magnitudes(61), st.integers(-62, 62), BITS, st.sampled_from(TABLES))
def test_division_by_table_rounds_its_product_once(num, sign, den, fraction, bits, divider):
    assume(den > 0)
    check(sign * (num >> divider.fraction_bits), den, fraction, divider, bits)


@settings(max_examples=300)
@given(st.integers(-(1 << 20), 1 << 20), st.integers(1, 1 << 20), st.integers(-20, 10))
def test_ties_go_away_from_zero(quotient, half_den, fraction):
    num, den = (2 * quotient + 1) * half_den, 2 * half_den  # the quotient and a half
    check(num << max(0, -fraction), den << max(0, fraction), fraction, exact(), 32)


@pytest.mark.parametrize(("num", "expected"), [(5, 3), (-5, -3), (4, 2), (-4, -2), (1, 1), (0, 0)])
def test_rounding_of_halves(num, expected):
    assert divide(np.array([num]), np.array([2]), np.array([0]), exact(), bits=8)[0] == expected


@pytest.mark.parametrize("divider", [exact(), *TABLES], ids=lambda d: d.label)
@pytest.mark.parametrize("sign", [-1, 1])
def test_saturation_is_symmetric_and_counted(divider, sign):
    num, den = np.array([sign * 200, sign * 3]), np.array([1, 1])
    found, saturated = divide(num, den, np.array([4, 0]), divider, bits=8)
    assert found[0] == sign * 127
    assert saturated.tolist() == [True, False]


@pytest.mark.parametrize("bits", [(0, 8), (8, 0), (17, 8), (8, 17)])
def test_widths_out_of_range_are_refused(bits):
    with pytest.raises(UsageError, match=r"must be in 1\.\.16"):
        lut(*bits)


def test_unknown_names_are_refused():
    with pytest.raises(UsageError, match="no division is called 'newton'"):
        named("newton")


@pytest.mark.parametrize("name", names())
def test_every_name_names_a_method(name):
    assert type(named(name)) in methods()


def test_a_name_may_hold_a_size():
    assert named("lut:4x6").label == "lut 4x6"
    assert named("pwl 3x9").label == "pwl 3x9"
    for label in (lut(4, 6).label, pwl(3, 9).label, shift2().label):
        assert named(label).label == label


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("lut:8", "write lut:8x8"),
        ("pwl:x", "write pwl:4x12"),
        ("shift:2", "shift, perhaps"),
        ("mitchel", "mitchell, perhaps"),
        ("pwl:9x17", "numbers from 1 to 16"),
        ("pwl:16x9", "must be in"),
    ],
)
def test_names_that_are_nearly_right_are_told_how(name, said):
    with pytest.raises(UsageError) as caught:
        named(name)
    assert said in str(caught.value)


def test_tables_are_read_only():
    with pytest.raises(ValueError, match="read-only"):
        lut(4, 4).table[0] = 0


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("no_such_module:Coarse", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("math:sqrt", "math:sqrt is not an eideploy.Divider"),
    ],
)
def test_a_package_that_offers_a_broken_division_is_named(value, why, monkeypatch):
    point = EntryPoint("coarse", value, "eideploy.divisions")
    monkeypatch.setattr("eideploy.packages.offered", lambda _group: [point])
    with pytest.raises(PackageError, match="offers the division coarse, which cannot be used") as e:
        named("coarse")
    assert why in e.value.what
