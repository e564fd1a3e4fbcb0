"""What a board does, beside what the simulator expects: rates by population, and a raster.

On a terminal both are drawn anew as trials end; elsewhere a line says now and then how far it is.
What the simulator expects lies beside the spikes, SPIKES.expected.json, where eideploy wrote them.
"""

import hashlib
import json
import math
import shutil
import sys
import time
from html import escape

from patchfile import LoadError

KIND, VERSION = "eideploy expected rates", 1
FLOOR_HZ = 1.0  # added to rates before they are compared, so that silence is a number
SPREADS = 2.0  # over emulated boards, beyond which a rate is not explained by mismatch
LEAST = math.log(1.1)  # a spread is taken to be as large, in logarithms of rates
EVERY_S = 60.0  # at most, where nobody watches
COLUMNS, ROWS, SHADES = 60, 6, " .:*#"  # of the raster of a trial, rows a population
WIDE, HIGH, MARGIN = 1160, 3, 130  # of its drawing: pixels, a neuron's, on the left


class Expected:
    """What the simulator makes of the same trials.

    lasts_us  how long each trial counts, by trial
    spikes    of every population, by trial; spread: over emulated boards, of the logarithm of its
              rate, by population, in the order of the layers
    """

    def __init__(self, content):
        self.boards = content["boards"]
        self.lasts_us = {int(k): v for k, v in content["lasts_us"].items()}
        self.spikes = {
            name: {int(k): v for k, v in of["spikes"].items()}
            for name, of in content["populations"].items()
        }
        self.spread = {name: of["spread"] for name, of in content["populations"].items()}


def read_expected(spikes):
    """Return what is expected of a file of spikes, None where no file beside it says so.

    Raises:
        LoadError: damaged, or of other spikes.
    """
    path = spikes.with_suffix(".expected.json")
    if not path.exists():
        return None
    anew = f"write both anew by eideploy board events, or remove {path.name}"
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if (content["kind"], content["version"]) != (KIND, VERSION):
            raise ValueError(content["kind"])
        expected = Expected(content)
        of = content["of"]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise LoadError(
            f"the expected rates cannot be read: {error!r}", where=path, fix=anew
        ) from error
    if of != hashlib.sha256(spikes.read_bytes()).hexdigest():
        raise LoadError("the expected rates are of other spikes", where=path, fix=anew)
    return expected


