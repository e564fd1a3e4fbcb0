/* Written by eideploy. Equations (A..) are those of its docs/arithmetic.md. */
#include "net.h"

#include <string.h>

$arithmetic
$constants
$functions
void net_init(net_state *s)
{
    memset(s, 0, sizeof *s);
}

void net_step(net_state *s, const net_input x[NET_INPUTS])
{
$calls
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
    for (uint32_t t = 0; t < NET_STEPS; ++t) {
        net_step(s, x);
    }
    return net_class(s);
}
