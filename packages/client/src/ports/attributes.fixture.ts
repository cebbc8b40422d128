import type * as ffi from 'node:ffi';

/** Extended attributes for tests, by the C library, since no program for them has to be installed. */
function library() {
  const module = process.getBuiltinModule('node:ffi') as typeof ffi | undefined;
  return module?.dlopen(null, {
    lgetxattr: { arguments: ['string', 'string', 'buffer', 'uint64'], return: 'int64' },
    lsetxattr: { arguments: ['string', 'string', 'buffer', 'uint64', 'int32'], return: 'int32' },
  }).functions;
}

/** False where the file system, or this system, has none. */
export function setAttribute(path: string, name: string, value: Uint8Array): boolean {
  if (process.platform !== 'linux') return false;
  return library()?.lsetxattr(path, name, value, BigInt(value.length), 0) === 0;
}

export function attributeOf(path: string, name: string): Buffer | undefined {
  const bytes = Buffer.alloc(65_536);
  const length = Number(library()?.lgetxattr(path, name, bytes, BigInt(bytes.length)) ?? -1);
  return length < 0 ? undefined : bytes.subarray(0, length);
}

/** An access control list as the kernel takes it (linux/posix_acl_xattr.h): owner and group read and write, user 12345 reads. */
export const SOME_ACL: Uint8Array = Buffer.concat([
  Buffer.from([2, 0, 0, 0]),
  ...[
    [0x01, 6, 0xffffffff],
    [0x02, 4, 12_345],
    [0x04, 6, 0xffffffff],
    [0x10, 6, 0xffffffff],
    [0x20, 0, 0xffffffff],
  ].map(([tag = 0, permissions = 0, id = 0]) => {
    const entry = Buffer.alloc(8);
    entry.writeUInt16LE(tag, 0);
    entry.writeUInt16LE(permissions, 2);
    entry.writeUInt32LE(id, 4);
    return entry;
  }),
]);
