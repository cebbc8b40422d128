import type * as ffi from 'node:ffi';
import { getSystemErrorName } from 'node:util';
import type { DiskStat } from '../ports/disk.ts';
import { STATX_BYTES, STATX_MASK, statOfStatx } from './statx.ts';

/** The few calls of Linux's C library and of libuv that Node does not offer; the only file that knows `node:ffi`. */
export interface NativeCalls {
  /** renameat2 on two paths; `flags` are RENAME_*. Returns the errno name, undefined on success. */
  rename(from: string, to: string, flags: number): string | undefined;
  /** Names of the extended attributes of a file, its ACLs among them. A symlink is not followed. Throws ENOTSUP. */
  attributeNames(path: string): readonly string[];
  /** Copies one of them; the errno name when that could not be done. */
  copyAttribute(from: string, to: string, name: string): string | undefined;
  /**
   * lstat of an entry of an open directory, without the way over `/proc`, which is half of the cost; undefined when it
   * is absent. Where the C library has no such call this is undefined.
   */
  readonly statAt: ((descriptor: number, name: string) => DiskStat | undefined) | undefined;
  /** Flushes the file system that a descriptor lies on; blocks until it is done. The errno name of a fault. */
  syncFileSystem(descriptor: number): string | undefined;
  /** A non-blocking, close-on-exec inotify descriptor; close it with `fs.closeSync`. Throws EMFILE. */
  inotifyInit(): number;
  /** The watch descriptor, or the errno name. */
  inotifyAddWatch(descriptor: number, path: string, mask: number): number | string;
  inotifyRemoveWatch(descriptor: number, watch: number): void;
  /** Bytes read into `target`; 0 when nothing is waiting. Throws every other fault. */
  readAvailable(descriptor: number, target: Uint8Array): number;
  /**
   * Calls `onReadable` from the event loop, as an immediate, while the descriptor is readable (level-triggered).
   * Main thread only: a worker that ends with an open poll aborts the process.
   */
  pollReadable(descriptor: number, onReadable: () => void): Poll;
}

export interface Poll {
  pause(): void;
  resume(): void;
  /** Stops for good; afterwards the descriptor may be closed. Resolves when libuv has let go of its handle. */
  close(): Promise<void>;
}

export const RENAME_NOREPLACE = 1;
export const RENAME_EXCHANGE = 2;

const AT_FDCWD = -100;
const IN_NONBLOCK = 0o4000;
const IN_CLOEXEC = 0o2000000;
const UV_POLL = 8;
const UV_READABLE = 1;

const SIGNATURES = {
  __errno_location: { arguments: [], return: 'pointer' },
  renameat2: { arguments: ['int32', 'string', 'int32', 'string', 'uint32'], return: 'int32' },
  llistxattr: { arguments: ['string', 'buffer', 'uint64'], return: 'int64' },
  lgetxattr: { arguments: ['string', 'string', 'buffer', 'uint64'], return: 'int64' },
  lsetxattr: { arguments: ['string', 'string', 'buffer', 'uint64', 'int32'], return: 'int32' },
  syncfs: { arguments: ['int32'], return: 'int32' },
  inotify_init1: { arguments: ['int32'], return: 'int32' },
  inotify_add_watch: { arguments: ['int32', 'string', 'uint32'], return: 'int32' },
  inotify_rm_watch: { arguments: ['int32', 'int32'], return: 'int32' },
  read: { arguments: ['int32', 'buffer', 'uint64'], return: 'int64' },
  uv_handle_size: { arguments: ['int32'], return: 'uint64' },
  uv_poll_init: { arguments: ['pointer', 'buffer', 'int32'], return: 'int32' },
  uv_poll_start: { arguments: ['buffer', 'int32', 'pointer'], return: 'int32' },
  uv_poll_stop: { arguments: ['buffer'], return: 'int32' },
  uv_close: { arguments: ['buffer', 'pointer'], return: 'void' },
} as const;

type Library = ffi.DynamicLibraryResult<typeof SIGNATURES>;

