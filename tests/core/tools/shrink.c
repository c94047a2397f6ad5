/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * For bad-input.c, by LD_PRELOAD: a pread() that cuts the file GTF_SHRINK_FILE to half of its size before it reads what lies
 * beyond the header, as another process could at that moment.
 */
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

__attribute__ ((visibility ("default"))) ssize_t pread (int fd, void *to, size_t n, off_t offset);

ssize_t
pread (int fd, void *to, size_t n, off_t offset)
{
  static ssize_t (*real) (int, void *, size_t, off_t);
  const char *path = getenv ("GTF_SHRINK_FILE");
  struct stat file, wanted;

  if (!real)
    real = (ssize_t (*) (int, void *, size_t, off_t)) dlsym (RTLD_NEXT, "pread");
  /* Offset 8 is where the header is read; what comes later are weights. */
  if (offset > 8 && path && stat (path, &wanted) == 0 && fstat (fd, &file) == 0 && file.st_ino == wanted.st_ino && truncate (path, wanted.st_size / 2) != 0)
    abort ();
  return real (fd, to, n, offset);
}
