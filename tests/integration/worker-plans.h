/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Pieces of plans as GVariant text. */

#define TEXT_INPUT "{'name': <'text'>, 'type': <'text/plain'>}"
#define PAGE_INPUT "{'name': <'page'>, 'type': <'image/*'>}"

/* A task stage with one engine; SET is the inside of a dictionary. */
#define STAGE_SET(NAME, ENGINE, SOURCE, PORT, SET)                                                 \
  "{'name': <'" NAME "'>, 'task': <'a-to-b'>, 'engines': <['" ENGINE "']>, 'set': <@a{sv} {" SET   \
  "}>, "                                                                                           \
  "'from': <[('', '" SOURCE "', '" PORT "')]>, 'pointer': <'/stages/" NAME "'>, 'file': <''>}"
#define STAGE(NAME, ENGINE, SOURCE, PORT) STAGE_SET (NAME, ENGINE, SOURCE, PORT, "")

#define ELEMENT(NAME, FACTORY, SOURCE, PORT, SET)                                                  \
  "{'name': <'" NAME "'>, 'element': <'" FACTORY "'>, 'set': <@a{sv} {" SET "}>, "                 \
  "'from': <[('', '" SOURCE "', '" PORT "')]>, 'pointer': <'/stages/" NAME "'>, 'file': <''>}"

#define OUTPUT(NAME, TYPE, SOURCE, PORT)                                                           \
  "{'name': <'" NAME "'>, 'type': <'" TYPE "'>, 'from': <[('" SOURCE "', '" PORT                   \
  "')]>, 'pointer': <'/outputs/" NAME "'>}"
#define OUTPUT_2(NAME, TYPE, SOURCE, PORT, SOURCE_2, PORT_2)                                       \
  "{'name': <'" NAME "'>, 'type': <'" TYPE "'>, 'from': <[('" SOURCE "', '" PORT "'), ('" SOURCE_2 \
  "', '" PORT_2 "')]>, 'pointer': <'/outputs/" NAME "'>}"

#define INPUTS(...) ((const TestInput[]){ __VA_ARGS__, { NULL } })
#define OUTPUTS(...) ((const TestOutput[]){ __VA_ARGS__, { NULL } })