/** Undefined where these calls do not exist: another system, a Node without `node:ffi`, a C library without renameat2. */
export function loadNativeCalls(): NativeCalls | undefined {
  if (process.platform !== 'linux') return undefined;
  const module = process.getBuiltinModule('node:ffi') as typeof ffi | undefined;
  if (module === undefined) return undefined;
  let library: Library;
  try {
    library = module.dlopen(null, SIGNATURES);
  } catch {
    return undefined; // A symbol is missing: the portable adapters do without.
  }
  return nativeCalls(module, library);
}

/** Gives free pages of the C library's heap back to the system; undefined where the library has no such call. */
export function loadHeapTrim(): (() => void) | undefined {
  const module = process.getBuiltinModule('node:ffi') as typeof ffi | undefined;
  if (process.platform !== 'linux' || module === undefined) return undefined;
  try {
    const { functions } = module.dlopen(null, { malloc_trim: { arguments: ['uint64'], return: 'int32' } });
    return () => void functions.malloc_trim(0n);
  } catch {
    return undefined; // The C library of this system does without.
  }
}

const POLLIN = 1;

/** poll(2) on one descriptor: whether it can be read, or has ended, within this time; undefined where there is none. */
export function loadReadiness(): ((descriptor: number, timeoutMs: number) => boolean) | undefined {
  const module = process.getBuiltinModule('node:ffi') as typeof ffi | undefined;
  if (process.platform !== 'linux' || module === undefined) return undefined;
  const asked = new Int32Array(2); // struct pollfd: the descriptor, and two halves: what is asked, what is found
  const bytes = new Uint8Array(asked.buffer);
  const signature = { arguments: ['buffer', 'uint64', 'int32'], return: 'int32' } as const;
  try {
    const { functions } = module.dlopen(null, { poll: signature });
    return (descriptor, timeoutMs) => {
      asked.set([descriptor, POLLIN]);
      return functions.poll(bytes, 1n, timeoutMs) > 0;
    };
  } catch {
    return undefined; // The C library of this system does without.
  }
}

function nativeCalls(module: typeof ffi, library: Library): NativeCalls {
  const c = library.functions;
  // libffi leaves errno alone between the call and this read on the same thread; nothing may come between the two.
  // oxlint-disable-next-line no-underscore-dangle -- the C library's name
  const errorName = (): string => getSystemErrorName(-module.getInt32(c.__errno_location()));
  return {
    rename: (from, to, flags) => (c.renameat2(AT_FDCWD, from, AT_FDCWD, to, flags) === 0 ? undefined : errorName()),
    ...attributeCalls(library, errorName),
    statAt: statCall(module, errorName),
    syncFileSystem: (descriptor) => (c.syncfs(descriptor) === 0 ? undefined : errorName()),
    inotifyInit() {
      const descriptor = c.inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
      if (descriptor < 0) throw callError(errorName(), 'inotify_init1');
      return descriptor;
    },
    inotifyAddWatch(descriptor, path, mask) {
      const watch = c.inotify_add_watch(descriptor, path, mask);
      return watch >= 0 ? watch : errorName();
    },
    inotifyRemoveWatch(descriptor, watch) {
      // EINVAL only says that the kernel removed it first, with its directory.
      c.inotify_rm_watch(descriptor, watch);
    },
    readAvailable(descriptor, target) {
      const length = Number(c.read(descriptor, target, BigInt(target.length)));
      if (length >= 0) return length;
      const name = errorName();
      if (name === 'EAGAIN' || name === 'EINTR') return 0;
      throw callError(name, 'read');
    },
    pollReadable: (descriptor, onReadable) => pollReadable(module, library, { descriptor, onReadable }),
  };
}

const AT_SYMLINK_NOFOLLOW = 0x100;
const STATX = { arguments: ['int32', 'string', 'int32', 'uint32', 'buffer'], return: 'int32' } as const;

