/* Self-test: every stored sample gives the stored sums. Exit code 0 if so, else 1; of a sample that
   gives others, the class is printed. */
#include <stdio.h>

#include "test_vectors.h"

static net_state state;
static const char *const names[NET_CLASSES] = NET_CLASS_NAMES;

int main(void)
{
    uint32_t equal = 0;
    for (uint32_t i = 0; i < TEST_SAMPLES; ++i) {
        uint32_t same = 1;
        net_init(&state);
        for (uint32_t t = 0; t < NET_STEPS; ++t) {
            if (t < TEST_STEPS) {
                net_step(&state, test_inputs[i][t]);
            } else {
                net_again(&state, test_inputs[i][0]);
            }
        }
        for (uint32_t n = 0; n < NET_CLASSES; ++n) {
            same = same != 0u && state.totals[n] == test_totals[i][n] ? 1u : 0u;
        }
        if (same == 0u) {
            printf("sample %lu differs, as class %s\n", (unsigned long)i, names[net_class(&state)]);
        }
        equal += same;
    }
    printf("%lu of %lu equal\n", (unsigned long)equal, (unsigned long)TEST_SAMPLES);
    return equal == TEST_SAMPLES ? 0 : 1;
}
