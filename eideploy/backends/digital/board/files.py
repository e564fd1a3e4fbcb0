"""The files of a board in a build: the top with its pins and clock, constraints, the driver."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from shutil import copyfile

from eideploy import shipped
from eideploy.backends.digital.board import driver
from eideploy.backends.digital.board.pll import pll_text
from eideploy.backends.digital.bundle import package_file, take
from eideploy.backends.digital.images import images
from eideploy.backends.digital.parameters import shape_of
from eideploy.backends.digital.program import Program
from eideploy.errors import CapacityError
from eideploy.target import Board, Target

FOLDER = "board"
TOP, MODULE = "top.sv", "top"
CONSTRAINTS = {"ecp5": "board.lpf", "gowin": "board.cst", "vivado": "board.xdc"}
TCL, HEADER, DRIVER = "vivado.tcl", "board_shape.h", "driver.py"
EMULATED_DIVISOR = 4  # clock cycles a bit, where the line is not a real one
LARGEST = {"y": 256, "x": 256, "channel": 65536, "value": 256}  # what a word of the line holds


@dataclass(frozen=True, kw_only=True)
class Link:
    """What the serial line's end knows of the network, the parameters of `eideploy_board`."""

    steps: int
    port_steps: int  # of which it takes events
    classes: int
    height: int
    width: int
    channels: int
    network: str  # 16 hexadecimal digits

    def parameters(self, divisor: int) -> dict[str, str]:
        """Return the parameters of the module, by name."""
        return {
            "DIVISOR": str(divisor),
            "STEPS": str(self.steps),
            "PORT_STEPS": str(self.port_steps),
            "CLASSES": str(self.classes),
            "HEIGHT": str(self.height),
            "WIDTH": str(self.width),
            "CHANNELS": str(self.channels),
            "NETWORK": f"64'h{self.network}",
        }


def link_of(program: Program) -> Link:
    """Return the link of a program.

    Raises:
        CapacityError: events that a word of the line does not hold.
    """
    circuit = program.circuit
    size = circuit.input.size
    channels, height, width = size if len(size) == 3 else (size[0], 1, 1)
    top = getattr(circuit.input, "top", 1)
    sizes = {"y": height, "x": width, "channel": channels, "value": top + 1}
    over = [f"{name} up to {n - 1}" for name, n in sizes.items() if n > LARGEST[name]]
    if over:
        raise CapacityError(
            f"events have {' and '.join(over)}",
            where=f"target {program.target.name}, its serial line",
            fix="the serial line carries y, x and values up to 255, and channels up to 65535: "
            "compile for digital with --fit, and connect the core's input port yourself",
        )
    content = json.dumps(images(program, shape_of(program)), sort_keys=True)
    return Link(
        steps=circuit.steps,
        port_steps=program.port_steps,
        classes=program.stages[-1].n_e,
        height=height,
        width=width,
        channels=channels,
        network=hashlib.sha256(content.encode()).hexdigest()[:16],
    )


def write_board(program: Program, folder: Path) -> None:
    """Write board/ of a build: RTL, top, constraints, the driver, the emulator.

    Raises:
        CapacityError: events that a word of the line does not hold.
        SpecError: the board's loop does not make the clock.
    """
    target, board = program.target, program.target.board
    assert board is not None
    link = link_of(program)
    place = folder / FOLDER
    texts = {TOP: _top(target, board, link), CONSTRAINTS[board.tool]: _constraints(target, board)}
    texts[HEADER] = f"#pragma once\nconstexpr unsigned DIVISOR = {EMULATED_DIVISOR};\n"
    if board.tool == "vivado":
        texts[TCL] = _tcl(board, package_file(target.core.module))
    take(shipped.folder("targets") / "digital" / FOLDER, place, target.core.module)
    for name, text in texts.items():
        (place / name).write_text(text, "utf-8")
    copyfile(driver.__file__, place / DRIVER)


def divisor_of(target: Target) -> int:
    """Return the clock cycles of a bit on the serial line."""
    assert target.board is not None
    assert target.clock_hz is not None
    return round(target.clock_hz / target.board.baud)


def _top(target: Target, board: Board, link: Link) -> str:
    leds, pins = len(board.pins.leds), board.pins
    named = ",\n".join(
        f"      .{name}({value})" for name, value in link.parameters(divisor_of(target)).items()
    )
    inverted = "~" if pins.leds_low else ""
    lit = f"{{busy, best[{leds - 2}:0]}}" if leds > 1 else "busy"
    return f"""// {target.description}; written by eideploy.
module {MODULE} (
    input  wire oscillator,
    input  wire rx,
    output wire tx,
    output wire [{leds - 1}:0] led
);
  wire clk, locked, busy;
  wire [7:0] best;

{pll_text(target)}
  {target.core.module}_board #(
{named}
  ) board (
      .clk(clk),
      .ready(locked),
      .rx(rx),
      .tx(tx),
      .busy(busy),
      .leds(best)
  );

  // The lowest bits of the class; the last LED is lit while the board works.
  assign led = {inverted}{lit};
endmodule
"""


def _constraints(target: Target, board: Board) -> str:
    pins = board.pins
    sites = {"oscillator": pins.clock, "rx": pins.rx, "tx": pins.tx}
    standards = dict.fromkeys(sites, pins.standard)
    for i, site in enumerate(pins.leds):
        sites[f"led[{i}]"] = site
        standards[f"led[{i}]"] = pins.led_standard or pins.standard
    if board.tool == "ecp5":
        lines = [f'LOCATE COMP "{name}" SITE "{site}";' for name, site in sites.items()]
        lines += [f'IOBUF PORT "{name}" IO_TYPE={io};' for name, io in standards.items()]
        lines += [f'FREQUENCY PORT "oscillator" {board.oscillator_hz / 1e6:g} MHZ;']
    elif board.tool == "gowin":
        lines = [f'IO_LOC "{name}" {site};' for name, site in sites.items()]
        lines += [f'IO_PORT "{name}" IO_TYPE={io};' for name, io in standards.items()]
    else:
        lines = [
            f"set_property -dict {{PACKAGE_PIN {site} IOSTANDARD {standards[name]}}} "
            f"[get_ports {{{name}}}]"
            for name, site in sites.items()
        ]
        period = 1e9 / board.oscillator_hz
        lines += [f"create_clock -period {period:.3f} [get_ports oscillator]"]
    head = f"{'#' if board.tool != 'gowin' else '//'} {target.description}; written by eideploy.\n"
    return head + "".join(f"{line}\n" for line in lines)


def _tcl(board: Board, package: str) -> str:
    return f"""# vivado -mode batch -source board/{TCL}, in the folder of the build.
# Written by eideploy and never run: Vivado is not open. images/ fills the memories.
read_verilog -sv rtl/{package}
read_verilog -sv [lsearch -all -inline -not [glob rtl/*.sv] rtl/{package}]
read_verilog -sv [glob board/*.sv]
read_xdc board/{CONSTRAINTS["vivado"]}
synth_design -top {MODULE} -part {board.part}
opt_design
place_design
route_design
report_timing_summary -file timing.rpt
report_utilization -file utilisation.rpt
write_bitstream -force board.bit
"""
