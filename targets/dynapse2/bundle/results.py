"""What trials brought, written as they end, so that a run that stops loses none of them."""

import csv
import hashlib
import json
import os

from patchfile import LoadError

COLUMNS = ["trial", "time_us", "population", "index"]
TRIALS = ["trial", "spikes", "class", "of"]
SADC = ["trial", "chip", "channel", "value"]
OUTPUTS = "outputs.json"  # beside a patch that was tuned: a line for the count of every output


class Kept:
    """OUT.csv and, beside it, OUT.trials.csv, a line a finished trial.

    out     path of OUT.csv
    of      files that the results are of: others are refused
    trials  those that have ended
    """

    def __init__(self, out, *, of):
        self.out, self.listed = out, out.with_suffix(".trials.csv")
        self.mark = hashlib.sha256(b"".join(path.read_bytes() for path in of)).hexdigest()[:16]
        self.trials = set()
        if out.exists() and not self.listed.exists():
            raise LoadError("the file is there already", where=out, fix="name another file")
        if self.listed.exists():
            self._take_up()
        else:  # in this order: without its list a file is taken for somebody else's
            self._write(self.listed, [TRIALS], "w")
            self._write(out, [COLUMNS], "w")

    def add(self, trial, answer, decided):
        """Append a trial's spikes, and then that it has ended."""
        self._write(self.out, [(trial, at, name, index) for at, name, index, _ in answer], "a")
        self._write(self.listed, [(trial, len(answer), decided, self.mark)], "a")
        self.trials.add(trial)

    def answers(self):
        """Yield the trials that have ended, and the spikes (microseconds, population, index)."""
        answers = {trial: [] for trial in self.trials}
        with self.out.open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                spike = int(row["time_us"]), row["population"], int(row["index"])
                answers[int(row["trial"])].append(spike)
        yield from sorted(answers.items())

    def _take_up(self):
        """Read what has ended, and drop the spikes of a trial that has not."""
        try:
            ended = _whole_rows(self.listed, TRIALS)
            self.trials = {int(row[0]) for row in ended}
            spikes = _whole_rows(self.out, COLUMNS) if ended or self.out.exists() else []
            spikes = [row for row in spikes if int(row[0]) in self.trials]
        except (OSError, ValueError) as error:
            raise LoadError(
                f"the results cannot be read: {error}",
                where=f"{self.out}, {self.listed.name}",
                fix="name another file, or remove both",
            ) from error
        if any(row[-1] != self.mark for row in ended):
            raise LoadError(
                "the results are of other spikes or another patch",
                where=self.out,
                fix="name another file",
            )
        for path, rows in ((self.listed, [TRIALS, *ended]), (self.out, [COLUMNS, *spikes])):
            whole = path.with_suffix(".part")
            self._write(whole, rows, "w")
            whole.replace(path)

    @staticmethod
    def _write(path, rows, mode):
        with path.open(mode, newline="", encoding="utf-8") as file:
            csv.writer(file).writerows(rows)
            file.flush()
            os.fsync(file.fileno())


def append(path, columns, rows):
    """Append rows to a table, which is begun with its columns where it is not there.

    Raises:
        LoadError: it cannot be written.
    """
    try:
        new = not path.exists()
        with path.open("a", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([columns, *rows] if new else rows)
    except OSError as error:
        raise LoadError(
            f"cannot write: {error.strerror}", where=path, fix="name another file"
        ) from error


def _whole_rows(path, columns):
    """Return the rows of a file but for a last line that is not whole, as of a killed process.

    Raises:
        ValueError: the file has other columns.
    """
    text = path.read_text(encoding="utf-8")
    lines = text[: text.rfind("\n") + 1].splitlines()
    head, *rows = list(csv.reader(lines)) or [columns]
    if head != columns or any(len(row) != len(columns) for row in rows):
        raise ValueError(f"{path.name} has not the columns {', '.join(columns)}")
    return rows


def read_outputs(path):
    """Return by population and index the line (slope, offset) that an output's count is scaled by.

    Raises:
        LoadError: the file is damaged.
    """
    if not path.exists():
        return {}
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))["outputs"]
        return {(name, index): (slope, offset) for name, index, slope, offset in rows}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise LoadError(
            f"the lines of outputs cannot be read: {error!r}", where=path, fix="tune again"
        ) from error


def decide(spikes, classes, lines, outputs):
    """Return the class with most spikes of its neurons, in the mean; of several the lowest.

    lines    by which counts are scaled, of outputs that have one
    outputs  (population, index, class) of every monitored neuron
    """
    counts = {}
    for _, name, index, _ in spikes:
        counts[name, index] = counts.get((name, index), 0) + 1
    votes, members = [0.0] * classes, [0] * classes
    for name, index, output_class in outputs:
        if output_class >= 0:
            slope, offset = lines.get((name, index), (1.0, 0.0))
            votes[output_class] += slope * counts.get((name, index), 0) + offset
            members[output_class] += 1
    mean = [vote / max(count, 1) for vote, count in zip(votes, members, strict=True)]
    return max(range(classes), key=lambda c: (mean[c], -c))
