// The server's socket: listening on one address, and sending away who cannot be served.

import type { Server, Socket } from "node:net";

const backlog = 511;

/** The port; undefined when the address is optional and not of this machine. */
export function listenOnce(
  server: Server,
  port: number,
  address: string,
  isOneOfMany: boolean,
): Promise<number | undefined> {
  const isOptional = address.startsWith("-");
  const host = address.replace(/^-/, "");
  return new Promise((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException): void => {
      const isAbsent = error.code === "EADDRNOTAVAIL" || error.code === "EAFNOSUPPORT";
      if (isOptional && isAbsent) resolve(undefined);
      else reject(error);
    };
    server.once("error", failed);
    // An address for all of IPv6 would take IPv4's as well, which may be listed too.
    server.listen({ port, host, backlog, ipv6Only: isOneOfMany && host.includes(":") }, () => {
      server.removeListener("error", failed);
      const bound = server.address();
      resolve(typeof bound === "object" && bound !== null ? bound.port : port);
    });
  });
}

/** Tells why, and ends a connection that is not served. */
export function turnAway(accepted: Socket, line: string): void {
  accepted.on("error", () => accepted.destroy());
  accepted.write(line);
  accepted.destroySoon();
}
