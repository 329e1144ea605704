// Planted bugs of the commands, one line each, that the comparison with redis-server must find
// without any test that knows of them. Each is a mistake that servers of this kind have really
// made. The suite compiles the patched sources and runs a few thousand generated commands of one
// family.

const suite = (family: string): string =>
  `test/differential/differential.test.ts -t "family ${family}"`;

export const plantedInCommands = [
  {
    name: "set_nx_overwrites",
    story: "a lock taken by SET NX is taken again by the next who asks",
    file: "src/commands/strings.ts",
    find: "if (exists === ((flags & option.nx) !== 0)) {",
    replace: "if (exists === ((flags & option.xx) !== 0)) {",
    suite: suite("strings"),
  },
  {
    name: "getset_keeps_the_deadline",
    story: "a value written by GETSET vanishes when the old one's time has come",
    file: "src/commands/strings.ts",
    find: "  if (!replyOld(call)) return;\n  put(call, 1, 2, noDeadline);",
    replace: "  if (!replyOld(call)) return;\n  put(call, 1, 2, keepDeadline);",
    suite: suite("strings"),
  },
  {
    name: "getrange_end_is_exclusive",
    story: "every substring lacks its last byte",
    file: "src/commands/strings-range.ts",
    find: "else call.reply.bulk(text.bytes, text.start + start, end - start + 1);",
    replace: "else call.reply.bulk(text.bytes, text.start + start, end - start);",
    suite: suite("strings"),
  },
  {
    name: "setrange_cuts_the_rest",
    story: "overwriting the middle of a string loses its end",
    file: "src/commands/strings-range.ts",
    find: "const length = Math.max(held, offset + added);",
    replace: "const length = offset + added;",
    suite: suite("strings"),
  },
  {
    name: "decrby_minimum_overflows_silently",
    story: "DECRBY of the smallest integer is refused in other words than Redis uses",
    file: "src/commands/strings-count.ts",
    find: 'if (large === int64Min) call.reply.error("ERR decrement would overflow");',
    replace: 'if (large < int64Min) call.reply.error("ERR decrement would overflow");',
    suite: suite("strings"),
  },
  {
    name: "bitcount_range_backwards",
    story: "BITCOUNT k -1 -5 counts a byte where Redis counts none",
    file: "src/commands/bits.ts",
    find: "  if (start < 0 && end < 0 && start > end) {\n    call.reply.integer(0);\n    return;\n  }\n",
    replace: "",
    suite: suite("bits"),
  },
  {
    name: "bitpos_forgets_the_padding",
    story: "BITPOS k 0 of a string of ones says -1 instead of the first bit behind it",
    file: "src/commands/bits.ts",
    find: "const isPadded = found < 0 && bit === 0 && call.argc < 5;",
    replace: "const isPadded = found < 0 && bit === 0 && call.argc < 4;",
    suite: suite("bits"),
  },
  {
    name: "bitop_leaves_an_empty_target",
    story: "BITOP of missing keys leaves the old result in place",
    file: "src/commands/bits.ts",
    find: "  } else {\n    removeTarget(call);\n  }",
    replace: "  }",
    suite: suite("bits"),
  },
  {
    name: "expire_gt_accepts_no_deadline",
    story: "EXPIRE GT shortens the life of a key that had no end",
    file: "src/commands/expiry.ts",
    find: "(current === 0 || deadline <= current)) return false;",
    replace: "deadline <= current) return false;",
    suite: suite("keys"),
  },
  {
    name: "ttl_truncates",
    story:
      "TTL is a second too small half of the time; PTTL in seconds is not rounded but cut by ten",
    file: "src/commands/expiry.ts",
    find: "const shown = unit.inSeconds ? Math.floor((ms + 500) / 1000) : ms;",
    replace: "const shown = unit.inSeconds ? Math.floor((ms + 500) / 100) : ms;",
    suite: suite("keys"),
  },
  {
    name: "rename_onto_itself_loses_the_key",
    story: "RENAME a a removes a",
    file: "src/commands/keys-move.ts",
    find: "const isSame = sameArguments(call, 1, 2);",
    replace: "const isSame = onlyIfAbsent && sameArguments(call, 1, 2);",
    suite: suite("keys"),
  },
  {
    name: "persist_answers_always",
    story: "PERSIST says 1 for a key that had no deadline",
    file: "src/commands/expiry.ts",
    find: "if (ref === 0 || visibleDeadline(keyspace, ref) === 0) {\n    call.reply.integer(0);",
    replace: "if (ref === 0) {\n    call.reply.integer(0);",
    suite: suite("keys"),
  },
] as const;
