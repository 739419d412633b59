/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/config.h"

#include <string.h>

#include <medley/medley-error.h>

#include "base/config-file.h"
#include "base/config-private.h"
#include "base/config-value.h"
#include "base/folders.h"
#include "base/names.h"
#include "base/nearest.h"

typedef struct {
  MedleyConfigValue *value;
  char *origin;
} Slot;

struct _MedleyConfig {
  GObject parent_instance;
  Slot *slots; /* one per key of the table, in its order */
};

G_DEFINE_FINAL_TYPE (MedleyConfig, medley_config, G_TYPE_OBJECT)

static void
medley_config_finalize (GObject *object)
{
  MedleyConfig *self = MEDLEY_CONFIG (object);
  guint n_keys;

  medley_config_keys (&n_keys);
  for (guint i = 0; i < n_keys; i++) {
    g_clear_pointer (&self->slots[i].value, medley_config_value_free);
    g_free (self->slots[i].origin);
  }
  g_free (self->slots);
  G_OBJECT_CLASS (medley_config_parent_class)->finalize (object);
}

static void
medley_config_class_init (MedleyConfigClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = medley_config_finalize;
}

static void
medley_config_init (MedleyConfig *self)
{
  guint n_keys;

  medley_config_keys (&n_keys);
  self->slots = g_new0 (Slot, n_keys);
}

/* -1 when there is none. */
static int
find_key (const char *name)
{
  guint n_keys;
  const MedleyConfigKey *keys = medley_config_keys (&n_keys);

  for (guint i = 0; i < n_keys; i++) {
    if (g_str_equal (keys[i].name, name))
      return (int) i;
  }
  return -1;
}

/* Names of all groups, or of the keys of one. */
static char **
list_names (const char *group)
{
  guint n_keys;
  const MedleyConfigKey *keys = medley_config_keys (&n_keys);
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);

  for (guint i = 0; i < n_keys; i++) {
    const char *dot = strchr (keys[i].name, '.');
    g_autofree char *its_group = g_strndup (keys[i].name, dot - keys[i].name);

    if (group != NULL && g_str_equal (its_group, group))
      g_ptr_array_add (names, g_strdup (dot + 1));
    else if (group == NULL
             && !g_ptr_array_find_with_equal_func (names, its_group, g_str_equal, NULL))
      g_ptr_array_add (names, g_steal_pointer (&its_group));
  }
  g_ptr_array_add (names, NULL);
  return (char **) g_ptr_array_free (g_steal_pointer (&names), FALSE);
}

static char *
describe_unknown (const char *group, const char *key)
{
  g_auto (GStrv) groups = list_names (NULL);
  g_auto (GStrv) keys = list_names (group);
  const char *nearest;

  if (!g_strv_contains ((const char *const *) groups, group)) {
    nearest = medley_nearest (group, (const char *const *) groups);
    if (nearest != NULL)
      return g_strdup_printf ("unknown group [%s]; did you mean [%s]?", group, nearest);
    return g_strdup_printf ("unknown group [%s]; see \"medley config template\"", group);
  }
  nearest = medley_nearest (key, (const char *const *) keys);
  if (nearest != NULL)
    return g_strdup_printf ("unknown key \"%s\" in [%s]; did you mean \"%s\"?", key, group,
                            nearest);
  for (guint i = 0; groups[i] != NULL; i++) {
    g_auto (GStrv) others = list_names (groups[i]);

    if (g_strv_contains ((const char *const *) others, key))
      return g_strdup_printf ("unknown key \"%s\" in [%s]; it belongs in [%s]", key, group,
                              groups[i]);
  }
  return g_strdup_printf ("unknown key \"%s\" in [%s]; see \"medley config template\"", key, group);
}

static void
set_value (MedleyConfig *self, const char *group, const char *key, const char *written,
           const char *base, const char *place, const char *origin, GString *faults)
{
  guint n_keys;
  const MedleyConfigKey *keys = medley_config_keys (&n_keys);
  g_autofree char *name = g_strdup_printf ("%s.%s", group, key);
  g_autoptr (MedleyConfigValue) value = NULL;
  g_autoptr (GError) error = NULL;
  int index = find_key (name);

  if (index < 0) {
    g_autofree char *unknown = describe_unknown (group, key);

    g_string_append_printf (faults, "%s: %s\n", place, unknown);
    return;
  }
  value = medley_config_value_parse (&keys[index], written, base, NULL, &error);
  if (value == NULL) {
    g_string_append_printf (faults, "%s: %s: %s\n", place, name, error->message);
    return;
  }
  g_clear_pointer (&self->slots[index].value, medley_config_value_free);
  self->slots[index].value = g_steal_pointer (&value);
  g_free (self->slots[index].origin);
  self->slots[index].origin = g_strdup (origin);
}

