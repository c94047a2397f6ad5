/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Where results go: format by option, ending or terminal; files whole or not at all.
 *
 * A regular file is written beside its place under a temporary name and renamed when all bytes are on the disk. What is
 * no regular file (/dev/full, a pipe) cannot be replaced by a rename and is written to.
 */
#include "tools/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <glib/gstdio.h>

static const struct
{
  const char *name, *ending;
  CliFormat format;
} formats[] = {
  { "text", ".txt", CLI_FORMAT_TEXT },
  { "json", ".json", CLI_FORMAT_JSON },
  { "srt", ".srt", CLI_FORMAT_SRT },
  { "vtt", ".vtt", CLI_FORMAT_VTT },
  { "html", ".html", CLI_FORMAT_HTML },
  { "coco", NULL, CLI_FORMAT_COCO },
  { "png", ".png", CLI_FORMAT_PNG },
  { "jpeg", ".jpg", CLI_FORMAT_JPEG },
  { "jpeg", ".jpeg", CLI_FORMAT_JPEG },
};

gboolean
cli_choose_format (const char *format, const char *output, CliFormat *chosen, GError **error)
{
  for (guint i = 0; i < G_N_ELEMENTS (formats); i++)
    if (format ? strcmp (format, formats[i].name) == 0 : output && formats[i].ending && g_str_has_suffix (output, formats[i].ending))
      {
        *chosen = formats[i].format;
        return TRUE;
      }
  if (format)
    g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "--format '%s': expected text, json, html, srt, vtt, coco, png or jpeg", format);
  else if (output && strchr (output, '.') && !strchr (strrchr (output, '.'), '/') && g_str_has_prefix (output, "/dev/") == FALSE)
    g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "--output '%s': no format has this ending; expected .txt, .json, .html, .srt, .vtt, .png or .jpg, or give --format",
                 output);
  else
    {
      *chosen = output == NULL && isatty (STDOUT_FILENO) ? CLI_FORMAT_TEXT : CLI_FORMAT_JSON;
      return TRUE;
    }
  return FALSE;
}

static gboolean
fail (GError **error, const char *path, const char *what)
{
  int code = errno;

  g_set_error (error, GTF_ERROR, GTF_ERROR_IO, "%s: %s: %s", path, what, g_strerror (code));
  return FALSE;
}

static gboolean
write_all (int fd, const char *path, const char *data, gsize length, GError **error)
{
  while (length)
    {
      gssize n = write (fd, data, length);

      if (n < 0 && errno == EINTR)
        continue;
      if (n < 0)
        return fail (error, path, "cannot write");
      data += n;
      length -= n;
    }
  return TRUE;
}

static gboolean
write_direct (const char *path, const char *data, gsize length, GError **error)
{
  int fd = open (path, O_WRONLY | O_CLOEXEC);
  gboolean good;

  if (fd < 0)
    return fail (error, path, "cannot open for writing");
  good = write_all (fd, path, data, length, error);
  if (close (fd) != 0 && good)
    good = fail (error, path, "cannot write");
  return good;
}

/* Permissions as any new file gets them; mkstemp() gives none to others. */
static mode_t
new_file_mode (const struct stat *old, gboolean exists)
{
  mode_t mask = umask (0);

  umask (mask);
  return exists ? old->st_mode & 0777 : 0666 & ~mask;
}

static gboolean
write_replacing (const char *path, const struct stat *old, gboolean exists, const char *data, gsize length, GError **error)
{
  g_autofree char *temporary = g_strconcat (path, ".XXXXXX", NULL);
  int fd = g_mkstemp_full (temporary, O_RDWR | O_CLOEXEC, 0600);
  gboolean good;

  if (fd < 0)
    return fail (error, path, "cannot create a file in this folder");
  cli_interrupt_set_partial (temporary);
  good = write_all (fd, path, data, length, error);
  if (good && (fchmod (fd, new_file_mode (old, exists)) != 0 || fsync (fd) != 0))
    good = fail (error, path, "cannot write");
  if (close (fd) != 0 && good)
    good = fail (error, path, "cannot write");
  if (good && rename (temporary, path) != 0)
    good = fail (error, path, "cannot put the file in its place");
  if (!good)
    unlink (temporary);
  cli_interrupt_set_partial (NULL);
  return good;
}

gboolean
cli_write (const char *path, const char *data, gsize length, GError **error)
{
  struct stat info = { 0 };
  g_autofree char *target = NULL;
  gboolean exists;

  if (path == NULL || strcmp (path, "-") == 0)
    {
      fflush (stdout);
      return write_all (STDOUT_FILENO, "standard output", data, length, error);
    }
  exists = stat (path, &info) == 0;
  if (exists && !S_ISREG (info.st_mode) && !S_ISDIR (info.st_mode))
    return write_direct (path, data, length, error);
  /* Through a link, the file it points to is replaced, not the link. */
  target = exists ? realpath (path, NULL) : NULL;
  return write_replacing (target ? target : path, &info, exists, data, length, error);
}
