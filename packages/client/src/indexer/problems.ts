/** A path that cannot be synced for now, and why. Shown by `satchel status`. */
export interface PathProblem {
  readonly path: string;
  readonly code: ProblemCode;
  readonly message: string;
}

export type ProblemCode =
  | 'unreadable'
  | 'special_file'
  | 'name_not_unicode'
  | 'name_invalid'
  | 'name_clash'
  | 'symlink_outside'
  | 'other_file_system'
  | 'watch_limit'
  | 'ignore_file';

/** Problems by path; those below a folder are cleared when it is scanned again. */
export class PathProblems {
  readonly #byPath = new Map<string, PathProblem>();

  add(path: string, code: ProblemCode, message: string): void {
    this.#byPath.set(path, { path, code, message });
  }

  /** A look at the path has found nothing wrong; whether it is watched no look can tell. */
  clear(path: string): void {
    // Asked of every file of a scan: to look a path up costs more than to have put it together.
    if (this.#byPath.size === 0) return;
    if (this.#byPath.get(path)?.code !== 'watch_limit') this.#byPath.delete(path);
  }

  /** Nothing has a problem of this kind any more. */
  end(code: ProblemCode): void {
    for (const problem of this.all()) if (problem.code === code) this.#byPath.delete(problem.path);
  }

  /** A folder could be listed: it is readable, and what it no longer holds, at any depth, is no problem any more. */
  listed(folder: string, names: ReadonlySet<string>): void {
    const prefix = folder === '' ? '' : `${folder}/`;
    for (const { path, code } of this.#byPath.values()) {
      if (path === folder) {
        if (code === 'unreadable') this.clear(path);
      } else if (path.startsWith(prefix)) {
        const [name = ''] = path.slice(prefix.length).split('/');
        if (!names.has(name)) this.#byPath.delete(path);
      }
    }
  }

  /** Paths whose problem may end without anything telling of it. */
  passing(): readonly string[] {
    const passing: ReadonlySet<ProblemCode> = new Set(['unreadable', 'other_file_system']);
    return this.all().flatMap(({ path, code }) => (passing.has(code) ? [path] : []));
  }

  all(): readonly PathProblem[] {
    return [...this.#byPath.values()];
  }
}

/** One sentence for a failed system call, with the next step where there is one. */
export function faultMessage(path: string, error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : undefined;
  switch (code) {
    case 'EACCES':
    case 'EPERM':
      return `${path} cannot be read: permission denied; give yourself read access to sync it`;
    case 'EIO':
      return `${path} cannot be read: the disk reports an error (EIO); check the disk`;
    case undefined:
      return `${path} cannot be read: ${String(error)}`;
    default:
      return `${path} cannot be read (${code})`;
  }
}
