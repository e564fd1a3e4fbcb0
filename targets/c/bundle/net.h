/* A spiking network in integers, written by eideploy. README.md beside this file says how to use it.

   Nothing is allocated and nothing is kept but in net_state, which belongs to the caller: as many
   networks as there are states run side by side, in as many threads. */
#ifndef NET_H
#define NET_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define NET_INPUTS $inputs  /* entries of a sample: $shape */
#define NET_STEPS $steps  /* time steps of a sample */
#define NET_CLASSES $classes

/* To be used as: static const char *const names[NET_CLASSES] = NET_CLASS_NAMES; */
#define NET_CLASS_NAMES $names

/* An entry is round(value / $step), to nearest, ties to even, and at most NET_INPUT_TOP. A value is
   as the network was trained on it: of pictures it is byte / 255.0. */
typedef $input_type net_input;
#define NET_INPUT_TOP $top

/* The sums of a layer, while it runs. */
$sums
/* What is kept from step to step: membranes, spikes, and the readout's totals. Initialise it
   by net_init. */
typedef struct {
$state
    union {
$union
    } sums;
} net_state;

/* Put the network at rest, before the first step of a sample. */
void net_init(net_state *s);

/* Advance by one time step, in which the network reads x; at most NET_STEPS times from rest, as the
   totals hold no more. */
void net_step(net_state *s, const net_input x[NET_INPUTS]);

/* Do what net_step does with the x of the step before: what depends on x alone is not computed
   again. */
void net_again(net_state *s, const net_input x[NET_INPUTS]);

/* Return the class whose total is the largest after the steps so far, the first of several. */
uint32_t net_class(const net_state *s);

/* Run a still sample for NET_STEPS steps from rest; return its class. */
uint32_t net_run(net_state *s, const net_input x[NET_INPUTS]);

#ifdef __cplusplus
}
#endif

#endif
