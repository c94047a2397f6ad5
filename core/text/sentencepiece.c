/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * See sentencepiece.h. A protobuf message is a row of keys (field number and wire type) and values; fields that are not known
 * are passed over, of one that comes twice the last counts, as protobuf has it. Every length is checked against what is left
 * of its message.
 */
#include "text/sentencepiece.h"

#include <math.h>
#include <string.h>
#include "base/file.h"
#include "text/unicode.h"
#include "text/vocab.h"

#define MAX_FILE ((gsize) 1 << 30)
#define MAX_PIECE 4096                /* bytes; merges out of pieces cost its square. A trainer's own limit is 512 characters */
#define NOT_SET  (G_MININT32 + 1)

/* What is left of a message, and what it is called: "pieces[3]". */
typedef struct { const guint8 *at, *end; const char *file; char where[64]; } Message;

typedef enum { VARINT = 0, FIXED64 = 1, BYTES = 2, FIXED32 = 5 } Wire;

typedef struct { guint32 number; Wire wire; guint64 value; const char *bytes; gsize length; } Field;

static gboolean G_GNUC_PRINTF (3, 4)
fail (const Message *m, GError **error, const char *format, ...)
{
  va_list arguments;
  va_start (arguments, format);
  g_autofree char *text = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: %s%s%s", m->file, m->where, *m->where ? ": " : "", text);
  return FALSE;
}

static gboolean
read_varint (Message *m, guint64 *value, GError **error)
{
  *value = 0;
  for (guint shift = 0; shift < 64; shift += 7)
    {
      if (m->at == m->end)
        return fail (m, error, "truncated: expected more bytes of a number");
      guint8 byte = *m->at++;
      *value |= (guint64) (byte & 0x7F) << shift;
      if (byte < 0x80)
        return TRUE;
    }
  return fail (m, error, "a number of more than ten bytes: not a SentencePiece model");
}

static gboolean
read_bytes (Message *m, gsize n, Field *field, GError **error)
{
  if (n > (gsize) (m->end - m->at))
    return fail (m, error, "truncated: field %u has %" G_GSIZE_FORMAT " bytes, expected at most the %" G_GSIZE_FORMAT " that are left", field->number, n,
                 (gsize) (m->end - m->at));
  field->bytes = (const char *) m->at;
  field->length = n;
  m->at += n;
  return TRUE;
}

static gboolean
read_field (Message *m, Field *field, GError **error)
{
  guint64 key;
  if (!read_varint (m, &key, error))
    return FALSE;
  *field = (Field) { .number = (guint32) (key >> 3), .wire = key & 7 };
  if (key >> 3 == 0 || key >> 3 > 0x1FFFFFFF)
    return fail (m, error, "field number %" G_GUINT64_FORMAT ": not a SentencePiece model", key >> 3);
  switch (field->wire)
    {
    case VARINT:
      return read_varint (m, &field->value, error);
    case FIXED32:
    case FIXED64:
      return read_bytes (m, field->wire == FIXED32 ? 4 : 8, field, error);
    case BYTES:
      {
        guint64 n;
        return read_varint (m, &n, error) && read_bytes (m, n > G_MAXSIZE ? G_MAXSIZE : (gsize) n, field, error);
      }
    default:
      return fail (m, error, "field %u: wire type %d is not one of SentencePiece's: not a SentencePiece model", field->number, (int) field->wire);
    }
}

static gboolean
expect (const Message *m, const Field *field, Wire wire, const char *name, GError **error)
{
  return field->wire == wire || fail (m, error, "%s: expected wire type %d, found %d", name, (int) wire, (int) field->wire);
}

static Message
inner (const Message *m, const Field *field, const char *name, gssize index)
{
  Message part = { (const guint8 *) field->bytes, (const guint8 *) field->bytes + field->length, m->file, "" };
  if (index >= 0)
    g_snprintf (part.where, sizeof part.where, "%s[%" G_GSSIZE_FORMAT "]", name, index);
  else
    g_strlcpy (part.where, name, sizeof part.where);
  return part;
}

/* ------------------------------------------------------------------ the three kinds of message */

