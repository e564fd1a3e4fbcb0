/* Classify events while they come in: state is kept from step to step, and the answer is given as
   soon as one class is far enough ahead.

   Standard input has a line "ENTRY LEVELS" for what an event adds to an entry of the input, and a
   line "." where a time step ends. The argument is the lead that decides, in units of the sums. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net.h"

static net_state state;
static net_input x[NET_INPUTS];

/* How far the class with the largest sum is ahead of every other. */
static long long lead(uint32_t class_)
{
    long long second = 0;
    int seen = 0;
    for (uint32_t n = 0; n < NET_CLASSES; ++n) {
        if (n != class_ && (!seen || state.totals[n] > second)) {
            second = (long long)state.totals[n];
            seen = 1;
        }
    }
    return (long long)state.totals[class_] - second;
}

int main(int argc, char **argv)
{
    const long long enough = argc > 1 ? atoll(argv[1]) : 0;
    char line[64];
    uint32_t steps = 0;
    net_init(&state);
    while (steps < NET_STEPS && fgets(line, sizeof line, stdin) != NULL) {
        unsigned long entry, levels;
        if (line[0] == '.') {
            uint32_t best;
            net_step(&state, x);
            memset(x, 0, sizeof x);
            best = net_class(&state);
            steps += 1u;
            printf("step %lu: class %lu, ahead by %lld\n", (unsigned long)steps,
                   (unsigned long)best, lead(best));
            if (enough > 0 && lead(best) >= enough) {
                break;
            }
        } else if (sscanf(line, "%lu %lu", &entry, &levels) == 2 && entry < NET_INPUTS) {
            const unsigned long sum = x[entry] + levels;
            x[entry] = (net_input)(sum > NET_INPUT_TOP ? NET_INPUT_TOP : sum);
        } else {
            fprintf(stderr, "neither an event nor the end of a step: %s", line);
            return 2;
        }
    }
    printf("decided for class %lu after %lu of %lu steps\n", (unsigned long)net_class(&state),
           (unsigned long)steps, (unsigned long)NET_STEPS);
    return 0;
}
