/* A RISC-V in QEMU: start-up, the board's serial port, and the counter of retired instructions. */
#include "platform.h"

__attribute__((naked, section(".start"), used)) void start(void)
{
    __asm__ volatile("la sp, stack_top\n"
                     "call finish\n");
}

static uint32_t before;

static uint32_t retired(void)
{
    uint32_t count;
    __asm__ volatile(".option push\n.option arch, +zicsr\ncsrr %0, minstret\n.option pop" : "=r"(count));
    return count;
}

void write_text(const char *text)
{
    while (*text != '\0') {
        *(volatile uint8_t *)0x10000000u = (uint8_t)*text++;
    }
}

void start_counting(void)
{
    before = retired();
}

uint32_t counted_instructions(void)
{
    return retired() - before;
}

void finish(void)
{
    *(volatile uint32_t *)0x00100000u = run_vectors() == 0 ? 0x5555u : 0x13333u;
    for (;;) {
    }
}
