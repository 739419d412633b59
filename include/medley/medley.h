/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <medley/medley-caption.h>
#include <medley/medley-converter.h>
#include <medley/medley-engine.h>
#include <medley/medley-error.h>
#include <medley/medley-sentencer.h>
