/* What a machine in QEMU offers to vectors.c. */
#ifndef PLATFORM_H
#define PLATFORM_H

#include <stdint.h>

void write_text(const char *text);
void start_counting(void);
uint32_t counted_instructions(void);

/* Run all stored samples; return how many give other sums. */
uint32_t run_vectors(void);

#endif