static gboolean
read_piece (GtfSpm *self, Message m, GError **error)
{
  GtfSpmPiece piece = { .type = GTF_SPM_NORMAL };
  Field field;
  while (m.at < m.end)
    {
      if (!read_field (&m, &field, error))
        return FALSE;
      if (field.number == 1)
        {
          if (!expect (&m, &field, BYTES, "piece", error))
            return FALSE;
          piece.text = field.bytes;
          piece.length = field.length;
        }
      else if (field.number == 2)
        {
          guint32 bits;
          if (!expect (&m, &field, FIXED32, "score", error))
            return FALSE;
          memcpy (&bits, field.bytes, 4);
          bits = GUINT32_FROM_LE (bits);
          memcpy (&piece.score, &bits, 4);
        }
      else if (field.number == 3)
        {
          if (!expect (&m, &field, VARINT, "type", error))
            return FALSE;
          if (field.value < GTF_SPM_NORMAL || field.value > GTF_SPM_BYTE)
            return fail (&m, error, "type: expected 1 ... 6, found %" G_GUINT64_FORMAT, field.value);
          piece.type = (GtfSpmType) field.value;
        }
    }
  if (piece.length == 0)
    return fail (&m, error, "piece: expected a text, found nothing");
  if (piece.length > MAX_PIECE)
    return fail (&m, error, "piece: expected at most %d bytes, found %" G_GSIZE_FORMAT, MAX_PIECE, piece.length);
  if (!gtf_utf8_valid (piece.text, piece.length) || memchr (piece.text, 0, piece.length))
    return fail (&m, error, "piece: not UTF-8");
  if (!isfinite (piece.score))
    return fail (&m, error, "score: not a finite number");
  if (self->n_pieces == GTF_VOCAB_MAX_ID)
    return fail (&m, error, "more than %d pieces", GTF_VOCAB_MAX_ID);
  if (self->n_pieces == self->pieces_room)
    {
      gsize room = 2 * self->pieces_room + 1024;
      GtfSpmPiece *pieces = g_try_realloc_n (self->pieces, room, sizeof *pieces);
      if (pieces == NULL)
        {
          g_set_error (error, GTF_ERROR, GTF_ERROR_NO_MEMORY, "%s: no memory for its pieces", m.file);
          return FALSE;
        }
      self->pieces = pieces;
      self->pieces_room = room;
    }
  self->pieces[self->n_pieces++] = piece;
  return TRUE;
}

static gboolean
read_text (const Message *m, const Field *field, const char *name, char **text, GError **error)
{
  if (!expect (m, field, BYTES, name, error))
    return FALSE;
  if (!gtf_utf8_valid (field->bytes, field->length) || memchr (field->bytes, 0, field->length))
    return fail (m, error, "%s: not UTF-8", name);
  g_free (*text);
  *text = g_strndup (field->bytes, field->length);
  return TRUE;
}

static gboolean
read_trainer (GtfSpm *self, Message m, GError **error)
{
  const struct { guint32 number; const char *name; char **text; gint32 *id; gboolean *flag; } table[] =
  {
    { 24, "treat_whitespace_as_suffix", NULL, NULL, &self->whitespace_as_suffix }, { 35, "byte_fallback", NULL, NULL, &self->byte_fallback },
    { 40, "unk_id", NULL, &self->unk_id, NULL }, { 41, "bos_id", NULL, &self->bos_id, NULL }, { 42, "eos_id", NULL, &self->eos_id, NULL },
    { 43, "pad_id", NULL, &self->pad_id, NULL }, { 45, "unk_piece", &self->unk_piece, NULL, NULL }, { 46, "bos_piece", &self->bos_piece, NULL, NULL },
    { 47, "eos_piece", &self->eos_piece, NULL, NULL }, { 48, "pad_piece", &self->pad_piece, NULL, NULL }
  };
  Field field;
  while (m.at < m.end)
    {
      if (!read_field (&m, &field, error))
        return FALSE;
      if (field.number == 3)
        {
          if (!expect (&m, &field, VARINT, "model_type", error))
            return FALSE;
          if (field.value < GTF_SPM_UNIGRAM || field.value > GTF_SPM_CHAR)
            return fail (&m, error, "model_type: expected 1 ... 4, found %" G_GUINT64_FORMAT, field.value);
          self->algorithm = (GtfSpmAlgorithm) field.value;
          continue;
        }
      for (guint i = 0; i < G_N_ELEMENTS (table); i++)
        {
          if (table[i].number != field.number)
            continue;
          if (table[i].text ? !read_text (&m, &field, table[i].name, table[i].text, error) : !expect (&m, &field, VARINT, table[i].name, error))
            return FALSE;
          if (table[i].flag)
            *table[i].flag = field.value != 0;
          if (table[i].id)
            *table[i].id = (gint32) (guint32) field.value;      /* protobuf writes -1 as 64 bits of ones */
        }
    }
  return TRUE;
}

