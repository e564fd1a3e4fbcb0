"""Errors say the same in another process."""

import pickle

import pytest

from eideploy import errors

KINDS = [k for k in vars(errors).values() if isinstance(k, type) and issubclass(k, Exception)]


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_of_another_process_arrives_whole(kind):
    error = kind("what", where="where", fix="fix")
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is kind
    assert (str(again), again.exit_code) == (str(error), error.exit_code)
