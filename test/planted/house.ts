// Bugs of the house: configuration that is not obeyed, tests that are counted wrongly, rules that
// do not bite. If these went unnoticed, every other check would be worth less.

import type { PlantedBug } from "../../scripts/planted.js";

export const houseBugs: PlantedBug[] = [
  {
    name: "redis_conf_forgets_the_line_before",
    story: "of several points of saving only the last line of a redis.conf counts",
    file: "src/host/redis-conf.ts",
    find: "values.set(name, isAdded ?",
    replace: 'values.set(name, isAdded && value === "" ?',
    suite: "test/house/redis-conf.test.ts",
  },
  {
    name: "environment_beats_flag",
    story: "a port given on the command line is overruled by a variable left over in the shell",
    file: "src/host/config.ts",
    find: "  addEnvironment(env, given, errors);\n  addFlags(flags, given, errors);",
    replace: "  addFlags(flags, given, errors);\n  addEnvironment(env, given, errors);",
    suite: "test/house/config.test.ts",
  },
  {
    name: "tls_request_ignored",
    story: "a node that was told to use TLS serves in clear text",
    file: "src/host/config.ts",
    find: "  refuse(given, errors);",
    replace: "",
    suite: "test/house/config.test.ts",
  },
  {
    name: "secret_in_message",
    story: "a password ends up in the log because another value was wrong",
    file: "src/host/config.ts",
    find: "const shown = setting.isSecret ?",
    replace: "const shown = !setting.isSecret ?",
    suite: "test/house/config.test.ts",
  },
  {
    name: "unknown_key_accepted",
    story: "a misspelt key is ignored and the node runs with a default nobody wanted",
    file: "src/host/config.ts",
    find: 'type: "object", additionalProperties: false, properties: {}',
    replace: 'type: "object", additionalProperties: true as never, properties: {}',
    suite: "test/house/config.test.ts",
  },
  {
    name: "unloadable_file_not_counted",
    story: "a test file that does not compile vanishes from the totals",
    file: "scripts/test.ts",
    find: 'if (file.status === "failed" && file.assertionResults.length === 0) totals.failed++;',
    replace: "",
    suite: "test/house/test.test.ts",
  },
  {
    name: "no_test_is_success",
    story: "a filter that matches nothing is reported as success",
    file: "scripts/test.ts",
    find: "failed === 0 && passed > 0",
    replace: "failed === 0",
    suite: "test/house/test.test.ts",
  },
  {
    name: "arrow_of_types_ignored",
    story: "the core comes to depend on the host by way of its types",
    file: "scripts/tidy-graph.ts",
    find: "for (const { specifier, clause, line } of source.imports) {",
    replace:
      'for (const { specifier, clause, line } of source.imports) {\n    if (clause.startsWith("type")) continue;',
    suite: "test/house/tidy.test.ts -t tidy catches",
  },
  {
    name: "faults_hidden_by_strings",
    story: "a quote inside a regular expression makes tidy blind for the rest of the line",
    file: "scripts/tidy-source.ts",
    find: 'else if (char === "/" && startsPattern(text, position)) {',
    replace: 'else if (char === "\\0" && startsPattern(text, position)) {',
    suite: "test/house/tidy.test.ts -t what only looks like a fault",
  },
  {
    name: "broken_patch_counts_as_caught",
    story: "a planted bug that never ran is taken for proof that the suite works",
    file: "scripts/planted.ts",
    find: "!isPatchError(test.failureMessages)",
    replace: "test.failureMessages !== undefined",
    suite: "test/house/planted.test.ts -t told apart",
  },
  {
    name: "number_in_a_notation_of_its_own",
    story: "`--port 7e3` and ` 7000` start a node that nobody meant",
    file: "src/bin/option-values.ts",
    find: "/^\\d+$/.test(text) && value >= from",
    replace: "value >= from",
    suite: "test/house/cli.test.ts",
  },
  {
    name: "help_loads_the_whole_node",
    story: "every start pays for what it does not use",
    file: "src/bin/option-values.ts",
    find: 'from "commander";',
    replace: 'from "commander";\nimport "../node/node.js";',
    suite: "test/house/launch.test.ts -t loads no more",
  },
];
