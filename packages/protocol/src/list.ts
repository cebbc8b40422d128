import { z } from 'zod';

/**
 * An array of the wire that ends at its first fault: its length is looked at before its entries, and no entry after a
 * wrong one. `z.array` tells of each, and half a million wrong entries, which a stranger can send in a megabyte, hold
 * whoever reads them for seconds.
 */
const List = z.core.$constructor('List', (schema: z.ZodArray, definition: z.core.$ZodArrayDef) => {
  z.ZodArray.init(schema, definition);
  const { _zod: internals } = schema;
  const { _zod: entryInternals } = definition.element;
  const parseAny = internals.parse;
  const most = mostOf(definition);
  internals.parse = (payload, context) => {
    const { value } = payload as { readonly value: unknown };
    if (!Array.isArray(value)) return parseAny(payload, context);
    // The check of the length, which comes next, tells of it.
    if (value.length > most) return payload;
    const entries: unknown[] = [];
    for (const [index, given] of value.entries()) {
      const entry = entryInternals.run({ value: given, issues: [] }, context) as z.core.ParsePayload;
      if (entry.issues.length > 0) {
        payload.issues.push(...z.core.util.prefixIssues(index, entry.issues));
        break;
      }
      entries.push(entry.value);
    }
    payload.value = entries;
    return payload;
  };
});

function mostOf({ checks = [] }: z.core.$ZodArrayDef): number {
  const limits = checks.map(({ _zod: { def } }) =>
    def.check === 'max_length' ? (def as z.core.$ZodCheckMaxLengthDef).maximum : Infinity,
  );
  return Math.min(Infinity, ...limits);
}

/** For every array that a server is sent; entries are read without waiting, so they have no asynchronous checks. */
export function list<S extends z.ZodType>(
  entry: S,
  { min, max }: { readonly min?: number; readonly max?: number } = {},
): z.ZodArray<S> {
  const any = new List({ type: 'array', element: entry }) as unknown as z.ZodArray<S>;
  const some = min === undefined ? any : any.min(min);
  return max === undefined ? some : some.max(max);
}
