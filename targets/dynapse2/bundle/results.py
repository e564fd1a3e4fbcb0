"""What trials brought, written as they end, so that a run that stops loses none of them."""

import csv
import hashlib
import os

from patchfile import LoadError

COLUMNS = ["trial", "time_us", "population", "index"]
TRIALS = ["trial", "spikes", "class", "of"]


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
        else:
            self._write(out, [COLUMNS], "w")
            self._write(self.listed, [TRIALS], "w")

    def add(self, trial, answer, decided):
        """Append a trial's spikes, and then that it has ended."""
        self._write(self.out, [(trial, at, name, index) for at, name, index, _ in answer], "a")
        self._write(self.listed, [(trial, len(answer), decided, self.mark)], "a")
        self.trials.add(trial)

    def _take_up(self):
        """Read what has ended, and drop the spikes of a trial that has not."""
        with self.listed.open(newline="", encoding="utf-8") as file:
            rows = [row for row in csv.DictReader(file) if None not in row.values()]
        if any(row["of"] != self.mark for row in rows):
            raise LoadError(
                "the results are of other spikes or another patch",
                where=self.out,
                fix="name another file",
            )
        self.trials = {int(row["trial"]) for row in rows}
        with self.out.open(newline="", encoding="utf-8") as file:
            spikes = [row for row in csv.reader(file) if len(row) == len(COLUMNS)][1:]
        whole = self.out.with_suffix(".part")
        self._write(whole, [COLUMNS, *(r for r in spikes if int(r[0]) in self.trials)], "w")
        whole.replace(self.out)

    @staticmethod
    def _write(path, rows, mode):
        with path.open(mode, newline="", encoding="utf-8") as file:
            csv.writer(file).writerows(rows)
            file.flush()
            os.fsync(file.fileno())
