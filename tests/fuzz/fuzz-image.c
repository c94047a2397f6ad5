/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Files of pictures: whatever the bytes are, either a picture of a size within the limit or one error that names the file.
 */
#include "image.h"
#include "fuzz.h"

#include <string.h>

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autoptr (GtfImage) image = NULL;
  g_autoptr (GError) error = NULL;
  guint sum = 0;

  g_setenv ("GTF_MAX_PIXELS", "1000000", TRUE);         /* a bomb is refused, not waited for */
  image = gtf_image_decode_bytes (data, size, "fuzz.img", &error);
  if (image == NULL)
    {
      g_assert_nonnull (error);
      g_assert_nonnull (strstr (error->message, "fuzz.img"));
      return 0;
    }
  g_assert_no_error (error);
  g_assert_cmpint (image->width, >, 0);
  g_assert_cmpint (image->height, >, 0);
  for (gsize i = 0; i < (gsize) image->width * (gsize) image->height * 3; i++)
    sum += image->pixels[i];                            /* all of it is there, and was written */
  g_assert_cmpuint (sum, <=, 255u * 3 * 1000000);
  return 0;
}
