/**
 * The wire version, sent by clients as `Satchel-Protocol`. A server takes its own and the one before and after;
 * others get `version_unsupported`. Raise it whenever `schemas.test.ts` says that the pinned hash has changed in a
 * way that an older peer would not understand.
 */
export const PROTOCOL_VERSION = 1;
export const PROTOCOL_HEADER = 'satchel-protocol';
export const API = '/api/v1';
