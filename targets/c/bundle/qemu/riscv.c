/* A RISC-V in QEMU: start-up, semihosting, and the counter of retired instructions. */
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

__attribute__((noinline)) uint32_t host(uint32_t operation, const void *argument)
{
    register uint32_t a0 __asm__("a0") = operation;
    register const void *a1 __asm__("a1") = argument;
    __asm__ volatile(".option push\n.option norvc\n.balign 16\n"
                     "slli zero, zero, 0x1f\nebreak\nsrai zero, zero, 7\n.option pop"
                     : "+r"(a0)
                     : "r"(a1)
                     : "memory");
    return a0;
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
    *(volatile uint32_t *)0x00100000u = run() == 0 ? 0x5555u : 0x13333u;
    for (;;) {
    }
}
