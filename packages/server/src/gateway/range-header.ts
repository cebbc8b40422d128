import { CodedError } from '@satchel/protocol/errors.ts';

/** Bytes `from` to before `to` of a content. */
export interface ByteSpan {
  readonly from: number;
  readonly to: number;
}

/**
 * The one range that a `Range` header asks for (RFC 9110 §14.1.2), or undefined for the whole: no header, another
 * unit, a malformed one, or several ranges, all of which a server may answer with the whole.
 * @throws CodedError('range_invalid') when it lies outside the content
 */
export function spanOf(header: string | undefined, sizeBytes: number): ByteSpan | undefined {
  const [, first, last] = /^bytes=\s*(\d{0,16})-(\d{0,16})\s*$/.exec(header ?? '') ?? [];
  if (first === undefined || last === undefined || (first === '' && last === '')) return undefined;
  const from = first === '' ? Math.max(0, sizeBytes - Number(last)) : Number(first);
  const to = first === '' || last === '' ? sizeBytes : Math.min(sizeBytes, Number(last) + 1);
  if (first !== '' && last !== '' && Number(last) < Number(first)) return undefined;
  if (from >= sizeBytes || to <= from)
    throw new CodedError('range_invalid', `The content has ${sizeBytes} bytes.`, { details: { sizeBytes } });
  return { from, to };
}
