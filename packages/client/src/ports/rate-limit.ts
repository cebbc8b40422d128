/** A token bucket for bytes. Without a limit it costs nothing. */
export interface RateLimit {
  /** Undefined when the bytes may go at once; else resolves when they may. Callers go in the order in which they came. */
  take(bytes: number, signal: AbortSignal): Promise<void> | undefined;
  /** Bytes per second; undefined lifts the limit. */
  set(bytesPerSecond: number | undefined): void;
  /** What may be sent in one go so that the line stays even; infinite without a limit. */
  pieceBytes(): number;
}
