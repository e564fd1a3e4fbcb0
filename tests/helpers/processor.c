// Preloaded into a program, answers CPUID as another processor would: Intel's processors can make the
// instruction fault (arch_prctl(2), ARCH_SET_CPUID), and the handler says what $PROCESSOR asks for.
//
// PROCESSOR  amd,family,model,l2,l3,avx512: 0 or 1; numbers; KiB; 0: none, 1: of 2017, 2: of 2022

#define _GNU_SOURCE
#include <cpuid.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

enum { SET_CPUID = 0x1012 };

static int amd, family, model, l2, l3, avx512;

static void answer_cpuid(int on) { syscall(SYS_arch_prctl, SET_CPUID, on); }

static void maker(uint32_t* r) {
  const char* name = amd ? "AuthenticAMD" : "GenuineIntel";
  memcpy(r + 1, name, 4), memcpy(r + 3, name + 4, 4), memcpy(r + 2, name + 8, 4);
}

static void cache(uint32_t number, uint32_t* r) {
  const int kib[] = {32, 32, l2, l3}, kind[] = {1, 2, 3, 3}, level[] = {1, 1, 2, 3};
  memset(r, 0, 16);
  if (number > 3) return;
  const int ways = number == 3 ? 16 : 8;
  r[0] = kind[number] | level[number] << 5 | 1 << 8;
  r[1] = 63 | (ways - 1) << 22;
  r[2] = kib[number] * 1024 / 64 / ways - 1;
}

static void features(uint32_t number, uint32_t* r) {
  if (number) memset(r, 0, 16);
  if (number) return;
  r[0] = 0;
  if (!avx512) r[1] &= ~(1u << 16 | 1u << 17 | 1u << 21 | 1u << 28 | 1u << 30 | 1u << 31);
  if (avx512 < 2) r[1] &= ~(1u << 21), r[2] &= ~(1u << 1 | 1u << 6 | 1u << 11 | 1u << 12 | 1u << 14);
  r[3] &= ~(1u << 8 | 1u << 22 | 1u << 23 | 1u << 24 | 1u << 25);  // half precision, tiles
}

static void emulate(uint32_t leaf, uint32_t number, uint32_t* r) {
  __cpuid_count(leaf, number, r[0], r[1], r[2], r[3]);
  const int more = family > 15 ? family - 15 : 0;
  switch (leaf) {
    case 0: maker(r); r[0] = 0x10; break;
    case 1: r[0] = more << 20 | (model >> 4) << 16 | (family - more) << 8 | (model & 15) << 4 | 1; break;
    case 2: if (amd) memset(r, 0, 16); break;
    case 4: if (amd) memset(r, 0, 16); else cache(number, r); break;
    case 7: features(number, r); break;
    case 0x80000000: r[0] = 0x8000001e; if (amd) maker(r); break;
    case 0x80000005: if (amd) r[2] = r[3] = 32u << 24 | 8 << 16 | 1 << 8 | 64; break;
    case 0x80000006: r[2] = (uint32_t)l2 << 16 | 6 << 12 | 1 << 8 | 64; if (amd) r[3] = (uint32_t)(l3 / 512) << 18 | 9 << 12 | 64; break;
    case 0x8000001d: if (amd) cache(number, r); else memset(r, 0, 16); break;
  }
}

static void fault(int number, siginfo_t* info, void* context) {
  (void)number;
  greg_t* g = ((ucontext_t*)context)->uc_mcontext.gregs;
  const unsigned char* at = (const unsigned char*)g[REG_RIP];
  if (info->si_code != SI_KERNEL || at[0] != 0x0f || at[1] != 0xa2) {  // a true fault
    signal(SIGSEGV, SIG_DFL);
    return;
  }
  uint32_t r[4];
  answer_cpuid(1);
  emulate((uint32_t)g[REG_RAX], (uint32_t)g[REG_RCX], r);
  answer_cpuid(0);
  g[REG_RAX] = r[0], g[REG_RBX] = r[1], g[REG_RCX] = r[2], g[REG_RDX] = r[3], g[REG_RIP] += 2;
}

__attribute__((constructor)) static void begin(void) {
  const char* asked = getenv("PROCESSOR");
  if (!asked || sscanf(asked, "%d,%d,%d,%d,%d,%d", &amd, &family, &model, &l2, &l3, &avx512) != 6) return;
  unsetenv("PROCESSOR");  // of this program alone: a compiler takes the signal for itself
  struct sigaction action = {0};
  action.sa_sigaction = fault;
  action.sa_flags = SA_SIGINFO | SA_NODEFER;
  sigaction(SIGSEGV, &action, NULL);
  if (syscall(SYS_arch_prctl, SET_CPUID, 0)) {
    fputs("this processor answers CPUID to everyone\n", stderr);
    _exit(86);
  }
}
