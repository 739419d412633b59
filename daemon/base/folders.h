/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * medley_folder_get:
 * @word: "runtime", "state", "config", "cache", "userdata", "data", "plugins", "sysconf" or
 * "credentials"
 *
 * Finds one of Medley's folders: the user's by the XDG variables, the system's for root without a
 * session. Reads the environment and looks at the file system, but makes nothing.
 *
 * - "runtime": `$XDG_RUNTIME_DIR/medley`; without it `/run/medley` for root, else
 * `/run/user/UID/medley` where that is, else `/tmp/medley-UID`
 * - "state": `$XDG_STATE_HOME/medley`, else `/var/lib/medley` for root without a session, else
 * `~/.local/state/medley`
 * - "cache": likewise with `$XDG_CACHE_HOME`, `/var/cache/medley` and `~/.cache/medley`
 * - "config": `$XDG_CONFIG_HOME/medley`, else `~/.config/medley`
 * - "userdata": `$XDG_DATA_HOME/medley`, else `~/.local/share/medley`
 * - "credentials": `$CREDENTIALS_DIRECTORY`, as systemd sets it; without it a folder that is not
 * there
 * - "data", "plugins" and "sysconf": where Medley was installed, where its plugins were, and the
 * system's configuration
 *
 * Returns: (transfer full) (nullable): an absolute path, %NULL for another word
 */
char *
medley_folder_get (const char *word);

/**
 * medley_folder_words:
 *
 * Returns: (transfer none) (array zero-terminated=1): the words that medley_folder_get() knows
 */
const char *const *
medley_folder_words (void);

/**
 * medley_folder_make_private:
 * @path: an absolute path
 * @error: %MEDLEY_ERROR_NOT_ALLOWED when it is somebody else's, a symbolic link, or open to others;
 *   %MEDLEY_ERROR_IO
 *
 * Makes a folder with mode 0700 where there is none, its parents with the usual mode, and makes
 * sure that it is the caller's alone: in `/tmp` another user may have been there first.
 *
 * Returns: whether the folder is there and safe
 */
gboolean
medley_folder_make_private (const char *path, GError **error);

/* Removes a folder with all that is in it; links are removed, not followed. What cannot be removed
 * stays. It may be as deep and as locked as anybody could make it. */
void
medley_folder_remove (const char *path);

/* Removes what is in a folder, likewise. Returns whether it is empty. */
gboolean
medley_folder_empty (const char *path);

G_END_DECLS
