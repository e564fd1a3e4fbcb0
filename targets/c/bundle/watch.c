/* Run samples from stdin, and write what the neurons and the readout hold after every step. */
#include <stdio.h>

#include "net.h"

#define WRITE(array) ((void)fwrite((array), sizeof(array), 1, stdout))

static net_state s;
static net_input x[NET_STEPS][NET_INPUTS];

int main(int argc, char **argv)
{
    const uint32_t steps = argc > 1 && argv[1][0] == 's' ? 1u : NET_STEPS;
    const int watches = argc > 2;
    while (fread(x, sizeof x[0], steps, stdin) == steps) {
        net_init(&s);
        for (uint32_t t = 0; t < NET_STEPS; ++t) {
            if (t < steps) {
                net_step(&s, x[t]);
            } else {
                net_again(&s, x[0]);
            }
            if (watches) {
$watched
            }
        }
        WRITE(s.totals);
    }
    return ferror(stdin) || ferror(stdout);
}
