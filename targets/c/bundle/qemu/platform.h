/* What a machine in QEMU offers to watch.c: files of the host by semihosting, and instructions. */
#ifndef PLATFORM_H
#define PLATFORM_H

#include <stdint.h>

void start_counting(void);
uint32_t counted_instructions(void);

/* Ask the host; argument is what the operation takes. */
uint32_t host(uint32_t operation, const void *argument);

/* What watch.c makes of the program. */
int run(void);

#endif
