"""A package, so that it precedes the `tests` that other packages install beside it (textstat)."""