static void
load_built_in (MedleyConfig *self, GString *faults)
{
  guint n_keys;
  const MedleyConfigKey *keys = medley_config_keys (&n_keys);

  for (guint i = 0; i < n_keys; i++) {
    g_auto (GStrv) parts = g_strsplit (keys[i].name, ".", 2);

    set_value (self, parts[0], parts[1], keys[i].value, NULL, "built in", "built in", faults);
  }
}

static void
load_file (MedleyConfig *self, const char *file, gboolean required, GString *faults)
{
  g_autofree char *text = NULL;
  g_autoptr (GPtrArray) entries = NULL;
  g_autoptr (GError) error = NULL;
  gsize length;

  if (!g_file_get_contents (file, &text, &length, &error)) {
    if (required
        || (!g_error_matches (error, G_FILE_ERROR, G_FILE_ERROR_NOENT)
            && !g_error_matches (error, G_FILE_ERROR, G_FILE_ERROR_NOTDIR)))
      g_string_append_printf (faults, "%s: cannot be read: %s\n", file, error->message);
    return;
  }
  entries = medley_config_file_parse (text, length, file, faults);
  for (guint i = 0; i < entries->len; i++) {
    const MedleyConfigEntry *entry = g_ptr_array_index (entries, i);
    g_autofree char *place = g_strdup_printf ("%s:%u", file, entry->line);

    set_value (self, entry->group, entry->key, entry->value, NULL, place, place, faults);
  }
}

static void
load_override (MedleyConfig *self, const char *text, GString *faults)
{
  const char *equals = strchr (text, '=');
  const char *dot = strchr (text, '.');
  g_autofree char *group = NULL;
  g_autofree char *key = NULL;
  g_autofree char *folder = NULL;

  if (equals == NULL || dot == NULL || dot > equals) {
    g_string_append_printf (faults, "command line: \"%s\" is not group.key=value\n", text);
    return;
  }
  group = g_strndup (text, dot - text);
  key = g_strndup (dot + 1, equals - dot - 1);
  folder = g_get_current_dir ();
  set_value (self, group, key, equals + 1, folder, "command line", "command line", faults);
}

/* "${runtime}" means the folder in force, so that one key moves the socket, the token and all else.
 */
static void
follow_runtime (MedleyConfig *self)
{
  guint n_keys;
  const MedleyConfigKey *keys = medley_config_keys (&n_keys);
  const char *runtime = medley_config_get_path (self, "paths.runtime");

  for (guint i = 0; i < n_keys; i++) {
    MedleyConfigValue *value;

    if (strstr (self->slots[i].value->written, "${runtime}") == NULL
        || g_str_equal (keys[i].name, "paths.runtime"))
      continue;
    /* It was parsed before, so it parses again. */
    value = medley_config_value_parse (&keys[i], self->slots[i].value->written, "/", runtime, NULL);
    medley_config_value_free (self->slots[i].value);
    self->slots[i].value = value;
  }
}

MedleyConfig *
medley_config_load_layers (const char *const *optional, const char *file,
                           const char *const *overrides, GError **error)
{
  g_autoptr (MedleyConfig) self = g_object_new (MEDLEY_TYPE_CONFIG, NULL);
  g_autoptr (GString) faults = g_string_new (NULL);

  load_built_in (self, faults);
  for (guint i = 0; optional[i] != NULL; i++)
    load_file (self, optional[i], FALSE, faults);
  if (file != NULL)
    load_file (self, file, TRUE, faults);
  for (guint i = 0; overrides != NULL && overrides[i] != NULL; i++)
    load_override (self, overrides[i], faults);

  if (faults->len > 0) {
    g_string_truncate (faults, faults->len - 1);
    g_set_error_literal (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_CONFIG, faults->str);
    return NULL;
  }
  follow_runtime (self);
  return g_steal_pointer (&self);
}

