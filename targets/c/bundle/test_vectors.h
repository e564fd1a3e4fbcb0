/* Samples and the sums that they give, to be compared. */
#ifndef TEST_VECTORS_H
#define TEST_VECTORS_H

#include "net.h"

#ifdef __cplusplus
extern "C" {
#endif

#define TEST_SAMPLES $samples
#define TEST_STEPS $steps /* 1: every sample stays for all steps */

extern const net_input test_inputs[TEST_SAMPLES][TEST_STEPS][NET_INPUTS];
extern const $total_type test_totals[TEST_SAMPLES][NET_CLASSES];

#ifdef __cplusplus
}
#endif

#endif
