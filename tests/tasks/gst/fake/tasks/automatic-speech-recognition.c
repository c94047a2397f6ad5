/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Speech recognition for tests of what stands around it: hears loud stretches as words, and reads the word off how loud its peak
 * is: 0.3 is "a", 0.35 "b" ... (tests/tasks/gst/speech.h makes such sound). It waits while the test holds its lock, so that a slow
 * machine can be played without a clock.
 */
#include <math.h>
#include <gtf/gtf.h>

GTF_PLUGIN_EXPORT const GtfTaskPlugin *gtf_task_automatic_speech_recognition (void);
GTF_PLUGIN_EXPORT GMutex *gtf_fake_asr_lock (void);
GTF_PLUGIN_EXPORT gint *gtf_fake_asr_runs (void);

static GMutex lock;
static gint runs;

static const GtfTaskParameter parameters[] = {
  { "return_timestamps", "\"word\"", "false", "times of words", 0, 0 },
  { "generate_kwargs", "object", "{}", "anything", 0, 0 },
  { NULL }
};

static void
add_word (JsonArray *chunks, GString *all, float peak, double start, double end)
{
  JsonObject *chunk = json_object_new ();
  JsonArray *time = json_array_new ();
  char text[3] = { ' ', (char) ('a' + CLAMP ((int) lroundf ((peak - 0.3f) / 0.05f), 0, 25)), 0 };

  g_string_append (all, text);
  json_object_set_string_member (chunk, "text", text);
  json_array_add_double_element (time, start);
  json_array_add_double_element (time, end);
  json_object_set_array_member (chunk, "timestamp", time);
  json_array_add_object_element (chunks, chunk);
}

static JsonNode *
run (GtfTask *task, const GtfRequest *request, GError **error)
{
  const GtfAudio *audio = request->audio;
  JsonArray *chunks = json_array_new ();
  JsonObject *answer = json_object_new ();
  JsonNode *node;
  g_autoptr (GString) all = g_string_new (NULL);
  gsize start = 0, quiet = 800, silent = quiet;
  float peak = 0;

  g_mutex_lock (&lock);
  g_mutex_unlock (&lock);
  g_atomic_int_inc (&runs);
  for (gsize i = 0; i <= audio->n_samples; i++)
    {
      float level = i < audio->n_samples ? fabsf (audio->samples[i]) : 0;

      if (level > 0.02f)
        {
          if (silent >= quiet)
            start = i;
          silent = 0;
          peak = MAX (peak, level);
        }
      else if (++silent == quiet || (i == audio->n_samples && silent < quiet))
        {
          if (peak > 0.25f)
            add_word (chunks, all, peak, (double) start / 16000, (double) (i - MIN (i, silent)) / 16000);
          peak = 0;
        }
    }
  json_object_set_string_member (answer, "text", all->str);
  json_object_set_array_member (answer, "chunks", chunks);
  node = json_node_new (JSON_NODE_OBJECT);
  json_node_take_object (node, answer);
  return node;
}

GMutex *
gtf_fake_asr_lock (void)
{
  return &lock;
}

gint *
gtf_fake_asr_runs (void)
{
  return &runs;
}

static const GtfTaskPlugin plugin = {
  { GTF_PLUGIN_ABI, sizeof (GtfTaskPlugin), "automatic-speech-recognition" }, NULL, "audio", parameters, NULL, NULL, run, NULL
};

const GtfTaskPlugin *
gtf_task_automatic_speech_recognition (void)
{
  return &plugin;
}
