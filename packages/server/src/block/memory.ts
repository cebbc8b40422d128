/**
 * Gives memory back at once. The garbage collector cannot keep up with gigabytes of buffers: each 64 MiB of them make
 * it go through the whole heap, which cost more than all the rest of an upload. Nobody may use the parts afterwards,
 * so this is for work that went well; after a failure they are left to the collector, since somebody may still read
 * them. Views of memory that is longer are left alone.
 */
export function giveBack(parts: Iterable<Uint8Array>): void {
  for (const { buffer, byteLength } of parts)
    if (buffer instanceof ArrayBuffer && byteLength > 0 && byteLength === buffer.byteLength) buffer.transfer(0);
}

/** Gives the parts back when `memory` is disposed. */
export function giveBackWith(memory: DisposableStack, parts: Iterable<Uint8Array>): void {
  memory.defer(() => giveBack(parts));
}
