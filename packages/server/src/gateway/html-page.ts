import { createHash } from 'node:crypto';
import type { FastifyReply } from 'fastify';

/** Text for use in HTML. */
export function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}

export interface Page {
  readonly title: string;
  /** HTML. */
  readonly body: string;
  readonly script?: string;
}

const STYLE = `
body { font: 16px/1.5 system-ui, sans-serif; max-width: 56rem; margin: 2rem auto; padding: 0 1rem; color: #222; background: #fff }
h1 { font-size: 1.6rem } h2 { font-size: 1.1rem; margin-top: 2rem } code, pre { font: 0.85rem/1.4 ui-monospace, monospace }
pre { background: #f4f4f2; padding: 0.75rem; overflow: auto; border-radius: 6px } summary { cursor: pointer }
label { display: block; margin: 1rem 0 } input { display: block; font: inherit; padding: 0.4rem; width: 20rem; max-width: 100% }
button { font: inherit; padding: 0.4rem 1.2rem } .method { font-weight: 600; color: #06648c } [role=status] { margin-top: 1rem }
@media (prefers-color-scheme: dark) { body { color: #ddd; background: #181818 } pre { background: #262626 } .method { color: #7cc7e8 } }
`;

const hashed = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;

/** Sends a page that may load nothing but its own style and script. */
export function sendPage(reply: FastifyReply, { title, body, script }: Page): FastifyReply {
  const policy = [
    `default-src 'none'; connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'`,
    `style-src ${hashed(STYLE)}`,
    script === undefined ? `script-src 'none'` : `script-src ${hashed(script)}`,
  ];
  return reply
    .header('content-type', 'text/html; charset=utf-8')
    .header('content-security-policy', policy.join('; '))
    .header('referrer-policy', 'no-referrer')
    .header('cache-control', 'no-store')
    .send(
      `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">` +
        `<title>${escaped(title)}</title><style>${STYLE}</style></head><body>${body}` +
        `${script === undefined ? '' : `<script>${script}</script>`}</body></html>`,
    );
}
