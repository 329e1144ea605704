// An inbox that is full: the batch with the latest stamp goes, whichever it is.

import { expect, test } from "vitest";
import { Inbox } from "../../src/replication/inbox.js";
import { read, set } from "./operations.js";
import { carry, newReplica, turn } from "./pair.js";

const single = { batchCountMax: 1, bytesMax: 99_999, waitMsMax: 99_999, patienceMs: 99_999 };

/** Three writes of one replica, and an inbox of another one that has room for one batch. */
function threeBatches() {
  const [a, b] = [newReplica("a"), newReplica("b")];
  const batches = ["1", "2", "3"].map((value) => turn(a, (keyspace) => set(keyspace, "x", value)));
  const [first, second, third] = batches.map(([batch]) => carry(batch!, a, b));
  return { b, first: first!, second: second!, third: third!, inbox: new Inbox(b, single) };
}

test("inbox: what a later batch makes room for is joined at once", () => {
  const { b, first, third, inbox } = threeBatches();
  expect(inbox.take([third], 0)).toEqual([]);
  // Nobody may have to look again for what nothing keeps waiting.
  expect(inbox.take([first], 0)).toEqual([first]);
  expect(read(b.keyspace, "x")).toBe("1");
  expect(inbox).toMatchObject({ count: 0, droppedCount: 1, admittedCount: 2 });
});

test("inbox: a batch for which there is no room does not count as new", () => {
  const { second, third, inbox } = threeBatches();
  expect(inbox.take([second], 0)).toEqual([]);
  expect(inbox.take([third], 0)).toEqual([]);
  expect(inbox).toMatchObject({ count: 1, droppedCount: 1, admittedCount: 1 });
});
