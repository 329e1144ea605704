// The system's stream below a Node socket. A small reply costs less to send than a stream object
// needs to keep account of it, so reads and writes of an adopted socket go to its handle directly.
//
// This leans on what Node calls internal (`process.binding`, the handle's `writeBuffer` and
// `onread`). Where any of it is missing `adopt` answers undefined and the socket's own methods
// serve, which are tested alike. What is not a plain read (end, error) stays with the socket.

import type { Socket } from "node:net";

/** Views of the reply buffer up to this length are kept: most replies are this short. */
const keptViewBytesMax = 256;

interface WriteRequest {
  handle?: unknown;
  /** Keeps what is being sent alive. */
  buffer?: Uint8Array;
  oncomplete?: (status: number) => void;
}

interface StreamHandle {
  onread: (this: StreamHandle, bytes: unknown) => unknown;
  writeBuffer(request: WriteRequest, bytes: Uint8Array): number;
  readonly writeQueueSize: number;
}

interface StreamBinding {
  readonly WriteWrap: new () => WriteRequest;
  readonly kReadBytesOrError: number;
  readonly kLastWriteWasAsync: number;
  readonly streamBaseState: Int32Array;
}

/** What the streams of one process share. */
export class RawStreams {
  readonly binding: StreamBinding;
  readonly #views: (Uint8Array | undefined)[] = [];
  #viewed: ArrayBufferLike | undefined;

  private constructor(binding: StreamBinding) {
    this.binding = binding;
  }

  /** Undefined where this Node has not what is needed. */
  static find(): RawStreams | undefined {
    try {
      const { binding } = process as unknown as { binding: (name: string) => StreamBinding };
      const found = binding.call(process, "stream_wrap");
      const isWhole =
        typeof found.WriteWrap === "function" &&
        found.streamBaseState instanceof Int32Array &&
        Number.isInteger(found.kReadBytesOrError) &&
        Number.isInteger(found.kLastWriteWasAsync);
      return isWhole ? new RawStreams(found) : undefined;
    } catch {
      return undefined;
    }
  }

  /** The first `length` bytes; for a short reply without a new object each time. */
  view(bytes: Uint8Array, length: number): Uint8Array {
    if (length > keptViewBytesMax || bytes.byteOffset !== 0) return bytes.subarray(0, length);
    if (bytes.buffer !== this.#viewed) {
      this.#viewed = bytes.buffer;
      this.#views.length = 0;
    }
    const kept = this.#views[length];
    if (kept !== undefined) return kept;
    const view = bytes.subarray(0, length);
    this.#views[length] = view;
    return view;
  }
}

/** One connection's stream. */
export class RawStream {
  readonly #streams: RawStreams;
  readonly #socket: Socket;
  readonly #handle: StreamHandle;
  readonly #onDrained: () => void;
  #request: WriteRequest;
  /** Writes that the system has not taken whole yet. */
  #waiting = 0;

  private constructor(
    streams: RawStreams,
    socket: Socket,
    handle: StreamHandle,
    onDrained: () => void,
  ) {
    this.#streams = streams;
    this.#socket = socket;
    this.#handle = handle;
    this.#onDrained = onDrained;
    this.#request = this.#newRequest();
  }

  /**
   * Takes over reading and writing of `socket`, which reads into a buffer of the caller's
   * (`onread`). Undefined when its handle is not what is expected: nothing has changed then.
   */
  static adopt(
    streams: RawStreams,
    socket: Socket,
    onRead: (count: number) => void,
    onDrained: () => void,
  ): RawStream | undefined {
    const handle = (socket as unknown as { _handle?: StreamHandle })._handle;
    if (handle === undefined || handle === null) return undefined;
    if (typeof handle.writeBuffer !== "function") return undefined;
    if (typeof handle.onread !== "function") return undefined;
    if (typeof handle.writeQueueSize !== "number") return undefined;
    const usual = handle.onread;
    const { streamBaseState, kReadBytesOrError } = streams.binding;
    handle.onread = (bytes) => {
      const count = streamBaseState[kReadBytesOrError]!;
      if (count <= 0) return usual.call(handle, bytes);
      onRead(count);
      return undefined;
    };
    return new RawStream(streams, socket, handle, onDrained);
  }

  /** Bytes written that the system has not taken. */
  get unsentBytes(): number {
    return this.#waiting === 0 || this.#socket.destroyed ? 0 : this.#handle.writeQueueSize;
  }

  /**
   * Sends the first `length` bytes, in the order of the calls. Answers whether the buffer must be
   * left alone: the system could not take all, `onDrained` tells when it has.
   */
  write(bytes: Uint8Array, length: number): boolean {
    if (this.#waiting > 0) {
      // It will queue behind what is there: a copy of its own size, not a whole reply buffer, may
      // wait.
      this.#send(bytes.slice(0, length));
      return false;
    }
    return this.#send(this.#streams.view(bytes, length));
  }

  /** As `write`, for a view that the caller keeps: what it shows must not change while it waits. */
  writeView(view: Uint8Array): boolean {
    return this.#waiting > 0 ? this.write(view, view.length) : this.#send(view);
  }

  #send(view: Uint8Array): boolean {
    const request = this.#request;
    const { streamBaseState, kLastWriteWasAsync } = this.#streams.binding;
    const status = this.#handle.writeBuffer(request, view);
    if (status !== 0) {
      this.#socket.destroy();
      return false;
    }
    if (streamBaseState[kLastWriteWasAsync] === 0) return false;
    request.buffer = view;
    this.#waiting++;
    this.#request = this.#newRequest();
    return true;
  }

  #newRequest(): WriteRequest {
    const request = new this.#streams.binding.WriteWrap();
    request.handle = this.#handle;
    request.oncomplete = (status) => {
      delete request.buffer;
      this.#waiting--;
      if (this.#socket.destroyed) return;
      if (status < 0) this.#socket.destroy();
      else if (this.#waiting === 0) this.#onDrained();
    };
    return request;
  }
}
