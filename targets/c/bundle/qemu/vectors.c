/* Run the stored samples, and write "equal instructions" of each in a line. */
#include "test_vectors.h"
#include "platform.h"

static net_state state;

static void write_number(uint32_t number, char last)
{
    char text[12];
    uint32_t at = sizeof text;
    text[--at] = '\0';
    text[--at] = last;
    do {
        text[--at] = (char)('0' + number % 10u);
        number /= 10u;
    } while (number != 0u);
    write_text(&text[at]);
}

uint32_t run_vectors(void)
{
    uint32_t differing = 0;
    for (uint32_t i = 0; i < TEST_SAMPLES; ++i) {
        uint32_t instructions = 0;
        uint32_t equal = 1;
        net_init(&state);
        for (uint32_t t = 0; t < NET_STEPS; ++t) {
            start_counting();
            net_step(&state, test_inputs[i][t % TEST_STEPS]);
            instructions += counted_instructions();
        }
        for (uint32_t n = 0; n < NET_CLASSES; ++n) {
            if (state.totals[n] != test_totals[i][n]) {
                equal = 0;
            }
        }
        differing += 1u - equal;
        write_number(equal, ' ');
        write_number(instructions, '\n');
    }
    return differing;
}
