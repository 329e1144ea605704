// DEBUG PROTOCOL: one value of each type of RESP, as clients' tests expect them.

import { utf8 } from "../base/bytes.js";
import type { Call } from "./call.js";
import type { Reply } from "./reply.js";

const three = [0, 1, 2] as const;

function replyIntegers(reply: Reply): void {
  for (const value of three) reply.integer(value);
}

const values: Readonly<Record<string, (reply: Reply) => void>> = {
  string: (reply) => reply.bulkText("Hello World"),
  integer: (reply) => reply.integer(12345),
  double: (reply) => reply.double("3.141"),
  bignum: (reply) => {
    const digits = "1234567999999999999999999999999999999";
    if (reply.resp3) reply.raw(utf8(`(${digits}\r\n`));
    else reply.bulkText(digits);
  },
  null: (reply) => reply.nil(),
  array: (reply) => {
    reply.array(3);
    replyIntegers(reply);
  },
  set: (reply) => {
    reply.set(3);
    replyIntegers(reply);
  },
  map: (reply) => {
    reply.map(3);
    for (const value of three) {
      reply.integer(value);
      reply.boolean(value === 1);
    }
  },
  attrib: (reply) => {
    if (reply.resp3) {
      reply.raw(utf8("|1\r\n"));
      reply.bulkText("key-popularity");
      reply.array(2);
      reply.bulkText("key:123");
      reply.integer(90);
    }
    // An attribute is no reply: one must follow it.
    reply.bulkText("Some real reply following the attribute");
  },
  push: (reply) => {
    if (!reply.resp3) {
      reply.error("ERR RESP2 is not supported by this command");
      return;
    }
    reply.push(2);
    reply.bulkText("server-cpu-usage");
    reply.integer(42);
    // Nor is a push.
    reply.bulkText("Some real reply following the push reply");
  },
  verbatim: (reply) => reply.verbatim("This is a verbatim\nstring"),
  true: (reply) => reply.boolean(true),
  false: (reply) => reply.boolean(false),
};

const names = "string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|false";

export function debugProtocol(call: Call): void {
  const name = call.text(2).toLowerCase();
  if (Object.hasOwn(values, name)) values[name]!(call.reply);
  else {
    call.reply.error(`ERR Wrong protocol type name. Please use one of the following: ${names}`);
  }
}
