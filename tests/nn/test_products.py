import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from eideploy.nn import products
from eideploy.nn.products import product, product_over_rows

SIZES = st.integers(1, 40)
ROWS = SIZES | st.sampled_from([16, 32, 64, 160])


@pytest.fixture(autouse=True)
def every_product_takes_the_detour(monkeypatch):
    monkeypatch.setattr(products, "WORTH", 0)


def draw(rows, columns, *, transposed, seed):
    torch.manual_seed(seed)
    wide = torch.randn(rows, columns + 3)[:, 3:]  # strided, as s_I behind the currents is
    return wide.t().contiguous().t() if transposed else wide


@given(m=ROWS, k=SIZES, n=SIZES, transposed=st.booleans(), seed=st.integers(0, 99))
def test_product_is_that_of_matrices_to_rounding(m, k, n, transposed, seed):
    a = draw(m, k, transposed=transposed, seed=seed)
    b = draw(k, n, transposed=not transposed, seed=seed + 1)
    bound = 4 * k * torch.finfo(torch.float32).eps * (a.abs() @ b.abs())
    assert ((product(a, b).double() - a.double() @ b.double()).abs() <= bound).all()


@given(rows=ROWS, m=SIZES, n=SIZES, transposed=st.booleans(), seed=st.integers(0, 99))
def test_product_over_rows_is_that_of_matrices_to_rounding(rows, m, n, transposed, seed):
    a = draw(rows, m, transposed=transposed, seed=seed)
    b = draw(rows, n, transposed=not transposed, seed=seed + 1)
    bound = 4 * rows * torch.finfo(torch.float32).eps * (a.abs().t() @ b.abs())
    assert ((product_over_rows(a, b).double() - a.double().t() @ b.double()).abs() <= bound).all()


def test_product_of_nothing_negative_is_zero_exactly_where_all_terms_are():
    a, b = torch.rand(64, 32), torch.rand(32, 48)
    a[::3] = 0
    b[:, ::5] = 0
    zero = product(a, b) == 0
    assert zero[::3].all()
    assert zero[:, ::5].all()
    assert zero.sum() == (a @ b == 0).sum()


def test_autocast_leaves_a_product_in_the_type_of_its_rows():
    a, b = torch.rand(32, 16), torch.rand(16, 8)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(product(a, b), product(a, b.double()))
        assert product(a, b).dtype == torch.float32
        assert product(a.bfloat16(), b).dtype == torch.bfloat16
        assert product_over_rows(a.bfloat16(), a).dtype == torch.bfloat16
