/* Run the samples in input.bin, and write into output.bin what the neurons hold after every step,
   the sums, and how many instructions the steps took. The first byte says whether samples are
   still, the second whether the neurons are watched. */
#include "net.h"
#include "platform.h"

#define OPEN 0x01u
#define WRITE_FILE 0x05u
#define READ_FILE 0x06u

static net_state s;
static net_input x[NET_STEPS][NET_INPUTS];

static uint32_t opened(const char *name, uint32_t length, uint32_t mode)
{
    const uintptr_t argument[3] = {(uintptr_t)name, mode, length};
    return host(OPEN, argument);
}

/* Return how many bytes were not read. */
static uint32_t take(uint32_t file, void *to, uint32_t size)
{
    const uintptr_t argument[3] = {file, (uintptr_t)to, size};
    return host(READ_FILE, argument);
}

static uint32_t give(uint32_t file, const void *from, uint32_t size)
{
    const uintptr_t argument[3] = {file, (uintptr_t)from, size};
    return host(WRITE_FILE, argument);
}

#define WRITE(array) (left += give(to, (array), sizeof(array)))

int run(void)
{
    const uint32_t from = opened("input.bin", 9u, 1u), to = opened("output.bin", 10u, 5u);
    uint32_t left = 0;
    uint8_t manner[2];
    if (take(from, manner, sizeof manner) != 0u) {
        return 1;
    }
    const uint32_t steps = manner[0] != 0u ? 1u : NET_STEPS;
    while (take(from, x, steps * (uint32_t)sizeof x[0]) == 0u) {
        uint32_t instructions[1] = {0};
        net_init(&s);
        for (uint32_t t = 0; t < NET_STEPS; ++t) {
            start_counting();
            if (t < steps) {
                net_step(&s, x[t]);
            } else {
                net_again(&s, x[0]);
            }
            instructions[0] += counted_instructions();
            if (manner[1] != 0u) {
$watched
            }
        }
        WRITE(s.totals);
        WRITE(instructions);
    }
    return left != 0u;
}
