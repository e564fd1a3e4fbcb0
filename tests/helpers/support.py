"""Which feature works where, and the test that says so: `python tests/helpers/support.py`.

It writes docs/support.md; tests/test_support.py holds the page, the tests that it names, and what
random networks meet to this table.
"""

from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/support.md"
COLUMNS = (
    "definition", "fast simulator", "state machine", "RTL", "C", "ONNX (integer)", "NIR",
    "DYNAP-SE2",
)  # fmt: skip
PROVED, SIMULATED, HARDWARE, NONE = "proved", "simulated", "needs hardware", "not implemented"
STATES = (PROVED, SIMULATED, HARDWARE, NONE)

DEFINED = (
    PROVED,
    "tests/execute/test_definition.py::test_the_fast_simulator_equals_the_definition",
)
STEPPED = (
    PROVED,
    "tests/execute/test_state_machine.py::"
    "test_core_equals_simulator_and_cycle_model_on_random_programs",
)
RTL = (PROVED, "tests/rtl/test_random_networks.py::test_core_equals_simulator_and_formula")
C = (PROVED, "tests/c/test_network.py::test_any_circuit_is_the_same_in_c")
ONNX = (
    PROVED,
    "tests/onnx/test_integer_model.py::test_every_program_equals_the_simulator_on_random_circuits",
)
NIR = (PROVED, "tests/nir/test_ei.py::test_a_circuit_comes_back_as_it_was")
NIR_FOREIGN = (
    PROVED,
    "tests/nir/test_import_equals.py::test_a_random_network_gives_the_same_output",
)
NIR_DIALECTS = (
    PROVED,
    "tests/nir/test_foreign.py::test_every_dialect_spikes_alike_in_nirtorch_with_our_node_map",
)
CHIP = (
    SIMULATED,
    "tests/backends/dynapse2/training/test_training.py::"
    "test_it_learns_and_the_mapped_chip_knows_it",
)
NO_CHIP = (NONE, "tests/cli/test_chip.py::test_another_run_is_refused_with_numbers")
NO_FRAMES = (
    NONE,
    "tests/cli/test_events.py::test_a_mixed_signal_chip_is_refused_recordings_before_any_is_read",
)
NIR_FRAMES = (PROVED, "tests/nir/test_import.py::test_sequences_are_taken_a_step_at_a_time")
SHUNT = (
    SIMULATED,
    "tests/backends/dynapse2/dpi/test_definition.py::"
    "test_the_shunt_divides_the_sub_threshold_current",
)
NIR_LOOPS = (
    PROVED,
    "tests/nir/test_ei.py::test_neurons_that_read_themselves_come_back_and_mean_the_same_to_others",
)
NO_LOOP = (NONE, "tests/execute/test_steps.py::test_what_cannot_carry_a_delay_names_the_edges")
ONNX_LOOPS = (
    PROVED,
    "tests/onnx/test_integer_model.py::"
    "test_edges_that_are_late_or_side_by_side_are_the_same_in_every_program",
)
STEPPED_LOOP = (
    PROVED,
    "tests/execute/test_state_machine.py::test_a_core_with_general_neurons_and_loops_equals_simulator_and_cycle_model",
)
INTEGRATED = (
    PROVED,
    "tests/execute/test_integrators.py::"
    "test_the_fast_simulator_equals_the_definition_within_its_bounds",
)
NO_INTEGRATOR = (
    NONE,
    "tests/execute/test_integrators.py::test_the_core_refuses_integrators_by_its_name",
)
C_INTEGRATES = (PROVED, "tests/execute/test_integrators.py::test_c_is_the_simulator")
ONNX_INTEGRATES = (
    PROVED,
    "tests/execute/test_integrators.py::test_integer_onnx_is_the_simulator",
)
NIR_INTEGRATES = (
    PROVED,
    "tests/nir/test_ei.py::test_integrators_come_back_and_mean_the_same_to_others",
)
C_COUNTS = (PROVED, "tests/c/test_network.py::test_general_neurons_are_the_same_in_c")
ONNX_COUNTS = (
    PROVED,
    "tests/onnx/test_integer_model.py::test_general_neurons_are_the_same_in_every_program",
)
NO_COUNTS = (NONE, "tests/nir/test_ei.py::test_general_neurons_that_nir_has_not_are_refused")
COUNTED = (
    PROVED,
    "tests/execute/test_definition.py::"
    "test_networks_of_general_neurons_are_what_the_definition_says",
)
RTL_COUNTS = (
    PROVED,
    "tests/rtl/test_general_neurons.py::"
    "test_a_core_that_counts_spikes_equals_simulator_and_formula",
)
RTL_LOOP = (
    PROVED,
    "tests/rtl/test_loops.py::test_a_core_with_loops_equals_simulator_and_formula",
)
LOOP = (PROVED, "tests/execute/test_steps.py::test_a_recurrent_network_is_what_the_definition_says")
NO_RTL = (
    NONE,
    "tests/execute/test_every_division.py::"
    "test_the_systemverilog_is_written_for_the_methods_that_it_has",
)
DIVIDED = (PROVED, "tests/execute/test_every_division.py::test_every_executor_divides_as_stated")
C_DIVIDES = (PROVED, "tests/c/test_network.py::test_every_division_is_the_same_in_c")
ONNX_DIVIDES = (PROVED, "tests/onnx/test_division.py::test_every_quotient_is_the_simulators")
OWN_NEURON = (PROVED, "tests/cli/test_own_neuron.py::test_networks_of_it_are_the_same_everywhere")
OWN_NEURON_BUILT = (PROVED, "tests/cli/test_own_neuron.py::test_a_build_of_it_is_verified")
NO_OWN_NEURON = (
    NONE,
    "tests/cli/test_own_neuron.py::test_the_shipped_core_and_nir_have_no_such_neurons",
)
OWN_DIVISION = (
    PROVED,
    "tests/cli/test_own_division.py::test_every_executor_divides_as_its_plain_integers_do",
)
OWN_DIVISION_BUILT = (
    PROVED,
    "tests/cli/test_own_division.py::test_a_build_that_divides_by_it_is_verified",
)
RTL_GENERAL = (
    PROVED,
    "tests/rtl/test_general_neurons.py::test_a_core_with_everything_equals_simulator_and_formula",
)
NIR_GENERAL = (
    PROVED,
    "tests/nir/test_ei.py::test_general_neurons_that_nir_has_come_back_and_mean_the_same_to_others",
)
STEPPED_ONCE = (
    PROVED,
    "tests/execute/test_state_machine.py::"
    "test_a_core_that_takes_samples_once_equals_simulator_and_cycle_model",
)
RTL_ONCE = (
    PROVED,
    "tests/rtl/test_static_input.py::test_a_core_that_keeps_sums_equals_simulator_and_formula",
)
C_ONCE = (
    PROVED,
    "tests/c/test_network.py::test_all_that_may_be_dense_and_kept_is_the_same_in_c",
)
C_LOOPS = (PROVED, "tests/c/test_network.py::test_a_recurrent_network_is_the_same_in_c")
EMPTY = ("", "")  # the question does not arise
NIR_OF_FLOATS = EMPTY  # NIR holds the float network, whose division is exact

