/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The card of a repository: README.md, whose front matter (YAML between two lines "---") says what a model is, under which licence, of what and for what.
 *
 * Reading needs the module gtf-card-yaml.so (libyaml); where it is missing, the error says so.
 */
#pragma once

#include <json-glib/json-glib.h>
#include "base/error.h"

G_BEGIN_DECLS

typedef struct _GtfHubCard GtfHubCard;

/* @name: of the file, for messages. A text without front matter is a card without metadata. */
GTF_API GtfHubCard *gtf_hub_card_new          (const char *name, const char *text, gsize length, GError **error);
/* README.md of a folder; GTF_ERROR_NOT_FOUND where there is none. */
GTF_API GtfHubCard *gtf_hub_card_load         (const char *directory, GError **error);
GTF_API void        gtf_hub_card_free         (GtfHubCard *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GtfHubCard, gtf_hub_card_free)

/* All of the metadata, as JSON; an empty object where there are none. */
GTF_API JsonObject *gtf_hub_card_get_metadata (const GtfHubCard *self);
/* A value that is a text, a number, or a list of such: its texts. (transfer full) (nullable) */
GTF_API char      **gtf_hub_card_dup_values   (const GtfHubCard *self, const char *key);
/* The whole text. */
GTF_API const char *gtf_hub_card_get_text     (const GtfHubCard *self);

/**
 * gtf_hub_card_complete:
 * @defaults: metadata that the card should have
 *
 * Adds those members of @defaults that the card has not, behind what is there. What people wrote, comments, order and line ends among it, stays as it is, byte
 * by byte; a card without front matter gets one. %GTF_ERROR_UNSUPPORTED, and nothing is changed, where the front matter is written in such a way
 * (in braces) that nothing can be added to it.
 */
GTF_API gboolean    gtf_hub_card_complete     (GtfHubCard *self, JsonObject *defaults, GError **error);

G_END_DECLS
