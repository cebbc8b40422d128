/**
 * UTF-8 by hand: core is compiled without the host's TextEncoder, and names are short, so a loop is as fast.
 * A lone surrogate is written as U+FFFD, as TextEncoder does.
 */

const REPLACEMENT = 0xfffd;

function isLoneSurrogate(codePoint: number): boolean {
  return codePoint >= 0xd800 && codePoint <= 0xdfff;
}

/** Number of bytes of the text in UTF-8. */
export function utf8Length(text: string): number {
  let length = 0;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit < 0x80) length += 1;
    else if (unit < 0x800) length += 2;
    else if ((text.codePointAt(at) ?? 0) > 0xffff) {
      length += 4;
      at++;
    } else length += 3;
  }
  return length;
}

/** Writes the text at `at` and returns the position after it. The target must have room for `utf8Length(text)`. */
export function writeUtf8(text: string, target: Uint8Array, at: number): number {
  let to = at;
  for (let from = 0; from < text.length; from++) {
    let code = text.charCodeAt(from);
    if (code < 0x80) {
      target[to++] = code;
      continue;
    }
    if (code < 0x800) {
      target[to++] = 0xc0 | (code >> 6);
      target[to++] = 0x80 | (code & 0x3f);
      continue;
    }
    code = text.codePointAt(from) ?? REPLACEMENT;
    if (isLoneSurrogate(code)) code = REPLACEMENT;
    if (code > 0xffff) {
      from++;
      target[to++] = 0xf0 | (code >> 18);
      target[to++] = 0x80 | ((code >> 12) & 0x3f);
    } else {
      target[to++] = 0xe0 | (code >> 12);
    }
    target[to++] = 0x80 | ((code >> 6) & 0x3f);
    target[to++] = 0x80 | (code & 0x3f);
  }
  return to;
}

/** The text in UTF-8. */
export function utf8Bytes(text: string): Uint8Array {
  const bytes = new Uint8Array(utf8Length(text));
  writeUtf8(text, bytes, 0);
  return bytes;
}

/** The longest beginning of the text that takes at most `maxBytes` and splits no code point. */
export function utf8Prefix(text: string, maxBytes: number): string {
  let end = 0;
  let bytes = 0;
  for (const character of text) {
    bytes += utf8Length(character);
    if (bytes > maxBytes) break;
    end += character.length;
  }
  return text.slice(0, end);
}
