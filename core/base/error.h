/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/defs.h"

G_BEGIN_DECLS

/**
 * GTF_ERROR:
 *
 * The one error domain of the library. Messages name the file, the key or tensor, what was expected and what was found.
 * A cancelled call fails with %G_IO_ERROR_CANCELLED instead.
 */
#define GTF_ERROR (gtf_error_quark ())

/**
 * GtfError:
 * @GTF_ERROR_FAILED: anything that has no better code
 * @GTF_ERROR_NOT_FOUND: a file, a repository, a task or a key that is not there
 * @GTF_ERROR_INVALID_DATA: a file or a request that is broken, truncated or hostile
 * @GTF_ERROR_UNSUPPORTED: valid, but nothing here can do it (an unknown model_type, a codec)
 * @GTF_ERROR_INVALID_ARGUMENT: a parameter that is unknown, of the wrong type or out of range
 * @GTF_ERROR_PLUGIN: a plugin that cannot be loaded
 * @GTF_ERROR_IO: the system refused to read or write
 * @GTF_ERROR_NO_MEMORY: a size that was asked for cannot be had
 *
 * Error codes of %GTF_ERROR.
 */
typedef enum
{
  GTF_ERROR_FAILED,
  GTF_ERROR_NOT_FOUND,
  GTF_ERROR_INVALID_DATA,
  GTF_ERROR_UNSUPPORTED,
  GTF_ERROR_INVALID_ARGUMENT,
  GTF_ERROR_PLUGIN,
  GTF_ERROR_IO,
  GTF_ERROR_NO_MEMORY
} GtfError;

/**
 * gtf_error_quark:
 *
 * Returns: the quark of %GTF_ERROR
 */
GTF_API GQuark gtf_error_quark (void);

G_END_DECLS
