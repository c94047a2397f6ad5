/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The plugin ABI. A module describes itself with const data: it exports one function that returns a pointer to a
 * struct whose first three fields never move; later fields are only appended, and struct_size tells how many there are.
 *
 *   gtf-whisper.so                          const GtfArchitecturePlugin *gtf_plugin_whisper (void)
 *   gtf-automatic-speech-recognition.so     const GtfTaskPlugin *gtf_task_automatic_speech_recognition (void)
 *   gtf-audio.so                            const GtfPreprocessorPlugin *gtf_preprocessor_audio (void)
 *
 * Config and weights of an architecture are two plain structs of its own; tables say, once for each field, where it comes from.
 */
#pragma once

#include "tensor/ops.h"

G_BEGIN_DECLS

#define GTF_PLUGIN_ABI 4

/**
 * GtfPlugin:
 *
 * The head that all three kinds of modules share. These fields never move.
 */
typedef struct
{
  guint32 abi;            /* GTF_PLUGIN_ABI */
  guint32 struct_size;    /* sizeof the whole struct of its kind */
  const char *name;       /* as in the file's name: "whisper" */
} GtfPlugin;

/* ---- config: fields of config.json -> fields of a struct ------------------------------------------------------------ */

/**
 * GtfConfigType:
 *
 * What a key of config.json holds, and which type its field of the config struct has.
 */
typedef enum
{
  GTF_CONFIG_END,
  GTF_CONFIG_INT,           /* gint64 */
  GTF_CONFIG_FLOAT,         /* double */
  GTF_CONFIG_BOOL,          /* gboolean */
  GTF_CONFIG_ACTIVATION,    /* GtfActivation, from its name in transformers (hidden_act) */
  GTF_CONFIG_STRING,        /* const char *, owned by the model; may stay NULL */
  GTF_CONFIG_COUNT,         /* gint64: how many members an object or array has (id2label), or a number */
  GTF_CONFIG_LIST,          /* const char *, owned by the model: the members of an array (or a single value) with '|' between; may stay NULL.
                               "a.*.b": what each object of the array a has under b. "a.#.b": the same of an object a whose keys are numbers, each at the place of its number,
                               "" where there is none */
  GTF_CONFIG_NULL,          /* gboolean: whether the key is there and null, where that does not mean the same as its absence */
  GTF_CONFIG_MODEL          /* const GtfInnerModel *, owned by the model: an object that is the config of a model inside this one; may stay NULL */
} GtfConfigType;

/**
 * GtfConfigField:
 *
 * A key of config.json with its type, its bounds and its default, and the field of the config struct that it fills. The macros
 * below write one each; %GTF_CONFIG_FIELDS_END ends a table.
 */
typedef struct
{
  GtfConfigType type;
  const char *keys;         /* "d_model" or alternatives, first found wins: "hidden_size|d_model"; dots descend */
  gsize offset;             /* into the config struct */
  gboolean required;
  double minimum, maximum;  /* numbers */
  double fallback;          /* numbers and booleans, when absent or null */
  const char *fallback_string;  /* strings and activations; the JSON of a model's config */
} GtfConfigField;

#define GTF_CONFIG_INT_FIELD(Struct, field, keys, min, max, def)   { GTF_CONFIG_INT, keys, G_STRUCT_OFFSET (Struct, field), FALSE, min, max, def, NULL }
#define GTF_CONFIG_INT_REQUIRED(Struct, field, keys, min, max)     { GTF_CONFIG_INT, keys, G_STRUCT_OFFSET (Struct, field), TRUE, min, max, 0, NULL }
#define GTF_CONFIG_FLOAT_FIELD(Struct, field, keys, min, max, def) { GTF_CONFIG_FLOAT, keys, G_STRUCT_OFFSET (Struct, field), FALSE, min, max, def, NULL }
#define GTF_CONFIG_BOOL_FIELD(Struct, field, keys, def)            { GTF_CONFIG_BOOL, keys, G_STRUCT_OFFSET (Struct, field), FALSE, 0, 1, def, NULL }
#define GTF_CONFIG_ACTIVATION_FIELD(Struct, field, keys, def)      { GTF_CONFIG_ACTIVATION, keys, G_STRUCT_OFFSET (Struct, field), FALSE, 0, 0, 0, def }
#define GTF_CONFIG_STRING_FIELD(Struct, field, keys, def)          { GTF_CONFIG_STRING, keys, G_STRUCT_OFFSET (Struct, field), FALSE, 0, 0, 0, def }
#define GTF_CONFIG_COUNT_FIELD(Struct, field, keys, min, max, def) { GTF_CONFIG_COUNT, keys, G_STRUCT_OFFSET (Struct, field), FALSE, min, max, def, NULL }
#define GTF_CONFIG_LIST_FIELD(Struct, field, keys)                 { GTF_CONFIG_LIST, keys, G_STRUCT_OFFSET (Struct, field), FALSE, 0, 0, 0, NULL }
#define GTF_CONFIG_NULL_FIELD(Struct, field, key)                  { GTF_CONFIG_NULL, key, G_STRUCT_OFFSET (Struct, field), FALSE, 0, 0, 0, NULL }
/* `def`: JSON of the config that counts where there is none, or NULL. Where the key is "backbone_config", what older files have instead is read
 * too: "backbone", "use_timm_backbone", "backbone_kwargs"; `def` may have a member "timm": what goes with a backbone of timm in this family. */