static gboolean
read_normalizer (GtfSpm *self, Message m, GError **error)
{
  Field field;
  while (m.at < m.end)
    {
      if (!read_field (&m, &field, error))
        return FALSE;
      gboolean *flag = field.number == 3 ? &self->add_dummy_prefix : field.number == 4 ? &self->remove_extra_whitespaces : field.number == 5 ? &self->escape_whitespaces : NULL;
      if (flag)
        {
          if (!expect (&m, &field, VARINT, "a flag", error))
            return FALSE;
          *flag = field.value != 0;
        }
      else if (field.number == 2)
        {
          if (!expect (&m, &field, BYTES, "precompiled_charsmap", error))
            return FALSE;
          self->charsmap = field.length ? field.bytes : NULL;
          self->n_charsmap = field.length;
        }
    }
  return TRUE;
}

/* ------------------------------------------------------------------ the whole */

static gboolean
check_ids (GtfSpm *self, const Message *m, GError **error)
{
  const struct { const char *name; gint32 *id, fallback; } ids[] =
  {
    { "unk_id", &self->unk_id, 0 }, { "bos_id", &self->bos_id, 1 }, { "eos_id", &self->eos_id, 2 }, { "pad_id", &self->pad_id, -1 }
  };
  if (self->n_pieces == 0)
    return fail (m, error, "pieces: expected some, found none: not a SentencePiece model");
  for (guint i = 0; i < G_N_ELEMENTS (ids); i++)
    if (*ids[i].id == NOT_SET)
      *ids[i].id = ids[i].fallback;
    else if (*ids[i].id < -1 || (*ids[i].id > 0 && (gsize) *ids[i].id >= self->n_pieces))
      return fail (m, error, "trainer_spec: %s: expected -1 ... %" G_GSIZE_FORMAT ", found %d", ids[i].name, self->n_pieces - 1, *ids[i].id);
  return TRUE;
}

GtfSpm *
gtf_spm_parse (const char *name, char *data, gsize length, GError **error)
{
  g_autoptr (GtfSpm) self = g_new0 (GtfSpm, 1);
  self->name = g_strdup (name);
  self->data = data;
  self->n_data = length;
  self->algorithm = GTF_SPM_UNIGRAM;
  self->unk_id = self->bos_id = self->eos_id = self->pad_id = NOT_SET;
  self->unk_piece = g_strdup ("<unk>");
  self->bos_piece = g_strdup ("<s>");
  self->eos_piece = g_strdup ("</s>");
  self->pad_piece = g_strdup ("<pad>");
  self->add_dummy_prefix = self->remove_extra_whitespaces = self->escape_whitespaces = TRUE;
  Message m = { (const guint8 *) data, (const guint8 *) data + length, self->name, "" };
  Field field;
  while (m.at < m.end)
    {
      if (!read_field (&m, &field, error))
        return NULL;
      const char *const names[] = { NULL, "pieces", "trainer_spec", "normalizer_spec" };
      if (field.number > 3)
        continue;
      if (!expect (&m, &field, BYTES, names[field.number], error))
        return NULL;
      Message part = inner (&m, &field, names[field.number], field.number == 1 ? (gssize) self->n_pieces : -1);
      if (field.number == 1 ? !read_piece (self, part, error) : field.number == 2 ? !read_trainer (self, part, error) : !read_normalizer (self, part, error))
        return NULL;
    }
  return check_ids (self, &m, error) ? g_steal_pointer (&self) : NULL;
}

GtfSpm *
gtf_spm_load (const char *path, GError **error)
{
  char *data;
  gsize length;
  return gtf_file_load (path, MAX_FILE, &data, &length, error) ? gtf_spm_parse (path, data, length, error) : NULL;
}

void
gtf_spm_free (GtfSpm *self)
{
  if (self == NULL)
    return;
  g_free (self->name);
  g_free (self->data);
  g_free (self->pieces);
  g_free (self->unk_piece);
  g_free (self->bos_piece);
  g_free (self->eos_piece);
  g_free (self->pad_piece);
  g_free (self);
}
