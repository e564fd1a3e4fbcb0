// Self-test: every stored sample gives the stored sums; the serial port says how many do.
#include <net.h>

#include "test_vectors.h"

static net_state state;

void setup()
{
    uint32_t equal = 0;
    Serial.begin(115200);
    for (uint32_t i = 0; i < TEST_SAMPLES; ++i) {
        bool same = true;
        net_init(&state);
        for (uint32_t t = 0; t < NET_STEPS; ++t) {
            if (t < TEST_STEPS) {
                net_step(&state, test_inputs[i][t]);
            } else {
                net_again(&state, test_inputs[i][0]);
            }
        }
        for (uint32_t n = 0; n < NET_CLASSES; ++n) {
            same = same && state.totals[n] == test_totals[i][n];
        }
        equal += same ? 1u : 0u;
    }
    Serial.print(equal);
    Serial.print(" of ");
    Serial.print((uint32_t)TEST_SAMPLES);
    Serial.println(" equal");
}

void loop()
{
}