class View:
    """Counts what trials brought, and shows it.

    raster  a file that a drawing of the last trial is written to, or None
    within  by which factor a rate may differ; None: by what the spread over boards allows
    """

    def __init__(self, patch, expected, trials, *, raster=None, within=None, to=sys.stderr):
        self.expected, self.trials, self.raster, self.to = expected, trials, raster, to
        self.within = within
        self.sizes = {}
        for name, *_ in patch.outputs().values():
            self.sizes[name] = self.sizes.get(name, 0) + 1
        self.lasts_us = patch.head["coding"]["duration_s"] * 1e6
        self.spikes, self.done = dict.fromkeys(self.sizes, 0), []
        self.lines, self.said = 0, time.monotonic()

    @property
    def names(self):
        """The populations that the host sees, in the order of the layers where it is known."""
        ordered = [] if self.expected is None else [*self.expected.spikes]
        return [n for n in ordered if n in self.sizes] + [n for n in self.sizes if n not in ordered]

    def lasts(self, trial):
        """Return how long a trial counts, in microseconds."""
        known = {} if self.expected is None else self.expected.lasts_us
        return known.get(trial, self.lasts_us)

    def count(self, trial, answer):
        """Count a trial's spikes (microseconds, population, index, ...)."""
        lasts = self.lasts(trial)
        for at, name, *_ in answer:
            if at < lasts and name in self.spikes:
                self.spikes[name] += 1
        self.done.append(trial)

    def show(self, trial, answer):
        """Count a trial's spikes, and draw."""
        self.count(trial, answer)
        self.draw(trial, answer)
        if self.to.isatty():
            self._redraw(trial, answer)
        elif time.monotonic() - self.said > EVERY_S:
            self.said = time.monotonic()
            self.to.write(f"{len(self.done)} of {self.trials} trials\n")
            self.to.flush()

    def rates(self):
        """Return rows (population, neurons, rate, expected rate, ratio, whether it is explained).

        The last three are None where nothing is expected. Rates are in Hz, over the trials so far.
        """
        seconds = sum(self.lasts(trial) for trial in self.done) * 1e-6
        rows = []
        for name in self.names:
            per = max(self.sizes[name] * seconds, 1e-9)
            hz = self.spikes[name] / per
            if self.expected is None or name not in self.expected.spikes:
                rows.append((name, self.sizes[name], hz, None, None, None))
                continue
            wanted = sum(self.expected.spikes[name].get(trial, 0) for trial in self.done) / per
            ratio = (hz + FLOOR_HZ) / (wanted + FLOOR_HZ)
            explained = 1 / self.factor(name) <= ratio <= self.factor(name)
            rows.append((name, self.sizes[name], hz, wanted, ratio, explained))
        return rows

    def factor(self, name):
        """Return by which factor a population's rate may differ."""
        if self.within is not None:
            return self.within
        return math.exp(SPREADS * max(self.expected.spread[name], LEAST))

    def table(self):
        """Return the rates as lines."""
        head = ("population", "neurons", "Hz", "simulated", "ratio", "")
        rows = [head]
        for name, neurons, hz, wanted, ratio, explained in self.rates():
            said = ("", "") if wanted is None else (f"{wanted:.1f}", f"{ratio:.2f}")
            mark = "" if explained is None or explained else "differs"
            rows.append((name, str(neurons), f"{hz:.1f}", *said, mark))
        used = [k for k in range(len(head)) if any(row[k] for row in rows[1:])]
        wide = {k: max(len(row[k]) for row in rows) for k in used}
        return [
            "  ".join(
                row[k].ljust(wide[k]) if k == 0 else row[k].rjust(wide[k]) for k in used
            ).rstrip()
            for row in rows
        ]

    def verdict(self):
        """Return which population is the first whose rate mismatch does not explain, in a line."""
        if self.expected is None:
            return "nothing is expected: eideploy board events writes spikes with their rates"
        allowed = (
            f"{SPREADS:g} times the spread over {self.expected.boards} emulated boards"
            if self.within is None
            else "--within"
        )
        for name, _, hz, wanted, ratio, explained in self.rates():
            if explained is False:
                factor = self.factor(name)
                return (
                    f"the first population that differs: {name}, {hz:.1f} Hz, simulated "
                    f"{wanted:.1f} Hz, a ratio of {ratio:.2f} where {allowed} allows "
                    f"{1 / factor:.2f} to {factor:.2f}"
                )
        return f"no population differs by more than {allowed} allows"

    def text_raster(self, trial, answer):
        """Return a trial as lines of text: a population in a few rows, time from left to right."""
        lasts, lines = self.lasts(trial), [f"trial {trial}, 0 to {self.lasts(trial) / 1e3:g} ms"]
        counts = {}
        for at, name, index, *_ in answer:
            if at < lasts and name in self.sizes:
                row = min(index * self._rows(name) // self.sizes[name], self._rows(name) - 1)
                place = name, row, int(at * COLUMNS / lasts)
                counts[place] = counts.get(place, 0) + 1
        most = max(counts.values(), default=1)
        wide = max(map(len, self.sizes), default=0)
        for name in self.names:
            for row in range(self._rows(name)):
                cells = (counts.get((name, row, column), 0) for column in range(COLUMNS))
                drawn = "".join(SHADES[-(-n * (len(SHADES) - 1) // most)] for n in cells)
                lines.append(f"{name if row == 0 else '':{wide}} |{drawn}|")
        return lines

    def _rows(self, name):
        return min(ROWS, self.sizes[name])

    def _redraw(self, trial, answer):
        lines = [f"{len(self.done)} of {self.trials} trials", *self.table()]
        room = shutil.get_terminal_size().lines - 1
        raster = self.text_raster(trial, answer)
        lines += raster if len(lines) + len(raster) < room else []
        wide = shutil.get_terminal_size().columns - 1
        up = f"\x1b[{self.lines}F\x1b[J" if self.lines else ""
        self.to.write(up + "".join(f"{line[:wide]}\n" for line in lines[:room]))
        self.to.flush()
        self.lines = min(len(lines), room)

    def draw(self, trial, answer):
        """Write the trial as an SVG, whole or not at all, if a drawing is wanted."""
        if self.raster is None:
            return
        lasts, first, parts = self.lasts(trial), {}, []
        top = 30
        for name in self.names:
            first[name] = top
            high = self.sizes[name] * HIGH
            parts.append(
                f'<rect x="{MARGIN}" y="{top}" width="{WIDE - MARGIN}" height="{high}" '
                'fill="#eee"/>'
                f'<text x="{MARGIN - 6}" y="{top + high / 2 + 4}" text-anchor="end">'
                f"{escape(name)}</text>"
            )
            top += high + 6
        for at, name, index, *_ in answer:
            if at < lasts and name in first:
                x = MARGIN + (WIDE - MARGIN) * at / lasts
                y = first[name] + index * HIGH
                parts.append(f'<rect x="{x:.1f}" y="{y}" width="2" height="{HIGH}"/>')
        for line in (*self.table(), self.verdict()):
            top += 16
            parts.append(f'<text x="6" y="{top}" xml:space="preserve">{escape(line)}</text>')
        whole = (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDE}" height="{top + 12}" '
            'font-family="monospace" font-size="12">'
            '<rect width="100%" height="100%" fill="white"/>'
            f'<text x="6" y="18">trial {trial}, 0 to {lasts / 1e3:g} ms</text>'
            + "".join(parts)
            + "</svg>\n"
        )
        part = self.raster.with_name(f".{self.raster.name}.part")
        try:
            part.write_text(whole, encoding="utf-8")
            part.replace(self.raster)
        except OSError as error:
            raise LoadError(
                f"cannot write: {error.strerror}", where=self.raster, fix="name another file"
            ) from error