RANDOM = (DEFINED, DEFINED, STEPPED, RTL, C, ONNX)
LOOPED = (LOOP, LOOP, STEPPED_LOOP, RTL_LOOP, C_LOOPS)


def division(rtl: tuple[str, str], chip: tuple[str, str]) -> tuple[tuple[str, str], ...]:
    """Return the row of a method of division."""
    return (DIVIDED, DIVIDED, DIVIDED, rtl, C_DIVIDES, ONNX_DIVIDES, NIR_OF_FLOATS, chip)


# What random circuits draw (tests/helpers/random_circuits.py), by the feature's row.
FEATURES = {
    "Fully connected layers": (*RANDOM, NIR, CHIP),
    "Convolutions": (*RANDOM, NIR, NO_CHIP),
    "Average pooling": (*RANDOM, NIR, NO_CHIP),
    "Residual sums": (*RANDOM, NIR, NO_CHIP),
    "Input that changes over time": (*RANDOM, NIR_FRAMES, NO_FRAMES),
    "Neurons that read themselves": (*LOOPED, ONNX_LOOPS, NIR_LOOPS, NO_CHIP),
    "Other edges that are one step late": (*LOOPED, ONNX_LOOPS, NO_LOOP, NO_CHIP),
    "Neurons with any leak, a synaptic filter": (
        COUNTED, COUNTED, STEPPED_LOOP, RTL_GENERAL, C_COUNTS, ONNX_COUNTS, NIR_GENERAL, NO_CHIP),
    "Resets one step late, a lowest membrane": (
        COUNTED, COUNTED, STEPPED_LOOP, RTL_GENERAL, C_COUNTS, ONNX_COUNTS, NO_COUNTS, NO_CHIP),
    "Several spikes a step": (COUNTED, COUNTED, STEPPED_LOOP, RTL_COUNTS, C_COUNTS, ONNX_COUNTS,
                              NO_COUNTS, NO_CHIP),
    "Membranes at the output": (INTEGRATED, INTEGRATED, NO_INTEGRATOR, NO_INTEGRATOR, C_INTEGRATES,
                                ONNX_INTEGRATES, NIR_INTEGRATES, NO_CHIP),
    "Sums of a still sample, kept over the steps": (
        EMPTY, EMPTY, STEPPED_ONCE, RTL_ONCE, C_ONCE, EMPTY, EMPTY, EMPTY),
    "Inhibition as its own population": (*RANDOM, NIR, CHIP),
    "Folded inhibition": (*RANDOM, NIR_DIALECTS, NO_CHIP),
    "Layers without inhibition": (*RANDOM, NIR_FOREIGN, NO_CHIP),
    "Division `exact`": division(RTL, SHUNT),
    "Division `lut`": division(RTL, NO_CHIP),
    "Division `shift`": division(RTL, NO_CHIP),
    "Division `shift2`": division(RTL, NO_CHIP),
    "Division `pwl`": division(NO_RTL, NO_CHIP),
    "Division `mitchell`": division(NO_RTL, NO_CHIP),
    "Division `constant`": division(NO_RTL, NO_CHIP),
    "Division of your own": (OWN_DIVISION, OWN_DIVISION, OWN_DIVISION, NO_RTL, OWN_DIVISION_BUILT,
                             OWN_DIVISION_BUILT, NIR_OF_FLOATS, NO_CHIP),
    "Zero divisors, `minimum`": (*RANDOM, NIR, NO_CHIP),
    "Zero divisors, `floor`": (*RANDOM, NIR_OF_FLOATS, NO_CHIP),
    "LIF, threshold subtracted": (*RANDOM, NIR, NO_CHIP),
    "LIF, reset to zero": (*RANDOM, NIR_DIALECTS, CHIP),
    "Neuron of your own": (OWN_NEURON, OWN_NEURON, OWN_NEURON, NO_OWN_NEURON, OWN_NEURON_BUILT,
                           OWN_NEURON_BUILT, NO_OWN_NEURON, NO_CHIP),
}  # fmt: skip

