"""The clock of a core from a board's oscillator: a phase-locked loop and its dividers.

Sources: Lattice TN-02200 (ECP5: oscillator 400 to 800 MHz, reference at least 10 MHz); Gowin UG286
and DS226, DS117 (GW2AR-18 500 to 1250 MHz, GW1NR-9 400 to 1200 MHz).
"""

from collections.abc import Iterator
from dataclasses import dataclass

from eideploy.errors import SpecError
from eideploy.target import Target

ECP5_VCO, ECP5_LEAST = (400e6, 800e6), 10e6
GOWIN_VCO = {"GW2AR": (500e6, 1250e6), "GW1NR": (400e6, 1200e6)}
GOWIN_DEVICE = {"GW2AR": "GW2AR-18C", "GW1NR": "GW1NR-9C"}
GOWIN_OUTPUT = (2, 4, 8, 16, 32, 48, 64, 80, 96, 112, 128)


@dataclass(frozen=True, kw_only=True)
class Dividers:
    """f = oscillator feedback / reference; the loop itself runs at f output."""

    reference: int
    feedback: int
    output: int


def pll_text(target: Target) -> str:
    """Return the SystemVerilog that makes `clk` and `locked` of `oscillator`.

    Raises:
        SpecError: the loop cannot make the clock.
    """
    board, hz = target.board, target.clock_hz
    assert board is not None
    assert hz is not None
    if board.oscillator_hz == hz:
        return "  assign clk = oscillator;\n  assign locked = 1'b1;\n"
    if board.tool == "vivado":
        return _mmcm(board.oscillator_hz, hz)
    dividers = next(_dividers(target), None)
    if dividers is None:
        raise SpecError(
            f"the PLL of {board.part} cannot make {hz / 1e6:g} MHz "
            f"from {board.oscillator_hz / 1e6:g} MHz",
            where=f"{target.source}, key clock_hz",
            fix="choose another clock_hz, as a multiple of the oscillator's or a simple fraction",
        )
    return (_ecp5 if board.tool == "ecp5" else _gowin)(target, dividers)


def _dividers(target: Target) -> Iterator[Dividers]:
    board, hz = target.board, target.clock_hz
    assert board is not None
    assert hz is not None
    is_ecp5 = board.tool == "ecp5"
    low, high = ECP5_VCO if is_ecp5 else GOWIN_VCO[board.part[:5]]
    outputs = range(128, 0, -1) if is_ecp5 else GOWIN_OUTPUT[::-1]
    for reference in range(1, 65):
        feedback, rest = divmod(hz * reference, board.oscillator_hz)
        too_slow = is_ecp5 and board.oscillator_hz / reference < ECP5_LEAST
        if rest or not 1 <= feedback <= (80 if is_ecp5 else 64) or too_slow:
            continue
        for output in outputs:
            if low <= hz * output <= high:
                yield Dividers(reference=reference, feedback=feedback, output=output)


def _ecp5(target: Target, by: Dividers) -> str:
    board = target.board
    assert board is not None
    assert target.clock_hz is not None
    return f"""  (* FREQUENCY_PIN_CLKI = "{board.oscillator_hz / 1e6:g}" *)
  (* FREQUENCY_PIN_CLKOP = "{target.clock_hz / 1e6:g}" *)
  (* ICP_CURRENT = "12" *) (* LPF_RESISTOR = "8" *)
  (* MFG_ENABLE_FILTEROPAMP = "1" *) (* MFG_GMCREF_SEL = "2" *)
  EHXPLLL #(
      .FEEDBK_PATH("CLKOP"),
      .CLKI_DIV({by.reference}),
      .CLKFB_DIV({by.feedback}),
      .CLKOP_ENABLE("ENABLED"),
      .CLKOP_DIV({by.output}),
      .CLKOP_CPHASE({by.output - 1}),
      .CLKOP_FPHASE(0)
  ) loop (
      .CLKI(oscillator),
      .CLKFB(clk),
      .CLKOP(clk),
      .LOCK(locked),
      .RST(1'b0),
      .STDBY(1'b0),
      .PHASESEL0(1'b0),
      .PHASESEL1(1'b0),
      .PHASEDIR(1'b1),
      .PHASESTEP(1'b1),
      .PHASELOADREG(1'b1),
      .PLLWAKESYNC(1'b0),
      .ENCLKOP(1'b0)
  );
"""


def _gowin(target: Target, by: Dividers) -> str:
    board = target.board
    assert board is not None
    return f"""  rPLL #(
      .FCLKIN("{board.oscillator_hz / 1e6:g}"),
      .DEVICE("{GOWIN_DEVICE[board.part[:5]]}"),
      .IDIV_SEL({by.reference - 1}),
      .FBDIV_SEL({by.feedback - 1}),
      .ODIV_SEL({by.output}),
      .DYN_IDIV_SEL("false"),
      .DYN_FBDIV_SEL("false"),
      .DYN_ODIV_SEL("false"),
      .CLKFB_SEL("internal"),
      .CLKOUT_BYPASS("false"),
      .CLKOUTP_BYPASS("false"),
      .CLKOUTD_BYPASS("false"),
      .DYN_SDIV_SEL(2),
      .CLKOUTD_SRC("CLKOUT"),
      .CLKOUTD3_SRC("CLKOUT"),
      .PSDA_SEL("0000"),
      .DYN_DA_EN("false"),
      .DUTYDA_SEL("1000"),
      .CLKOUT_FT_DIR(1'b1),
      .CLKOUTP_FT_DIR(1'b1),
      .CLKOUT_DLY_STEP(0),
      .CLKOUTP_DLY_STEP(0)
  ) loop (
      .CLKIN(oscillator),
      .CLKFB(1'b0),
      .CLKOUT(clk),
      .LOCK(locked),
      .RESET(1'b0),
      .RESET_P(1'b0),
      .FBDSEL(6'd0),
      .IDSEL(6'd0),
      .ODSEL(6'd0),
      .PSDA(4'd0),
      .DUTYDA(4'd0),
      .FDLY(4'd0)
  );
"""


def _mmcm(oscillator_hz: int, hz: int) -> str:
    multiply = 1_000_000_000 / oscillator_hz  # the loop runs at 1 GHz
    return f"""  wire loop_clock, fed_back;
  MMCME2_BASE #(
      .CLKIN1_PERIOD({1e9 / oscillator_hz:.3f}),
      .CLKFBOUT_MULT_F({multiply:.3f}),
      .CLKOUT0_DIVIDE_F({1e9 / hz:.3f})
  ) loop (
      .CLKIN1(oscillator),
      .CLKFBIN(fed_back),
      .CLKFBOUT(fed_back),
      .CLKOUT0(loop_clock),
      .LOCKED(locked),
      .PWRDWN(1'b0),
      .RST(1'b0)
  );
  BUFG to_core (
      .I(loop_clock),
      .O(clk)
  );
"""
