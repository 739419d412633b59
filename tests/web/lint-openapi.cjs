// SPDX-License-Identifier: LGPL-2.1-or-later
// usage: lint-openapi.cjs FILE: prints what is wrong with an OpenAPI document, one problem a line.
"use strict";

const { createConfig, lint } = require("@redocly/openapi-core");

async function main(file) {
  const config = await createConfig({ extends: ["recommended-strict"] });
  for (const problem of await lint({ ref: file, config })) {
    const at = problem.location[0] && problem.location[0].pointer;
    console.log(JSON.stringify({ rule: problem.ruleId, message: problem.message, at }));
  }
}

main(process.argv[2]).catch((error) => {
  console.error(error);
  process.exit(1);
});
