import type { FastifyInstance } from 'fastify';
import { API } from '@satchel/protocol/version.ts';
import { sendPage } from './html-page.ts';

/** Where the one-time link of a new server leads. The token stands behind `#`, so that it reaches no log. */
export const SETUP_PATH = '/setup';

const BODY = `<h1>Welcome to Satchel</h1>
<p>This page makes the administrator of this server. The link works once.</p>
<form><label>E-mail <input name="email" type="email" autocomplete="username" required></label>
<label>Password <input name="password" type="password" autocomplete="new-password" minlength="8" required></label>
<button>Make the administrator</button></form><p role="status"></p>`;

const SCRIPT = `
const form = document.querySelector('form');
const say = (text) => { document.querySelector('[role=status]').textContent = text; };
form.addEventListener('submit', async (event) => {
  event.preventDefault();
  const fields = Object.fromEntries(new FormData(form));
  const answer = await fetch('${API}/account/signup', {
    method: 'POST', headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ ...fields, deviceName: 'setup page', invite: location.hash.slice(1) }),
  });
  const body = await answer.json();
  if (!answer.ok) return say(body.detail);
  await fetch('${API}/account/logout', { method: 'POST', headers: { authorization: 'Bearer ' + body.access_token } });
  form.remove();
  say('Done. On each of your devices: satchel login --server ' + location.origin + ' --email ' + body.email);
});
`;

export function setupRoutes(app: FastifyInstance): void {
  app.get(SETUP_PATH, (_request, reply) => sendPage(reply, { title: 'Satchel', body: BODY, script: SCRIPT }));
}
