/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Modules are looked for where the registry looks: FOLDER/media as installed, FOLDER/preprocessors in a build folder.
 */
#include "media-module.h"

#include <errno.h>
#include <fcntl.h>
#include <gmodule.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/error.h"
#include "registry/registry.h"

gpointer
gtf_media_module_find (const char *file, const char *symbol)
{
  static const char *const subfolders[] = { "media", "preprocessors" };
  g_auto (GStrv) folders = gtf_registry_get_folders ();
  gpointer found = NULL;

  for (guint i = 0; folders[i] && !found; i++)
    for (guint s = 0; s < G_N_ELEMENTS (subfolders) && !found; s++)
      {
        g_autofree char *path = g_build_filename (folders[i], subfolders[s], file, NULL);
        GModule *module = g_file_test (path, G_FILE_TEST_EXISTS) ? g_module_open (path, G_MODULE_BIND_LAZY | G_MODULE_BIND_LOCAL) : NULL;

        if (module && g_module_symbol (module, symbol, &found))
          g_module_make_resident (module);
        else
          found = NULL;
      }
  return found;
}

/* All that a pipe gives into an unlinked temporary file, since decoders seek. */
static int
spool (int from, GError **error)
{
  g_autofree char *name = NULL;
  int fd = g_file_open_tmp ("gtf-XXXXXX", &name, error);
  char buffer[65536];
  gssize n;

  if (fd < 0)
    return -1;
  unlink (name);
  while ((n = read (from, buffer, sizeof buffer)) != 0)
    if (n < 0 ? errno != EINTR : write (fd, buffer, (gsize) n) != n)
      {
        g_set_error (error, GTF_ERROR, GTF_ERROR_IO, "input cannot be spooled: %s", g_strerror (errno));
        close (fd);
        return -1;
      }
  lseek (fd, 0, SEEK_SET);
  return fd;
}

int
gtf_media_open (const char *path, const char *what, GError **error)
{
  gboolean is_stdin = g_str_equal (path, "-");
  int fd = is_stdin ? STDIN_FILENO : open (path, O_RDONLY | O_CLOEXEC);
  struct stat status;
  int spooled = -1;

  if (fd < 0 || fstat (fd, &status) != 0)
    {
      g_set_error (error, GTF_ERROR, errno == ENOENT ? GTF_ERROR_NOT_FOUND : GTF_ERROR_IO, "%s: cannot be opened: %s", path, g_strerror (errno));
      if (fd >= 0 && !is_stdin)
        close (fd);
      return -1;
    }
  if (S_ISREG (status.st_mode) && !is_stdin)
    return fd;
  if (is_stdin || S_ISFIFO (status.st_mode))
    spooled = spool (fd, error);
  else
    g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: is %s, not %s", path, S_ISDIR (status.st_mode) ? "a folder" : "no regular file", what);
  if (!is_stdin)
    close (fd);
  return spooled;
}
