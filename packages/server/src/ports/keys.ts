/** Envelope encryption: data keys are made and unwrapped here; the wrapping key never leaves. 256-bit keys. */
export interface Keys {
  create(): Promise<{ readonly key: Uint8Array; readonly wrapped: Uint8Array }>;
  unwrap(wrapped: Uint8Array): Promise<Uint8Array>;
}
