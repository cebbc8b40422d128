/** Limits that both ends enforce. Sizes in bytes, times in milliseconds. */
export const LIMITS = {
  chunkBytes: 4 * 1024 * 1024,
  /** Chunks below this size travel in batches and rest in packs. */
  smallChunkBytes: 128 * 1024,
  /** Payload of one `POST /chunks/batch`; far below the 100 MB at which proxies cut bodies. */
  batchBytes: 8 * 1024 * 1024,
  batchFrames: 4096,
  fetchChunks: 4096,
  jsonBytes: 16 * 1024 * 1024,
  operationsPerCommit: 1000,
  filesPerUploadRequest: 1000,
  chunksPerUploadRequest: 8192,
  /** 1 TiB in chunks of the average size, with room. */
  chunksPerFile: 4_200_000,
  fileBytes: 1024 ** 4,
  nameBytes: 255,
  depth: 256,
  symlinkTargetBytes: 4095,
  pageObjects: 5000,
  /** Objects whose version lists its chunks inline; longer lists are asked for, as a splice where possible. */
  inlineChunks: 8,
  presignMs: 10 * 60_000,
  accessTokenMs: 15 * 60_000,
  longPollMs: 55_000,
  /** Operation ids are remembered this long. */
  operationMemoryMs: 30 * 24 * 3_600_000,
  /** For so long after it was accepted, mass deletions of the device are not held. */
  heldAcceptanceMs: 3_600_000,
  /** Longer than the longest upload: nothing unreferenced is collected before (S5). */
  collectionGraceMs: 48 * 3_600_000,
} as const;
