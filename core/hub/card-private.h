/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What the module gtf-card-yaml.so gives to card.c.
 */
#pragma once

#include <json-glib/json-glib.h>
#include "hub/module.h"

#define GTF_CARD_YAML_ABI 1

typedef struct
{
  GtfHubModuleAbi abi;
  /* One document as JSON, by the core schema of YAML 1.2. @name and @line (of the first line, from 1) stand in messages. (transfer full) */
  JsonNode *(*parse) (const char *name, guint line, const char *text, gsize length, GError **error);
} GtfCardYaml;