#define GTF_CONFIG_MODEL_FIELD(Struct, field, key, def)            { GTF_CONFIG_MODEL, key, G_STRUCT_OFFSET (Struct, field), FALSE, 0, 0, 0, def }
#define GTF_CONFIG_FIELDS_END                                      { GTF_CONFIG_END }

/* What a list has: its size (0: NULL), whether a word is in it, whether member i is a word, member i as a number. */
GTF_API gint64   gtf_config_list_size (const char *list);
GTF_API gboolean gtf_config_list_has  (const char *list, const char *word);
GTF_API gboolean gtf_config_list_is   (const char *list, gint64 i, const char *word);
GTF_API gboolean gtf_config_list_int  (const char *list, gint64 i, gint64 minimum, gint64 maximum, gint64 *value);
/* For `derive`, where a name stands in another one. FALSE: no activation of this name in transformers' table (ACT2FN) that we know. */
GTF_API gboolean gtf_activation_from_name (const char *name, GtfActivation *activation);
GTF_API gboolean gtf_config_list_float (const char *list, gint64 i, double minimum, double maximum, double *value);

/**
 * GtfInnerModel:
 *
 * A model inside a model, such as the backbone of a detector: its architecture, found by its own model_type, its config and its weights.
 */
typedef struct _GtfInnerModel GtfInnerModel;

/**
 * GtfFeatures:
 *
 * Where a backbone puts its feature maps.
 */
typedef struct _GtfFeatures GtfFeatures;

/* ---- weights: tensors of the repository -> fields of a struct ----------------------------------------------------- */

/**
 * GtfDim:
 *
 * One dimension: a constant, or a gint64 field of the config struct times a factor. A weight with a dimension that comes out as 0 is not
 * there (token types of a model that has none): its pointer is NULL. */
typedef struct
{
  gssize offset;            /* into the config struct; -1: constant */
  gint64 factor;            /* multiplier, or the constant itself */
} GtfDim;

#define GTF_DIM(Config, field)          { G_STRUCT_OFFSET (Config, field), 1 }
#define GTF_DIM_TIMES(Config, field, n) { G_STRUCT_OFFSET (Config, field), n }
/* As the file has it: where each layer has its own; the ops check that what meets fits. */
#define GTF_DIM_STORED                  { -1, -1 }
#define GTF_DIM_CONST(n)                { -1, n }

/**
 * GtfWeightType:
 *
 * What a weight is used for: how it is packed, and which type its field of the weights struct has.
 */
typedef enum
{
  GTF_WEIGHT_END,
  GTF_WEIGHT_LINEAR,        /* const GtfLinear *     NAME.weight [out][in], NAME.bias [out] */
  GTF_WEIGHT_NORM,          /* const GtfNorm *       NAME.weight [d], NAME.bias [d] */
  GTF_WEIGHT_EMBEDDING,     /* const GtfEmbedding *  NAME.weight [n][d] */
  GTF_WEIGHT_CONV1D,        /* const GtfConv1d *     NAME.weight [out][in][kernel], NAME.bias [out] */
  GTF_WEIGHT_TENSOR,        /* const GtfTensor *     NAME [..], as float32 */
  GTF_WEIGHT_GROUP,         /* T *                   an array of structs, one a layer; NAME holds a %d, or a %n where they are counted from 1 */
  GTF_WEIGHT_CONV2D,        /* const GtfConv2d *     NAME.weight [out][in / groups][height][width], NAME.bias [out] */
  GTF_WEIGHT_BATCH_NORM,    /* const GtfNorm *       NAME.{weight,bias,running_mean,running_var} [d], as one factor and one summand for gtf_affine () */
  GTF_WEIGHT_MODEL,         /* const GtfInnerModel * all weights of the model that a GTF_CONFIG_MODEL field stands for, under NAME; `count` is that field */
  GTF_WEIGHT_EXPERTS        /* const GtfLinear *const *  NAME [n][in][out]: n layers in one tensor, each [out][in], without biases */
} GtfWeightType;

