/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What timm builds from its class Eva: Fang et al., "EVA: Exploring the Limits of Masked Visual Representation Learning at Scale" (2022) and "EVA-02" (2023); Heo et al.,
 * "Rotary Position Embedding for Vision Transformer" (2024); Bolya et al., "Perception Encoder" (2025); Siméoni et al., "DINOv3" (2025) and models trained like it.
 *
 * They are ViTs whose queries and keys turn by where a patch lies; the name tells how, and the heads, where the tensors do not. docs/models/timm.md tells what is
 * easily got wrong.
 */
#include <gtf/gtf.h>

#include <string.h>

/**
 * Family:
 * @part: what its names have in them; the first that fits counts
 * @pool: as far as model_args do not say otherwise
 */
typedef struct
{
  const char *part, *pool;
  double eps, theta;
  GtfTimmRope rope;
  gint64 reference;
  float offset;
  gboolean is_across_first, any_size, is_rms;
} Family;

#define NONE GTF_TIMM_ROPE_NONE
#define GRID GTF_TIMM_ROPE_GRID
#define MIDDLES GTF_TIMM_ROPE_MIDDLES
#define LEARNT GTF_TIMM_ROPE_LEARNT

static const Family families[] = {
  { "eva02_enormous", "token", 1e-6 },
  { "eva_giant_patch14_clip", "token", 1e-6 },
  { "eva_", "avg", 1e-6 },
  { "_clip_", "token", 1e-6, 1e4, GRID, 16 },
  { "eva02_", "avg", 1e-6, 1e4, GRID, 16 },
  { "_dinov3", "avg", 1e-5, 100, MIDDLES, .any_size = TRUE },
  { "_lingbot", "token", 1e-5, 100, MIDDLES, .any_size = TRUE },
  { "_sapiens2", "token", 1e-6, 100, MIDDLES, .any_size = TRUE, .is_rms = TRUE },
  { "_rope_mixed", "token", 1e-6, 0, LEARNT, .is_across_first = TRUE },
  { "_rope_reg", "avg", 1e-6, 1e4, GRID, 16 },
  { "_rope_", "token", 1e-6, 100, GRID, .is_across_first = TRUE },
  { "pe_core_base", "map", 1e-5, 1e4, GRID, 14, 1, .is_across_first = TRUE },
  { "pe_core_gigantic", "map", 1e-5, 1e4, GRID, 32, 0, .is_across_first = TRUE },
  { "pe_core", "map", 1e-5, 1e4, GRID, 24, 1, .is_across_first = TRUE },
  { "gigantic", "avg", 1e-5, 1e4, GRID, 32, 0, .is_across_first = TRUE },
  { "pe_lang", "avg", 1e-5, 1e4, GRID, 32, 1, .is_across_first = TRUE },
  { "pe_spatial", "avg", 1e-5, 1e4, GRID, 32, 1, .is_across_first = TRUE }
};

/* What the word for the size stands for, the first that fits; no heads: one for each 64 features. */
static const struct
{
  const char *part;
  gint64 n_blocks, n_heads;
} sizes[] = {
  { "_tiny", 12, 0 }, { "_small", 12, 0 }, { "_base", 12, 0 }, { "_mediumd", 20, 0 }, { "_medium", 12, 0 }, { "_betwixt", 12, 0 },
  { "pe_lang_large", 23, 0 }, { "_large", 24, 0 }, { "huge_patch16_sapiens2", 32, 16 }, { "_huge", 32, 0 }, { "pe_lang_gigantic", 47, 16 }, { "_gigantic", 50, 16 },
  { "eva_giant", 40, 16 }, { "_giant", 40, 0 }, { "_enormous", 64, 16 }, { "_7b", 40, 32 }, { "_5b", 56, 32 }
};

/* Where a block gates by SiLU. */
static gboolean
takes_silu (const GtfTimmVitConfig *config, const char *name)
{
  if (config->is_post_norm)
    return FALSE;
  return config->is_gated || strstr (name, "eva02_") || strstr (name, "_plus_") || strstr (name, "_7b_") || strstr (name, "giant_patch16_lingbot");
}

static void
read_habits (GtfTimmVitConfig *config, const Family *family, const char *name)
{
  config->head_size = 64;
  config->pool = config->pool != NULL ? config->pool : family->pool;
  config->pools_prefix = strcmp (config->pool, "map") == 0;     /* the token that asks sees all others here, [CLS] too */
  config->latent_heads = 8;
  config->eps = family->eps;
  config->rope = family->rope;
  config->theta = family->theta;
  config->reference = family->reference;
  config->offset = family->offset;
  config->is_across_first = family->is_across_first;
  config->any_size |= family->any_size;
  config->is_rms = family->is_rms;
  config->is_post_norm = strstr (name, "_enormous") != NULL;
  config->is_gated = strstr (name, "eva02_tiny") || strstr (name, "eva02_small") || strstr (name, "_sapiens2");
  config->activation = takes_silu (config, name) ? GTF_ACTIVATION_SILU : GTF_ACTIVATION_GELU;
}

static gboolean
derive (gpointer data, GError **error)
{
  GtfTimmVitConfig *config = data;
  g_autofree char *name = g_strndup (config->name, strcspn (config->name, "."));
  gsize family = 0, size = 0;

  while (family < G_N_ELEMENTS (families) && !strstr (name, families[family].part))
    family++;
  while (size < G_N_ELEMENTS (sizes) && !strstr (name, sizes[size].part))
    size++;
  if (!gtf_timm_vit_check (config, family < G_N_ELEMENTS (families) && size < G_N_ELEMENTS (sizes), "\"eva02_base_patch14_448\" or \"vit_small_patch16_dinov3\"", error))
    return FALSE;
  if (config->n_blocks == 0)
    config->n_blocks = sizes[size].n_blocks;
  if (config->n_heads == 0)
    config->n_heads = sizes[size].n_heads;
  read_habits (config, &families[family], name);
  return TRUE;
}

/* Most of these are called "vit_", as the models of timm_vit.c are. */
static const char *const types[] = { "timm_eva", "timm_eva02", "timm_vit_pe",
                                     "timm_vit_tiny_patch16_dinov3", "timm_vit_small_patch16_dinov3", "timm_vit_small_plus_patch16_dinov3", "timm_vit_base_patch16_dinov3",
                                     "timm_vit_large_patch16_dinov3", "timm_vit_huge_plus_patch16_dinov3", "timm_vit_7b_patch16_dinov3",
                                     "timm_vit_small_patch16_lingbot", "timm_vit_base_patch16_lingbot", "timm_vit_large_patch16_lingbot", "timm_vit_giant_patch16_lingbot",
                                     "timm_vit_base_patch16_sapiens2", "timm_vit_large_patch16_sapiens2", "timm_vit_huge_patch16_sapiens2", "timm_vit_giant_patch16_sapiens2",
                                     "timm_vit_5b_patch16_sapiens2",
                                     "timm_vit_small_patch16_rope", "timm_vit_base_patch16_rope", "timm_vit_large_patch16_rope", "timm_vit_medium_patch16_rope",
                                     "timm_vit_mediumd_patch16_rope", "timm_vit_betwixt_patch16_rope", NULL };

static const GtfArchitecture timm_eva = { GTF_TIMM_VIT_ARCHITECTURE, .derive = derive, .model_types = types };

GTF_TEXT_PLUGIN (timm_eva, "timm_eva", "EVA, DINOv3 and rotary vision transformers of timm as classifiers and backbones", timm_eva)
