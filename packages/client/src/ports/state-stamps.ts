/** Stamps that the present state of the device may carry, kept apart from the state (H86). */
export interface StateStamps {
  /** Undefined where none were written yet. */
  read(): readonly string[] | undefined;
  /** Durable when it returns. */
  write(stamps: readonly string[]): void;
}