/**
 * GtfWeightFlags:
 *
 * How a weight may differ from what its type says.
 */
typedef enum
{
  GTF_WEIGHT_DEFAULT        = 0,
  GTF_WEIGHT_OPTIONAL       = 1 << 0,   /* the whole weight may be absent: the pointer is then NULL */
  GTF_WEIGHT_NO_BIAS        = 1 << 1,   /* there is never a bias */
  GTF_WEIGHT_BIAS_OPTIONAL  = 1 << 2,   /* a bias (or that of one part of a fused weight) may be absent: zero */
  GTF_WEIGHT_TRANSPOSED     = 1 << 3,   /* stored as [in][out] (GPT-2's Conv1D), [in][out][height][width] (a transposed convolution) */
  GTF_WEIGHT_PARENT_BIAS    = 1 << 4,   /* the bias may be called as what is around it: "predictions.decoder" -> "predictions.bias" */
  GTF_WEIGHT_BARE           = 1 << 5,   /* a matrix called NAME, without .weight; in the file it may have more dimensions, all but the first count as one */
  GTF_WEIGHT_GROUPED        = 1 << 6,   /* a convolution in groups, each of as many outputs as inputs (of one: depthwise) */
  GTF_WEIGHT_STANDARDIZED   = 1 << 7    /* a convolution whose weights get the mean 0 and the variance 1, output by output, when they are loaded; .eps is added to the variance */
} GtfWeightFlags;

typedef struct _GtfWeight GtfWeight;

/**
 * GtfWeight:
 * @name: the tensor's name without ".weight" / ".bias". Alternatives (legacy names) are separated by '|', the parts of a fused
 *   weight stand in braces: "self_attn.{q,k,v}_proj" is one product with the three outputs one after the other.
 * @dims: [out, in] / [d] / [n, d] / [out, in, kernel] / [out, in / groups, height, width] / the shape; the dimensions of a fused weight are those of the whole (GTF_DIM_STORED: of all parts together)
 * @tied: (nullable): name of another weight's tensor that is used when the file has none of this name (a tied decoder)
 * @group, @group_size, @count: GTF_WEIGHT_GROUP: its table, the size of its struct, the number of layers; GTF_DIM_STORED: as many as the file has, and behind
 *   them a struct of zeros
 * @branch: (nullable): GTF_WEIGHT_CONV2D without groups: one weight: another convolution of 1 x 1 pixels beside it, for as many inputs and
 *   outputs, both with @norm, whose results are added to its own. It becomes part of the middle of its windows when they are loaded (Ding et al., "RepVGG" (2021))
 * @norm: (nullable): GTF_WEIGHT_CONV2D, GTF_WEIGHT_LINEAR of one part: the batch normalisation NORM.{weight,bias,running_mean,running_var} behind
 *   it, which becomes part of weight and bias when they are loaded
 * @eps: of that normalisation, of GTF_WEIGHT_BATCH_NORM or of weights that are standardised (0: 1e-5); @eps_field: where it stands in the config instead, a double (0: nowhere)
 */
struct _GtfWeight
{
  GtfWeightType type;
  const char *name;
  gsize offset;
  GtfWeightFlags flags;
  GtfDim dims[4];
  const char *tied;
  union
  {
    const GtfWeight *group;     /* a table */
    const GtfWeight *branch;    /* one weight */
  };
  gsize group_size;
  GtfDim count;
  const char *norm;
  double eps;
  gsize eps_field;
};

/**
 * GtfHead:
 *
 * The class of `architectures` in config.json, e.g. "WhisperForConditionalGeneration", and what it gives beyond the base model. Where that names none
 * for the task, the bare model comes first, then the first head whose first task it is, then the first that can do it.
 */
