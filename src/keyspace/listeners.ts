// Those who want to hear of keys: each place is empty while nobody listens, and then costs one
// comparison.

/** Told of every change of a key while somebody watches, tracks or listens. */
export type ModifiedListener = (database: number, key: Uint8Array) => void;

/** Told what happened to a key: the class of the event, its name, the database and the key. */
export type EventListener = (
  group: string,
  event: string,
  database: number,
  key: Uint8Array,
) => void;

/** The places of a keyspace's listeners. */
export class Listeners {
  /** Set while anybody wants to know of changed keys. */
  onModified: ModifiedListener | undefined;
  /** Keyspace events by class and name, as commands announce them (commands/notify.ts). */
  onEvent: EventListener | undefined;
  /** Called before a key is removed because its time has come. */
  onExpired: ModifiedListener | undefined;
  /** Called before a key is given up for want of memory. */
  onEvicted: ModifiedListener | undefined;
  /** Called when a key comes into being that no reader saw before. */
  onCreated: ModifiedListener | undefined;
  /** Called when a reader found no key. */
  onMissed: ModifiedListener | undefined;
}
