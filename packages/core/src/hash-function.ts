/** SHA-256 of the bytes, 32 bytes. Passed in, since core has no cryptography of its own. */
export type Sha256 = (bytes: Uint8Array) => Uint8Array;
