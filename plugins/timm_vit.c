/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Vision transformers of timm as classifiers and backbones: Dosovitskiy et al., "An Image is Worth 16x16 Words" (2020); DeiT and DeiT III: Touvron et al. (2020,
 * 2022); CLIP's, SigLIP's and DINOv2's towers; FlexiViT: Beyer et al. (2022); AIMv2: Fini et al. (2024); BEiT-3: Wang et al. (2022).
 *
 * The tensors tell what a model has (tokens before the patches, normalisations, factors, gates) and how large it is; the name tells heads, activation and epsilon.
 * docs/models/timm.md tells what is easily got wrong.
 */
#include <gtf/gtf.h>

#include <string.h>

/* What the word for the size stands for; no heads: one for each 64 features. */
static const struct
{
  const char *word;
  gint64 n_blocks, n_heads;
} sizes[] = {
  { "tiny", 12, 0 }, { "small", 12, 0 }, { "base", 12, 0 }, { "large", 24, 0 }, { "huge", 32, 16 }, { "giant", 40, 0 }, { "giantopt", 40, 16 }, { "gigantic", 48, 16 },
  { "wee", 14, 0 }, { "xsmall", 10, 0 }, { "little", 14, 0 }, { "medium", 12, 0 }, { "mediumd", 20, 0 }, { "betwixt", 12, 0 }, { "so150m", 18, 0 }, { "so150m2", 21, 0 },
  { "so400m", 27, 16 }, { "intern300m", 24, 0 }, { "1b", 24, 0 }, { "3b", 24, 0 }
};

/* The words that may follow; numbers are sizes of pictures. */
static const char *const endings[] = { "clip", "quickgelu", "siglip", "gap", "map", "reg1", "reg4", "dinov2", "tipsv2", "miil", "plus", "36x1", "distilled", NULL };

static gboolean
is_ending (const char *word)
{
  return g_strv_contains (endings, word) || word[strspn (word, "0123456789")] == '\0' || (g_str_has_prefix (word, "patch") && word[5 + strspn (word + 5, "0123456789")] == '\0');
}

/* "vit_base_patch16_clip_224": family, size, endings. FALSE: no such ViT. */
static gboolean
read_name (GtfTimmVitConfig *config, char **words)
{
  const gboolean is_test = strcmp (words[0], "test") == 0, is_aim = strcmp (words[0], "aimv2") == 0;
  gsize size = 0;

  config->head_size = is_test ? 32 : is_aim ? 128 : 64;
  if (words[1] == NULL)
    return FALSE;
  if (is_test)
    {
      static const char *const tests[] = { "vit", "vit2", "vit3", "vit4", NULL };

      config->n_blocks = config->n_blocks ? config->n_blocks : strcmp (words[1], "vit") == 0 ? 6 : strcmp (words[1], "vit2") == 0 ? 8 : 9;
      return g_strv_contains (tests, words[1]);
    }
  while (size < G_N_ELEMENTS (sizes) && strcmp (sizes[size].word, words[1]) != 0)
    size++;
  if (size == G_N_ELEMENTS (sizes))
    return FALSE;
  if (config->n_blocks == 0)
    config->n_blocks = is_aim ? 24 : g_strv_contains ((const char *const *) words, "36x1") ? 36 : sizes[size].n_blocks;
  if (config->n_heads == 0 && !is_aim)
    config->n_heads = sizes[size].n_heads;
  for (char **word = words + 2; *word; word++)
    if (!is_ending (*word))
      return FALSE;
  return TRUE;
}

/* Later towers of SigLIP take the hyperbolic tangent for GELU. */
static gboolean
takes_tanh (const char *name)
{
  return strstr (name, "siglip") && (strstr (name, "base_patch32") || strstr (name, "giantopt") || strstr (name, "so400m_patch16") || (strstr (name, "large") && strstr (name, "_512")));
}

static void
read_habits (GtfTimmVitConfig *config, const char *name)
{
  const gboolean is_aim = g_str_has_prefix (name, "aimv2");

  config->is_rms = is_aim || g_str_has_prefix (name, "test_vit4");
  config->eps = strstr (name, "_clip_") || is_aim || g_str_has_prefix (name, "beit3") ? 1e-5 : 1e-6;
  config->is_gated = strstr (name, "giant_patch14") && (strstr (name, "dinov2") || strstr (name, "tipsv2"));
  config->any_size |= strstr (name, "intern300m") || (g_str_has_prefix (name, "test_vit") && !g_str_has_prefix (name, "test_vit3"));
  config->pools_prefix |= g_str_has_prefix (name, "test_vit3");
  if (config->activation == GTF_ACTIVATION_NONE)
    config->activation = strstr (name, "quickgelu") ? GTF_ACTIVATION_GELU_QUICK
                         : config->is_gated || is_aim ? GTF_ACTIVATION_SILU
                         : takes_tanh (name) ? GTF_ACTIVATION_GELU_TANH : GTF_ACTIVATION_GELU;
}

static gboolean
derive (gpointer data, GError **error)
{
  GtfTimmVitConfig *config = data;
  g_autofree char *name = g_strndup (config->name, strcspn (config->name, "."));
  g_auto (GStrv) words = g_strsplit (name, "_", -1);

  if (!gtf_timm_vit_check (config, read_name (config, words), "\"vit_base_patch16_224.augreg_in21k\" or \"deit3_small_patch16_224\"", error))
    return FALSE;
  if (strcmp (name, "vit_base_patch16_gap_224") == 0 && config->n_heads == 0)
    config->n_heads = 16;
  read_habits (config, name);
  return TRUE;
}

static const char *const types[] = { "timm_vit", "timm_deit", "timm_deit3", "timm_flexivit", "timm_eva_large", "timm_beit3", "timm_aimv2", "timm_test_vit", "timm_test_vit2",
                                     "timm_test_vit3", "timm_test_vit4", NULL };

static const GtfArchitecture timm_vit = { GTF_TIMM_VIT_ARCHITECTURE, .derive = derive, .model_types = types };

GTF_TEXT_PLUGIN (timm_vit, "timm_vit", "Vision transformers of timm as classifiers and backbones", timm_vit)
