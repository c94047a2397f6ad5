/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Random numbers for sampling: xoshiro256** (Blackman and Vigna 2018), seeded by splitmix64. The same seed gives the same
 * tokens on every machine; torch's stream of numbers is another one and cannot be had.
 */
#pragma once

#include <glib.h>

typedef struct
{
  guint64 s[4];
} GtfRandom;

static inline void
gtf_random_seed (GtfRandom *self, guint64 seed)
{
  for (int i = 0; i < 4; i++)
    {
      guint64 z = (seed += G_GUINT64_CONSTANT (0x9e3779b97f4a7c15));
      z = (z ^ (z >> 30)) * G_GUINT64_CONSTANT (0xbf58476d1ce4e5b9);
      z = (z ^ (z >> 27)) * G_GUINT64_CONSTANT (0x94d049bb133111eb);
      self->s[i] = z ^ (z >> 31);
    }
}

static inline guint64
gtf_random_rotate (guint64 x, int k)
{
  return (x << k) | (x >> (64 - k));
}

static inline guint64
gtf_random_next (GtfRandom *self)
{
  guint64 *s = self->s, result = gtf_random_rotate (s[1] * 5, 7) * 9, t = s[1] << 17;
  s[2] ^= s[0];
  s[3] ^= s[1];
  s[1] ^= s[2];
  s[0] ^= s[3];
  s[2] ^= t;
  s[3] = gtf_random_rotate (s[3], 45);
  return result;
}

/* Uniform in (0, 1): never 0, so that its logarithm is finite. */
static inline double
gtf_random_uniform (GtfRandom *self)
{
  return ((double) (gtf_random_next (self) >> 11) + 0.5) * (1.0 / 9007199254740992.0);
}