CLAIMS = {
    "No accumulator overflows, for any input":
        (PROVED, "tests/circuit/test_proof.py::test_no_number_leaves_its_interval"),
    "A table's error is at most its bound, for every 16-bit divisor":
        (PROVED, "tests/numeric/test_division.py::test_bound_holds_for_every_16_bit_divisor"),
    "The cycle formula is the core's cycles": RTL,
    "Faults put into the core are caught":
        (PROVED, "tests/rtl/test_mutants.py::"
                 "test_a_fault_is_caught"),
    "Layers and gradients equal the authors' code":
        (PROVED, "tests/nn/test_layers.py::test_gradients_equal_the_reference"),
    "Three steps of training equal the authors' code":
        (PROVED, "tests/model/test_networks.py::test_three_steps_of_training_equal_the_reference"),
    "An imported checkpoint gives the authors' logits":
        (PROVED, "tests/model/test_authors.py::"
                 "test_logits_of_an_imported_checkpoint_equal_the_reference"),
    "Fine-tuning trains through the simulator's integers":
        (PROVED, "tests/finetune/test_network.py::test_logits_are_the_simulators"),
    "A killed command is typed again and ends with the same bytes":
        (PROVED, "tests/fuzz/test_interruption.py::"
                 "test_a_command_killed_at_any_moment_is_run_again_to_the_same_result"),
    "Plain NIR files spike alike in nirtorch and SpikingJelly":
        (PROVED, "tests/nir/test_foreign.py::test_a_plain_network_spikes_alike"),
    "C gives its sums on Cortex-M0, Cortex-M4 and RV32IMC":
        (SIMULATED, "tests/c/test_qemu.py::test_every_spike_membrane_and_sum_is_the_simulators"),
    "An FPGA board's core, from the pins of its serial line in Verilator, gives every logit":
        (SIMULATED, "tests/rtl/test_board.py::test_the_board_gives_every_logit_of_the_simulator"),
    "`simulate --executor board` runs samples on an FPGA board":
        (HARDWARE, "tests/cli/test_board.py::test_a_board_is_tested_and_runs_samples"),
    "The DYNAP-SE2 simulator fires as rockpool's DynapSim, on excitation":
        (SIMULATED, "tests/backends/dynapse2/dpi/test_dynapsim.py::"
                    "test_every_spike_is_one_of_dynapsim_and_none_is_missing"),
    "The loader sets a DYNAP-SE2 board and reads its spikes":
        (HARDWARE, "tests/backends/dynapse2/test_load.py::"
                   "test_trials_go_to_the_board_and_come_back_as_classes"),
}  # fmt: skip

