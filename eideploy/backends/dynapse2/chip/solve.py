"""Mixed-integer programmes: variables and rows collected, solved by HiGHS."""

from collections.abc import Sequence

import numpy as np

from eideploy.backends.dynapse2.chip.arrays import Array


class Programme:
    """Minimise the variables' cost within rows; variables are whole numbers from 0."""

    def __init__(self) -> None:
        self.cost: list[float] = []
        self.high: list[float] = []
        self.rows: list[tuple[Array, Array, float, float]] = []

    def whole(self, *shape: int, high: int, cost: float = 0.0) -> Array:
        """Return the numbers of new variables in 0..high: an array of `shape`."""
        count, start = int(np.prod(shape)), len(self.cost)
        self.cost += [cost] * count
        self.high += [high] * count
        return np.arange(start, start + count).reshape(shape)

    def binary(self, *shape: int, cost: float = 0.0) -> Array:
        """Return the numbers of new variables that are 0 or 1."""
        return self.whole(*shape, high=1, cost=cost)

    def at_most(
        self, variables: Sequence[int] | Array, times: Sequence[float] | float, bound: float
    ) -> None:
        """Require sum(times * variables) <= bound."""
        self._row(variables, times, -np.inf, bound)

    def exactly(
        self, variables: Sequence[int] | Array, times: Sequence[float] | float, value: float
    ) -> None:
        """Require sum(times * variables) = value."""
        self._row(variables, times, value, value)

    def solve(self, seconds: float) -> Array | None:
        """Return the values of all variables, or None: impossible, or not found in time."""
        from scipy.optimize import Bounds, LinearConstraint, milp  # a fifth of a second to import
        from scipy.sparse import csr_array

        counts = [len(index) for index, *_ in self.rows]
        matrix = csr_array(
            (
                np.concatenate([times for _, times, _, _ in self.rows]),
                np.concatenate([index for index, *_ in self.rows]),
                np.cumsum([0, *counts]),
            ),
            shape=(len(self.rows), len(self.cost)),
        )
        low, high = (np.array([row[i] for row in self.rows]) for i in (2, 3))
        solution = milp(
            np.array(self.cost),
            integrality=np.ones(len(self.cost)),
            bounds=Bounds(0, np.array(self.high)),
            constraints=LinearConstraint(matrix, low, high),
            options={"time_limit": seconds},
        )
        return None if solution.x is None else np.asarray(solution.x)

    def _row(
        self,
        variables: Sequence[int] | Array,
        times: Sequence[float] | float,
        low: float,
        high: float,
    ) -> None:
        index = np.asarray(variables, np.int64)
        factors = np.broadcast_to(np.asarray(times, np.float64), index.shape)
        self.rows.append((index, factors, low, high))
