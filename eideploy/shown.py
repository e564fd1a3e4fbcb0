"""What objects say of themselves in Python: a line, and in a notebook all of it."""

from html import escape


def kind_of(value: object) -> str:
    """Return the type of a value with its article, as in "a list" or "an int"; None is itself."""
    if value is None:
        return "None"
    name = type(value).__name__
    return f"{'an' if name[0] in 'aeiouAEIOU' or name == 'ndarray' else 'a'} {name}"


class Shown:
    """An object that is shown by a line, or by a text; dataclasses of it say `repr=False`."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.in_a_line()})"

    def _repr_html_(self) -> str:
        return f"<pre>{escape(self.in_full())}</pre>"

    def in_a_line(self) -> str:
        """Return what it is, in a line."""
        raise NotImplementedError

    def in_full(self) -> str:
        """Return what it holds."""
        raise NotImplementedError