HEAD = """# What is supported, and what proves it

Every cell links to its test. `python tests/helpers/support.py` writes this page, and a test checks
that the tests exist and try these features.

- **proved**: compared bit for bit with another implementation, or checked for every case
- **simulated**: run in a simulator of the hardware, not compared with the hardware
- **needs hardware**: tried against a stand-in; nobody has run it on the real thing
- **not implemented**: refused with an error that says so; the link is the test of the refusal
- an empty cell: the question does not arise. A NIR file holds the float network, so it does not
  depend on how integers divide. Whether sums are kept changes the work, and not the results.

The definition and the fast simulator are compared with each other. The state machine, RTL, C and
ONNX are each compared with the fast simulator, on random networks with these features.
"""


def tests() -> set[str]:
    """Return the tests that the page names."""
    rows = (*FEATURES.values(), tuple(CLAIMS.values()))
    return {test for row in rows for _, test in row if test}


def cell(state: str, test: str) -> str:
    """Return a cell that links to its test."""
    if not test:
        return state
    path, _, name = test.partition("::")
    return f"[{state}](../{path}#{name})"


def page() -> str:
    """Return the text of docs/support.md."""
    lines = [HEAD, "## Features", "", f"| feature | {' | '.join(COLUMNS)} |"]
    lines.append("|---" * (len(COLUMNS) + 1) + "|")
    lines += [f"| {name} | {' | '.join(cell(*c) for c in row)} |" for name, row in FEATURES.items()]
    lines += ["", "## Claims", "", "| claim | |", "|---|---|"]
    lines += [f"| {claim} | {cell(*state)} |" for claim, state in CLAIMS.items()]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
