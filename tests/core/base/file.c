/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Whole files: what is refused, and that a file appears whole or not at all.
 */
#include "base/file.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char *folder;

static guint
count_files (void)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  guint n = 0;

  while (g_dir_read_name (dir))
    n++;
  return n;
}

static void
test_load (void)
{
  g_autofree char *path = g_build_filename (folder, "a", NULL), *missing = g_build_filename (folder, "b", NULL), *pipe = g_build_filename (folder, "p", NULL);
  g_autofree char *text = NULL;
  g_autoptr (GError) error = NULL;
  gsize length;

  g_assert_true (g_file_set_contents (path, "a\0b", 3, NULL));
  g_assert_true (gtf_file_load (path, 3, &text, &length, &error));
  g_assert_cmpmem (text, length + 1, "a\0b\0", 4);
  g_assert_false (gtf_file_load (path, 2, &text, &length, &error));
  g_assert_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA);
  g_clear_error (&error);
  g_assert_false (gtf_file_load (missing, 9, &text, &length, &error));
  g_assert_error (error, GTF_ERROR, GTF_ERROR_NOT_FOUND);
  g_clear_error (&error);
  g_assert_false (gtf_file_load (folder, 9, &text, &length, &error));
  g_assert_nonnull (strstr (error->message, "a folder"));
  g_clear_error (&error);
  g_assert_cmpint (mkfifo (pipe, 0600), ==, 0);
  g_assert_false (gtf_file_load (pipe, 9, &text, &length, &error));
  g_assert_nonnull (strstr (error->message, "pipe"));
  g_unlink (pipe);
  g_unlink (path);
}

static void
test_writer (void)
{
  g_autofree char *path = g_build_filename (folder, "out", NULL), *text = NULL;
  g_autoptr (GError) error = NULL;
  GtfFileWriter *writer = gtf_file_writer_new (path, &error);

  g_assert_true (gtf_file_writer_write (writer, "one", 3, &error));
  g_assert_false (g_file_test (path, G_FILE_TEST_EXISTS));
  g_assert_true (gtf_file_writer_commit (writer, &error));
  gtf_file_writer_free (writer);
  g_assert_cmpuint (count_files (), ==, 1);

  /* Given up: what was there stays. */
  writer = gtf_file_writer_new (path, &error);
  g_assert_true (gtf_file_writer_write (writer, "two", 3, &error));
  gtf_file_writer_free (writer);
  g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
  g_assert_cmpstr (text, ==, "one");
  g_assert_cmpuint (count_files (), ==, 1);

  writer = gtf_file_writer_new (path, &error);
  g_assert_true (gtf_file_writer_write (writer, "three", 5, &error));
  g_assert_true (gtf_file_writer_commit (writer, &error));
  gtf_file_writer_free (writer);
  g_free (text);
  g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
  g_assert_cmpstr (text, ==, "three");
  g_unlink (path);
}

static void
test_device (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GtfFileWriter) writer = NULL;

  if (!g_file_test ("/dev/full", G_FILE_TEST_EXISTS))
    {
      g_test_skip ("there is no /dev/full");
      return;
    }
  writer = gtf_file_writer_new ("/dev/full", &error);
  g_assert_no_error (error);
  g_assert_false (gtf_file_writer_write (writer, "x", 1, &error));
  g_assert_error (error, GTF_ERROR, GTF_ERROR_IO);
}

int
main (int argc, char **argv)
{
  int status;

  g_test_init (&argc, &argv, NULL);
  folder = g_dir_make_tmp ("gtf-file-XXXXXX", NULL);
  g_test_add_func ("/base/file/load", test_load);
  g_test_add_func ("/base/file/writer", test_writer);
  g_test_add_func ("/base/file/device", test_device);
  status = g_test_run ();
  g_rmdir (folder);
  return status;
}
