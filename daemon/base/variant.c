/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/variant.h"

GVariant *
medley_variant_detach (GVariant *variant)
{
  g_autoptr (GBytes) bytes = g_variant_get_data_as_bytes (variant);

  return g_variant_ref_sink (g_variant_new_from_bytes (g_variant_get_type (variant), bytes, TRUE));
}
