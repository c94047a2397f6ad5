/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Which kernels this machine runs: what the CPU has (CPUID) and what the operating system saves at a context switch
 * (XGETBV); tiles of AMX must be asked for. GTF_ISA=generic|avx2|avx512|amx forces a lower one.
 */
#include "kernels/kernels.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <x86intrin.h>

#define BIT(x, n) (((x) >> (n)) & 1)

typedef struct
{
  gboolean avx2, avx512, bf16, vnni, amx;
} Cpu;

static guint64
saved_state (void)
{
  guint32 low, high;

  __asm__ volatile ("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (guint64) high << 32 | low;
}

static Cpu
detect (void)
{
  Cpu cpu = { 0 };
  guint a, b, c, d, f16c_fma, xcr0;

  if (!__get_cpuid (1, &a, &b, &c, &d) || !BIT (c, 27) || !BIT (c, 28))
    return cpu;
  f16c_fma = BIT (c, 12) && BIT (c, 29);
  xcr0 = (guint) saved_state ();
  if (!__get_cpuid_count (7, 0, &a, &b, &c, &d))
    return cpu;
  cpu.avx2 = f16c_fma && BIT (b, 5) && (xcr0 & 0x6) == 0x6;
  /* F, DQ, BW, VL */
  cpu.avx512 = cpu.avx2 && BIT (b, 16) && BIT (b, 17) && BIT (b, 30) && BIT (b, 31) && (xcr0 & 0xe6) == 0xe6;
  cpu.vnni = cpu.avx512 && BIT (c, 11);
  /* BF16, TILE, INT8; and that the system saves the tiles' configuration and data */
  cpu.amx = cpu.vnni && BIT (d, 22) && BIT (d, 24) && BIT (d, 25) && (xcr0 & 0x60000) == 0x60000;
  if (a >= 1 && __get_cpuid_count (7, 1, &a, &b, &c, &d))
    cpu.bf16 = cpu.avx512 && BIT (a, 5);
  cpu.amx = cpu.amx && cpu.bf16;
  return cpu;
}

static const Cpu *
cpu_get (void)
{
  static gsize once;
  static Cpu cpu;

  if (g_once_init_enter (&once))
    {
      cpu = detect ();
      g_once_init_leave (&once, 1);
    }
  return &cpu;
}

/* Linux gives a process room for tiles (8 kB a thread) only when it asks: then all its threads have it. It says no where a thread
 * has an alternate stack for signals that is too small for them. */
static gboolean
may_use_tiles (void)
{
#if defined(__linux__) && defined(SYS_arch_prctl)
  enum { REQUEST_STATE = 0x1023, TILE_DATA = 18 };      /* ARCH_REQ_XCOMP_PERM of asm/prctl.h, since Linux 5.16 */
  static gsize once;

  if (g_once_init_enter (&once))
    g_once_init_leave (&once, syscall (SYS_arch_prctl, REQUEST_STATE, TILE_DATA) == 0 ? 2 : 1);
  return once == 2;
#else
  return FALSE;
#endif
}

#define TIMED(name, features, op)                                                                                                  \
  __attribute__ ((target (features))) static guint64 name (void)                                                                   \
  {                                                                                                                                \
    guint64 start = __rdtsc ();                                                                                                    \
    for (int i = 0; i < 32; i++)                                                                                                   \
      __asm__ volatile (op " %%zmm15, %%zmm15, %%zmm0\n" op " %%zmm15, %%zmm15, %%zmm1\n" op " %%zmm15, %%zmm15, %%zmm2\n"           \
                        op " %%zmm15, %%zmm15, %%zmm3\n" op " %%zmm15, %%zmm15, %%zmm4\n" op " %%zmm15, %%zmm15, %%zmm5\n"           \
                        op " %%zmm15, %%zmm15, %%zmm6\n" op " %%zmm15, %%zmm15, %%zmm7\n" ::                                       \
                          : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7");                                       \
    return __rdtsc () - start;                                                                                                     \
  }

TIMED (time_f32, "avx512f", "vfmadd231ps")
TIMED (time_bf16, "avx512f,avx512bf16", "vdpbf16ps")

/* A product of bfloat16 does the work of two of float32, but some CPUs (Intel's since Sapphire Rapids) run it at a quarter of
 * their rate. Timed, since no flag tells: the least of many short runs, turn by turn, so that it does not matter when the thread
 * is held up. */
static gboolean
bf16_is_fast (void)
{
  static gsize once;

  if (g_once_init_enter (&once))
    {
      guint64 f32 = G_MAXUINT64, bf16 = G_MAXUINT64;

      for (int i = 0; i < 24; i++)
        {
          f32 = MIN (f32, time_f32 ());
          bf16 = MIN (bf16, time_bf16 ());
        }
      g_once_init_leave (&once, bf16 < f32 * 2 ? 2 : 1);
    }
  return once == 2;
}
#endif

const GtfKernels *
gtf_kernels_for (const char *isa)
{
#if defined(__x86_64__)
  if (g_strcmp0 (isa, "amx") == 0 && cpu_get ()->amx && may_use_tiles ())
    return &gtf_kernels_amx;
  if (g_strcmp0 (isa, "avx512") == 0 && cpu_get ()->avx512)
    return &gtf_kernels_avx512;
  if (g_strcmp0 (isa, "avx2") == 0 && cpu_get ()->avx2)
    return &gtf_kernels_avx2;
#endif
  return g_strcmp0 (isa, "generic") == 0 ? &gtf_kernels_generic : NULL;
}

static const GtfKernels *
choose (void)
{
  static const char *const isas[] = { "amx", "avx512", "avx2", "generic" };
  const char *forced = g_getenv ("GTF_ISA");
  const GtfKernels *k = NULL;

  if (forced != NULL && *forced != '\0')
    {
      k = gtf_kernels_for (forced);
      if (k == NULL)
        g_warning ("GTF_ISA is \"%s\"; expected generic, avx2, avx512 or amx, and a CPU and a system that have it", forced);
    }
  for (guint i = 0; k == NULL; i++)
    k = gtf_kernels_for (isas[i]);
  return k;
}

const GtfKernels *
gtf_kernels_get (void)
{
  static gsize once;

  if (g_once_init_enter (&once))
    g_once_init_leave (&once, (gsize) choose ());
  return (const GtfKernels *) once;
}

gboolean
gtf_kernels_have (const GtfKernels *k, GtfDtype type)
{
#if defined(__x86_64__)
  if (k == &gtf_kernels_amx || k == &gtf_kernels_avx512)
    return type == GTF_DTYPE_BF16 ? cpu_get ()->bf16 : type == GTF_DTYPE_I8 && cpu_get ()->vnni;
#endif
  return FALSE;
}

gboolean
gtf_kernels_are_fast_in (const GtfKernels *k, GtfDtype type)
{
#if defined(__x86_64__)
  if (k == &gtf_kernels_avx512 && type == GTF_DTYPE_BF16)
    return gtf_kernels_have (k, type) && bf16_is_fast ();
#endif
  return gtf_kernels_have (k, type);
}
