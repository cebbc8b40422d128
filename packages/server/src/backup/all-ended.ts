/**
 * What each of them came to, in order, or the first failure of one. Unlike `Promise.all` it waits for all of them
 * first: after a failure is told nothing is written any more.
 */
export async function allEnded<T>(works: readonly Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(works);
  return Promise.all(works);
}