typedef struct
{
  const char *class_suffix;         /* "ForConditionalGeneration"; NULL ends the table; "Model" is the bare model */
  const char *const *tasks;         /* tasks it can do, NULL-terminated */
  const GtfWeight *weights;         /* (nullable): further weights, into the same struct */
  const char *prefix;               /* base_model_prefix: "model", "bert"; tried with and without. Several stand between '|' */
} GtfHead;

/**
 * GtfForward:
 *
 * What a forward function gets beside the context.
 */
typedef struct
{
  const void *config;
  const void *weights;
  const GtfHead *head;
  GtfCache *cache;                  /* decode and encode only */
  GtfFeatures *features;            /* features only */
} GtfForward;

/**
 * GtfArchitecture:
 * @forward: (nullable): the whole model in one call
 * @encode: (nullable): encoder of an encoder-decoder: puts "encoder_last_hidden_state" and fills the cross-attention cache
 * @decode: (nullable): some steps over the cache: input "input_ids" [B][T] -> output "logits" [B][1 or T][vocab] (T where the
 *   output "all_logits" is wanted), "cross_attentions" [layers * B][heads][T][S] if wanted
 * @name_word: 0, or the offset into the config of the string that stands for %s in the names of weights (X-MOD's language); where it has several words, '|' between
 *   them, the layers of a group have one each (ZoeDepth's domains)
 * @features: (nullable): the model as a backbone: puts the output of each stage by gtf_feature (). Weights: those of the head "Backbone"
 * @n_stages: how many stages it has, that before the first ("stem") included
 * @stage_names: (nullable): what out_features calls them, separated by '|' (NULL: "stem", "stage1", "stage2" ...)
 */
typedef struct
{
  guint32 struct_size;
  const char *const *model_types;   /* NULL-terminated */
  gsize config_size;
  const GtfConfigField *config;
  gboolean (*derive) (gpointer config, GError **error);   /* (nullable): checks and computed fields */
  gsize weights_size;
  const GtfWeight *weights;
  const GtfHead *heads;
  const char *ignored;              /* (nullable): patterns of tensors that may be left over, separated by '|' */
  void (*forward) (GtfContext *c, const GtfForward *f);
  void (*encode) (GtfContext *c, const GtfForward *f);
  void (*decode) (GtfContext *c, const GtfForward *f);
  GtfDim decoder_layers, encoder_states, decoder_positions, vocab_size, kv_size;  /* sizes of the cache: layers, S, longest sequence, logits, D of k and v */
  gsize name_word;
  void (*features) (GtfContext *c, const GtfForward *f, const GtfTensor *pixels);
  GtfDim n_stages;
  const char *stage_names;
} GtfArchitecture;

/* How many feature maps a model can ask a backbone for. */
#define GTF_MAX_MAPS 32

/* ---- backbones ------------------------------------------------------------------------------------------------------ */

/* In `features`: the output of a stage, [B][H][W][C], or [B][T][D] where the config asks for tokens. What nobody asked for is dropped. */
GTF_API void     gtf_feature          (GtfContext *c, const GtfForward *f, gint64 stage, const GtfTensor *x);
/* Whether somebody asked for it, by out_features or out_indices (neither: the last). */
GTF_API gboolean gtf_feature_wanted   (const GtfForward *f, gint64 stage);
/* In the model around it: how many feature maps the backbone gives; and these, in the order of the stages, for pixels [B][C][H][W]. FALSE
 * after the sticky error; `maps` has room for n. */
GTF_API gint64   gtf_backbone_n_maps  (const GtfInnerModel *backbone);
GTF_API gboolean gtf_backbone_maps    (GtfContext *c, const GtfInnerModel *backbone, const GtfTensor *pixels, GtfTensor **maps, gint64 n);

/**
 * GtfArchitecturePlugin:
 *
 * What a module of plugins/ describes itself with: one family of architectures (gtf-bert.so, gtf_plugin_bert()).
 */
typedef struct
{
  GtfPlugin head;
  const char *description;
  const char *license;
  const GtfArchitecture *const *architectures;   /* NULL-terminated */
} GtfArchitecturePlugin;

#define GTF_PLUGIN_EXPORT __attribute__ ((visibility ("default")))

G_END_DECLS
