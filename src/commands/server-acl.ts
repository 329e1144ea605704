// ACL as far as one all-powerful user goes. Users with rules, the log of denials and passwords by
// GENPASS come with the ACL proper, which replaces this file.

import { createHash } from "node:crypto";
import { isUser } from "./authentication.js";
import type { Call } from "./call.js";
import type { CommandFlag, CommandSpec } from "./command.js";
import { aclCategories, categoriesOf } from "./command-docs-categories.js";
import { adminFlags, container, failSubcommand, openFlags } from "./server-spec.js";

/** The password's hash, or undefined when the user needs none. */
function passwordHash({ environment }: Call): string | undefined {
  const password = environment.settings.get("requirepass")!;
  if (password === "") return undefined;
  return createHash("sha256").update(password, "latin1").digest("hex");
}

function list(call: Call): void {
  const hash = passwordHash(call);
  call.reply.array(1);
  call.reply.bulkText(`user default on ${hash === undefined ? "nopass" : `#${hash}`} ~* &* +@all`);
}

function getUser(call: Call): void {
  const { reply } = call;
  if (!isUser(call.text(2))) {
    reply.nil();
    return;
  }
  const hash = passwordHash(call);
  const flags = hash === undefined ? ["on", "nopass"] : ["on"];
  reply.map(6);
  reply.bulkText("flags");
  reply.set(flags.length);
  for (const flag of flags) reply.bulkText(flag);
  reply.bulkText("passwords");
  reply.array(hash === undefined ? 0 : 1);
  if (hash !== undefined) reply.bulkText(hash);
  const rules = [
    ["commands", "+@all"],
    ["keys", "~*"],
    ["channels", "&*"],
  ];
  for (const [name, rule] of rules) {
    reply.bulkText(name!);
    reply.bulkText(rule!);
  }
  reply.bulkText("selectors");
  reply.array(0);
}

function categories(call: Call): void {
  const { reply } = call;
  if (call.argc > 3) {
    failSubcommand(call, "acl");
    return;
  }
  if (call.argc === 2) {
    reply.array(aclCategories.length);
    for (const name of aclCategories) reply.bulkText(name);
    return;
  }
  const wanted = call.text(2);
  if (!aclCategories.some((name) => name === wanted.toLowerCase())) {
    reply.error(`ERR Unknown category '${wanted}'`);
    return;
  }
  const found = call.environment
    .allCommands()
    .filter((command) => categoriesOf(command).includes(wanted.toLowerCase()));
  reply.array(found.length);
  for (const { name } of found) reply.bulkText(name);
}

/** There is no log yet because nobody is ever denied anything. */
function log(call: Call): void {
  if (call.argc === 3 && call.is(2, "RESET")) call.reply.ok();
  else call.reply.array(0);
}

const group = "server";

const sub = (
  name: string,
  arity: number,
  flags: readonly CommandFlag[],
  complexity: string,
  summary: string,
  run: CommandSpec["run"],
  usage?: string,
): CommandSpec => ({
  name,
  arity,
  flags,
  summary,
  since: "6.0.0",
  group,
  complexity,
  ...(usage === undefined ? {} : { usage }),
  run,
});

export const aclCommands: readonly CommandSpec[] = [
  container({
    name: "acl",
    summary: "A container for Access List Control commands",
    since: "6.0.0",
    group,
    helpSince: "6.0.0",
    subcommands: [
      sub(
        "cat",
        -2,
        openFlags,
        "O(1) since the categories and commands are a fixed set.",
        "List the ACL categories or the commands inside a category",
        categories,
        "[<category>]",
      ),
      sub(
        "getuser",
        3,
        adminFlags,
        "O(N). Where N is the number of password, command and pattern rules that the user has.",
        "Get the rules for a specific ACL user",
        getUser,
        "<username>",
      ),
      sub(
        "list",
        2,
        adminFlags,
        "O(N). Where N is the number of configured users.",
        "List the current ACL rules in ACL config file format",
        list,
      ),
      sub(
        "log",
        -2,
        adminFlags,
        "O(N) with N being the number of entries shown.",
        "List latest events denied because of ACLs in place",
        log,
        "[<count> | RESET]",
      ),
      sub(
        "users",
        2,
        adminFlags,
        "O(N). Where N is the number of configured users.",
        "List the username of all the configured ACL rules",
        ({ reply }) => {
          reply.array(1);
          reply.bulkText("default");
        },
      ),
      sub(
        "whoami",
        2,
        openFlags,
        "O(1)",
        "Return the name of the user associated to the current connection",
        ({ reply, session }) => reply.bulkText(session.user),
      ),
    ],
  }),
];
