/**
 * What holds for an object because of the folders above it. Asks one after the other, going up, until one answers yes
 * or no instead of naming the next, and remembers the answer for all on the way; a circle is a no.
 */
export function walkUp<Id extends string>(
  remembered: Map<Id, boolean>,
  from: Id,
  ask: (id: Id) => boolean | Id,
): boolean {
  const path: Id[] = [];
  let at: boolean | Id = from;
  while (typeof at !== 'boolean') {
    const known = remembered.get(at);
    if (known !== undefined) at = known;
    else {
      path.push(at);
      remembered.set(at, false);
      at = ask(at);
    }
  }
  for (const id of path) remembered.set(id, at);
  return at;
}
