/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The head of UPerNet: Xiao et al., "Unified Perceptual Parsing for Scene Understanding" (2018). The coarsest feature map sees means over areas of several
 * sizes; then all maps are led down to the finest, and a class is found for each of its pixels.
 */
#pragma once

#include "layers/text-weights.h"
#include "tensor/pictures.h"

G_BEGIN_DECLS

#define GTF_UPER_SCALES 8       /* sizes of areas, and feature maps, at most */
#define GTF_UPER_MAPS 8

/* Every convolution with its normalisation. */
typedef struct
{
  const GtfConv2d *pooled[GTF_UPER_SCALES], *bottleneck, *lateral[GTF_UPER_MAPS - 1], *finer[GTF_UPER_MAPS - 1], *joint;
  const GtfLinear *classifier;
} GtfUperHead;

/* The list @key of numbers, or one more: FALSE with an error if they are not 1 to GTF_UPER_SCALES areas a side. */
GTF_API gboolean   gtf_uper_scales (const char *list, gint64 scales[GTF_UPER_SCALES], gint64 *n, GError **error);
/* maps [B][H][W][D], the finest first -> [B][H][W][classes] of the finest. */
GTF_API GtfTensor *gtf_uper_classes (GtfContext *c, const GtfUperHead *w, GtfTensor *const *maps, gint64 n_maps, const gint64 *scales, gint64 n_scales);

#define GTF_UPER_CONV(Struct, field, flags, name, norms)                                                                           \
  { GTF_WEIGHT_CONV2D, name, G_STRUCT_OFFSET (Struct, field), GTF_WEIGHT_NO_BIAS | (flags),                                        \
    { GTF_DIM_STORED, GTF_DIM_STORED, GTF_DIM_STORED, GTF_DIM_STORED }, .norm = norms }
#define GTF_UPER_POOLED(Struct, head, i)                                                                                           \
  GTF_UPER_CONV (Struct, head.pooled[i], GTF_WEIGHT_OPTIONAL,                                                                      \
                 "decode_head.psp_modules." #i ".1.conv|decode_head.psp_modules.blocks." #i ".conv.convolution",                   \
                 "decode_head.psp_modules." #i ".1.batch_norm|decode_head.psp_modules." #i ".1.bn|decode_head.psp_modules.blocks." #i ".conv.normalization")
#define GTF_UPER_PLAIN(Struct, field, flags, name)                                                                                 \
  GTF_UPER_CONV (Struct, field, flags, "decode_head." name ".conv|decode_head." name ".convolution",                               \
                 "decode_head." name ".batch_norm|decode_head." name ".bn|decode_head." name ".normalization")
#define GTF_UPER_MAP(Struct, head, i)                                                                                              \
  GTF_UPER_PLAIN (Struct, head.lateral[i], GTF_WEIGHT_OPTIONAL, "lateral_convs." #i), GTF_UPER_PLAIN (Struct, head.finer[i], GTF_WEIGHT_OPTIONAL, "fpn_convs." #i)
/* All weights of a head, by the names of UPerNet and of BEiT, old and new; n: the field with the number of labels. */
#define GTF_UPER_HEAD(Struct, head, n)                                                                                             \
  GTF_UPER_POOLED (Struct, head, 0), GTF_UPER_POOLED (Struct, head, 1), GTF_UPER_POOLED (Struct, head, 2), GTF_UPER_POOLED (Struct, head, 3), \
  GTF_UPER_POOLED (Struct, head, 4), GTF_UPER_POOLED (Struct, head, 5), GTF_UPER_POOLED (Struct, head, 6), GTF_UPER_POOLED (Struct, head, 7), \
  GTF_UPER_CONV (Struct, head.bottleneck, 0, "decode_head.bottleneck.conv|decode_head.psp_bottleneck.convolution",                 \
                 "decode_head.bottleneck.batch_norm|decode_head.bottleneck.bn|decode_head.psp_bottleneck.normalization"),          \
  GTF_UPER_MAP (Struct, head, 0), GTF_UPER_MAP (Struct, head, 1), GTF_UPER_MAP (Struct, head, 2), GTF_UPER_MAP (Struct, head, 3),  \
  GTF_UPER_MAP (Struct, head, 4), GTF_UPER_MAP (Struct, head, 5), GTF_UPER_MAP (Struct, head, 6),                                  \
  GTF_UPER_PLAIN (Struct, head.joint, 0, "fpn_bottleneck"),                                                                        \
  { GTF_WEIGHT_LINEAR, "decode_head.classifier", G_STRUCT_OFFSET (Struct, head.classifier), 0, { n, GTF_DIM_STORED } }

G_END_DECLS
