/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The templates of tokenizer-classes.c, filled in.
 */
#pragma once

#include <json-glib/json-glib.h>
#include "base/error.h"

G_BEGIN_DECLS

typedef gint32 (*GtfTokenLookup) (gpointer data, const char *token);      /* -1: there is none */

typedef struct
{
  JsonObject *row;                     /* the class's members, with those of the class that it is like */
  JsonObject *values;                  /* settings, the contents of roles, facts about the model */
  GtfTokenLookup lookup;               /* nullable, as long as nothing asks for an id */
  gpointer data;
} GtfTemplate;

/* The class's members: its own put over those of the class it is like. */
JsonObject *gtf_template_row      (const char *name);
/* The members of @over put over those of @under. */
void        gtf_template_put_over (JsonObject *under, JsonObject *over);
/* The member @name, filled in: NULL without an error where it is absent, null or empty by its conditions. */
JsonNode   *gtf_template_expand   (const GtfTemplate *self, const char *name, GError **error);

G_END_DECLS