function statCall(module: typeof ffi, errorName: () => string): NativeCalls['statAt'] {
  let statx: ffi.DynamicLibraryResult<{ readonly statx: typeof STATX }>['functions']['statx'];
  try {
    ({ statx } = module.dlopen(null, { statx: STATX }).functions);
  } catch {
    return undefined;
  }
  const filled = new Uint8Array(STATX_BYTES);
  const view = new DataView(filled.buffer);
  // Old kernels have no such call, and some containers refuse it.
  if (statx(AT_FDCWD, '/', AT_SYMLINK_NOFOLLOW, STATX_MASK, filled) !== 0) return undefined;
  return (descriptor, name) => {
    if (statx(descriptor, name, AT_SYMLINK_NOFOLLOW, STATX_MASK, filled) === 0) return statOfStatx(view);
    const code = errorName();
    if (code === 'ENOENT') return undefined;
    throw callError(code, 'statx', [name]);
  };
}

/** Longest list of names, and longest value, that Linux allows (xattr(7)). */
const ATTRIBUTE_BYTES = 65_536;

function attributeCalls(
  { functions: c }: Library,
  errorName: () => string,
): Pick<NativeCalls, 'attributeNames' | 'copyAttribute'> {
  let buffer: Uint8Array | undefined;
  return {
    attributeNames(path) {
      buffer ??= new Uint8Array(ATTRIBUTE_BYTES);
      const length = Number(c.llistxattr(path, buffer, BigInt(buffer.length)));
      if (length < 0) throw callError(errorName(), 'llistxattr', [path]);
      return Buffer.from(buffer.buffer, 0, length).toString('latin1').split('\0').filter(Boolean);
    },
    copyAttribute(from, to, name) {
      buffer ??= new Uint8Array(ATTRIBUTE_BYTES);
      const length = c.lgetxattr(from, name, buffer, BigInt(buffer.length));
      if (Number(length) < 0) return errorName();
      return c.lsetxattr(to, name, buffer, BigInt(length), 0) === 0 ? undefined : errorName();
    },
  };
}

function pollReadable(
  module: typeof ffi,
  { lib, functions: c }: Library,
  options: { readonly descriptor: number; readonly onReadable: () => void },
): Poll {
  // libuv keeps the address until the close callback: an ArrayBuffer does not move, and the closures below hold it.
  const handle = new Uint8Array(new ArrayBuffer(Number(c.uv_handle_size(UV_POLL))));
  check(c.uv_poll_init(module.getCurrentEventLoop(), handle, options.descriptor), 'uv_poll_init');
  let open = true;
  // No JavaScript of ours may run inside libuv's own callback: an exception there, or a promise, would have no owner.
  const ready = lib.registerCallback({ arguments: ['pointer', 'int32', 'int32'], return: 'void' }, () => {
    setImmediate(() => {
      if (open) options.onReadable();
    });
  });
  const resume = (): void => check(c.uv_poll_start(handle, UV_READABLE, ready), 'uv_poll_start');
  resume();
  return {
    pause: () => check(c.uv_poll_stop(handle), 'uv_poll_stop'),
    resume,
    close() {
      open = false;
      return new Promise((resolve) => {
        const closed = lib.registerCallback({ arguments: ['pointer'], return: 'void' }, () => {
          setImmediate(() => {
            lib.unregisterCallback(ready);
            lib.unregisterCallback(closed); // A callback must not unregister itself while it runs.
            resolve();
          });
        });
        c.uv_close(handle, closed);
      });
    },
  };
}

function check(result: number, syscall: string): void {
  if (result < 0) throw callError(getSystemErrorName(result), syscall);
}

/** An error shaped as `node:fs` shapes its own. */
export function callError(code: string, syscall: string, paths: readonly string[] = []): NodeJS.ErrnoException {
  const [path, dest] = paths;
  const error: NodeJS.ErrnoException & { dest?: string } = new Error(`${code}: ${[syscall, ...paths].join(' ')}`);
  error.code = code;
  error.syscall = syscall;
  if (path !== undefined) error.path = path;
  if (dest !== undefined) error.dest = dest;
  return error;
}
