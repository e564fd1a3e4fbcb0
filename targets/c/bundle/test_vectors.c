#include "test_vectors.h"

const net_input test_inputs[TEST_SAMPLES][TEST_STEPS][NET_INPUTS] = $inputs;

const $total_type test_totals[TEST_SAMPLES][NET_CLASSES] = $totals;