static char *
build_tree_file (void)
{
  g_autofree char *executable = g_file_read_link ("/proc/self/exe", NULL);
  g_autofree char *folder = executable != NULL ? g_path_get_dirname (executable) : NULL;

  return folder != NULL ? g_build_filename (folder, MEDLEY_UNINSTALLED_CONFIG_NAME, NULL) : NULL;
}

MedleyConfig *
medley_config_load (const char *file, const char *const *overrides, GError **error)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  g_autofree char *build_tree = build_tree_file ();
  g_auto (GStrv) files = NULL;

  if (build_tree != NULL)
    g_strv_builder_add (builder, build_tree);
  if (file == NULL) {
    g_autofree char *system = medley_folder_get ("sysconf");
    g_autofree char *user = medley_folder_get ("config");
    g_autofree char *system_file = g_build_filename (system, MEDLEY_CONFIG_NAME, NULL);
    g_autofree char *user_file = g_build_filename (user, MEDLEY_CONFIG_NAME, NULL);

    g_strv_builder_add (builder, system_file);
    g_strv_builder_add (builder, user_file);
  }
  files = g_strv_builder_end (builder);
  return medley_config_load_layers ((const char *const *) files, file, overrides, error);
}

static const MedleyConfigValue *
lookup (MedleyConfig *self, const char *name)
{
  int index = find_key (name);

  /* A name that is not in the table is a mistake in the program. */
  if (index < 0)
    g_error ("the table of the configuration has no key %s", name);
  return self->slots[index].value;
}

const char *
medley_config_get_string (MedleyConfig *self, const char *name)
{
  return lookup (self, name)->text;
}

const char *
medley_config_get_path (MedleyConfig *self, const char *name)
{
  return lookup (self, name)->text;
}

const char *const *
medley_config_get_list (MedleyConfig *self, const char *name)
{
  return (const char *const *) lookup (self, name)->list;
}

gboolean
medley_config_get_boolean (MedleyConfig *self, const char *name)
{
  return lookup (self, name)->number != 0;
}

guint64
medley_config_get_number (MedleyConfig *self, const char *name)
{
  return lookup (self, name)->number;
}

GVariant *
medley_config_describe (MedleyConfig *self)
{
  guint n_keys;
  const MedleyConfigKey *keys = medley_config_keys (&n_keys);
  GVariantBuilder list;

  g_variant_builder_init (&list, G_VARIANT_TYPE ("aa{sv}"));
  for (guint i = 0; i < n_keys; i++) {
    const Slot *slot = &self->slots[i];

    g_variant_builder_open (&list, G_VARIANT_TYPE_VARDICT);
    g_variant_builder_add (&list, "{sv}", "name", g_variant_new_string (keys[i].name));
    g_variant_builder_add (&list, "{sv}", "value", g_variant_new_string (slot->value->written));
    g_variant_builder_add (&list, "{sv}", "expanded", g_variant_new_string (slot->value->text));
    g_variant_builder_add (&list, "{sv}", "default", g_variant_new_string (keys[i].value));
    g_variant_builder_add (&list, "{sv}", "origin", g_variant_new_string (slot->origin));
    g_variant_builder_add (&list, "{sv}", "description",
                           g_variant_new_string (keys[i].description));
    g_variant_builder_close (&list);
  }
  return g_variant_builder_end (&list);
}

char *
medley_config_print_template (void)
{
  guint n_keys;
  const MedleyConfigKey *keys = medley_config_keys (&n_keys);
  g_autoptr (GString) text = g_string_new ("# Configuration of Medley. Every key is shown with its "
                                           "built-in value; remove the # to change one.\n"
                                           "# Read from the system's folder, then from the user's "
                                           "(~/.config/medley/medley.conf), then from the\n"
                                           "# command line (--set group.key=value); later ones "
                                           "win. \"medley config\" shows what is in force.\n");
  g_autofree char *group = g_strdup ("");

  for (guint i = 0; i < n_keys; i++) {
    g_auto (GStrv) parts = g_strsplit (keys[i].name, ".", 2);
    g_autofree char *kind = medley_config_kind_describe (&keys[i]);

    if (!g_str_equal (parts[0], group)) {
      g_string_append_printf (text, "\n[%s]\n", parts[0]);
      g_free (group);
      group = g_strdup (parts[0]);
    }
    g_string_append_printf (text, "\n# %s\n# (%s)\n#%s=%s\n", keys[i].description, kind, parts[1],
                            keys[i].value);
  }
  return g_string_free (g_steal_pointer (&text), FALSE);
}
