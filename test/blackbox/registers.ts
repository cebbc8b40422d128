/**
 * One file of a fixed path on several devices as a black box, after Hughes, Pierce, Arts and Norell, "Mysteries of
 * Dropbox" (ICST 2016): each device holds a value of its own; `up` and `down` happen unseen, whenever they like. What
 * was observed is right when some interleaving of them explains it.
 */

/** A content; undefined: there is no file. Every write has a value of its own. */
export type Value = string | undefined;

export type RegisterEvent = {
  readonly kind: 'write' | 'read';
  readonly device: number;
  /** What the device had: seen by the read, or in the very moment of the write. */
  readonly had: Value;
  /** What it has then; of a read the same. */
  readonly has: Value;
};

/** What stands at the end, when all devices are in sync. */
export type RegisterEnd = {
  readonly value: Value;
  /** Contents of conflicted copies that have appeared. */
  readonly copies: readonly string[];
  /** Whether a content rests in somebody's local trash. */
  readonly isInTrash: (content: string) => boolean;
};

type Node = { readonly value: Value; readonly isDirty: boolean; readonly isFresh: boolean };
type State = { readonly server: Value; readonly nodes: readonly Node[]; readonly conflicts: readonly string[] };
type States = ReadonlyMap<string, State>;

/** Beyond it the history is too long to be judged, which is an error of the test. */
const MOST_STATES = 200_000;

/** What no interleaving explains, in words; undefined when one explains all of it. */
export function unexplained(
  { devices, value }: { readonly devices: number; readonly value: Value },
  events: readonly RegisterEvent[],
  end: RegisterEnd,
): string | undefined {
  const nodes = Array.from({ length: devices }, (): Node => ({ value, isDirty: false, isFresh: true }));
  let states = withHidden(collected([{ server: value, nodes, conflicts: [] }]));
  for (const event of events) {
    states = withHidden(collected([...states.values()].flatMap((state) => observed(state, event))));
    if (states.size === 0) return `device ${event.device} cannot have had ${shown(event.had)}`;
  }
  const settled = [...states.values()].filter(({ nodes: all }) => all.every((node) => !node.isDirty && node.isFresh));
  const same = settled.filter(({ server }) => server === end.value);
  if (same.length === 0)
    return `${shown(end.value)} cannot stand at the end, but ${alternatives(settled.map(({ server }) => server))}`;
  if (same.some(({ conflicts }) => isKept(conflicts, end))) return undefined;
  const possible = [...new Set(same.map(({ conflicts }) => `{${conflicts.join(', ')}}`))];
  return `with ${shown(end.value)} the conflicted copies cannot be {${end.copies.join(', ')}}, but ${alternatives(possible)}`;
}

/** Each conflict is in a copy of its own or in a trash, and there is no copy beside. */
function isKept(conflicts: readonly string[], { copies, isInTrash }: RegisterEnd): boolean {
  const left = [...copies];
  for (const content of conflicts) {
    const at = left.indexOf(content);
    if (at >= 0) left.splice(at, 1);
    else if (!isInTrash(content)) return false;
  }
  return left.length === 0;
}

function observed(state: State, { device, had, has, kind }: RegisterEvent): readonly State[] {
  const node = state.nodes[device];
  if (node === undefined || node.value !== had) return [];
  return kind === 'read' ? [state] : [changed(state, device, { ...node, value: has, isDirty: true })];
}

/** All that can have come about unseen by then. */
function withHidden(states: States): States {
  const reached = new Map(states);
  const waiting = [...states.values()];
  for (let state = waiting.pop(); state !== undefined; state = waiting.pop()) {
    for (let device = 0; device < state.nodes.length; device++) {
      for (const next of [...up(state, device), ...down(state, device)]) {
        const key = keyOf(next);
        if (reached.has(key)) continue;
        if (reached.size >= MOST_STATES) throw new Error('too many interleavings to be judged');
        reached.set(key, next);
        waiting.push(next);
      }
    }
  }
  return reached;
}

function up(state: State, device: number): readonly State[] {
  const node = state.nodes[device];
  if (node === undefined || !node.isDirty) return [];
  const clean = { ...node, isDirty: false };
  if (node.isFresh) return [published(state, device)];
  if (node.value === state.server) return [changed(state, device, { ...clean, isFresh: true })];
  // A deletion yields to an edit that its deleter has not seen; an edit lives on where the file was deleted.
  if (node.value === undefined) return [changed(state, device, clean)];
  if (state.server === undefined) return [published(state, device)];
  const conflicts = [...state.conflicts, node.value].sort();
  // Its file takes the name of a conflicted copy; what the server has may come a moment later.
  return [clean, { ...clean, value: undefined }].map((after) => ({ ...changed(state, device, after), conflicts }));
}

function published(state: State, device: number): State {
  const value = state.nodes[device]?.value;
  return {
    ...state,
    server: value,
    nodes: state.nodes.map((node, at) =>
      at === device ? { value, isDirty: false, isFresh: true } : { ...node, isFresh: false },
    ),
  };
}

function down(state: State, device: number): readonly State[] {
  const node = state.nodes[device];
  if (node === undefined || node.isDirty || node.isFresh) return [];
  return [changed(state, device, { value: state.server, isDirty: false, isFresh: true })];
}

function changed(state: State, device: number, node: Node): State {
  return { ...state, nodes: state.nodes.with(device, node) };
}

function collected(states: readonly State[]): States {
  return new Map(states.map((state) => [keyOf(state), state]));
}

function keyOf({ server, nodes, conflicts }: State): string {
  return JSON.stringify([server ?? null, nodes.map((n) => [n.value ?? null, n.isDirty, n.isFresh]), conflicts]);
}

function shown(value: Value): string {
  return value ?? 'nothing';
}

function alternatives(values: readonly Value[]): string {
  const all = [...new Set(values.map(shown))];
  return all.length === 0 ? 'nothing else either' : all.slice(0, 8).join(' or ');
}
