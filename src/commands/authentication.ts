// Who a session is. For now there is one user, the all-powerful `default`, whose password is
// `requirepass`; users with rules of their own come with the ACL and will change this file only.

import type { Call } from "./call.js";
import { gate, type Session } from "./session.js";
import type { Settings } from "./settings.js";

const defaultUser = "default";

/** Longest password that is compared; longer ones are wrong. */
const passwordBytesMax = 4096;

/**
 * Puts a session where a new connection stands: the default user, let in when it has no password.
 */
export function resetAuthentication(session: Session, settings: Settings): void {
  session.user = defaultUser;
  if (settings.get("requirepass") === "") session.gates &= ~gate.unauthenticated;
  else session.gates |= gate.unauthenticated;
}

export const isAuthenticated = (session: Session): boolean =>
  (session.gates & gate.unauthenticated) === 0;

/** Whether there is such a user. */
export const isUser = (name: string): boolean => name === defaultUser;

/**
 * Tries a name and a password (arguments `userIndex`, or the default user for 0, and
 * `passwordIndex`).
 */
export function authenticate(call: Call, userIndex: number, passwordIndex: number): boolean {
  const { session, environment } = call;
  const user = userIndex === 0 ? defaultUser : call.text(userIndex);
  const password = environment.settings.get("requirepass")!;
  if (user !== defaultUser) return false;
  // A user without a password is let in whatever is given.
  if (password !== "" && !isSame(call.text(passwordIndex), password)) return false;
  session.user = defaultUser;
  session.gates &= ~gate.unauthenticated;
  return true;
}

/** Compares in a time that does not tell how much of the beginning was right. */
function isSame(given: string, wanted: string): boolean {
  if (given.length > passwordBytesMax) return false;
  let difference = given.length ^ wanted.length;
  for (let i = 0; i < given.length; i++) {
    difference |= given.charCodeAt(i) ^ wanted.charCodeAt(i % wanted.length);
  }
  return difference === 0;
}
