/* Written by eideploy. Equations (A..) are those of its docs/arithmetic.md. */
#include "net.h"

#include <string.h>

$arithmetic
$constants
$functions
void net_init(net_state *s)
{
    memset(s, 0, sizeof *s);$begins
}

void net_step(net_state *s, const net_input x[NET_INPUTS])
{
$calls
}

void net_again(net_state *s, const net_input x[NET_INPUTS])
{
    (void)x;
$again
}

uint32_t net_class(const net_state *s)
{
    uint32_t best = 0;
    for (uint32_t n = 1; n < NET_CLASSES; ++n) {
        if (s->totals[n] > s->totals[best]) {
            best = n;
        }
    }
    return best;
}

uint32_t net_run(net_state *s, const net_input x[NET_INPUTS])
{
    net_init(s);
    net_step(s, x);
    for (uint32_t t = 1; t < NET_STEPS; ++t) {
        net_again(s, x);
    }
    return net_class(s);
}
