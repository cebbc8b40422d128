import assert from 'node:assert/strict';
import { spawn, type ChildProcess, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rename, rm } from 'node:fs/promises';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';

const MAIN = join(import.meta.dirname, 'main.ts');

interface Ran {
  readonly exit: number | null;
  readonly out: string;
  readonly err: string;
}

interface Running {
  readonly child: ChildProcess;
  readonly url: string;
  /** The word in the administrator's link. */
  setup(): Promise<string>;
  ended(): Promise<Ran>;
}

class Host {
  readonly #folder: string;
  readonly #children: ChildProcess[] = [];

  constructor(folder: string) {
    this.#folder = folder;
  }

  start(...args: readonly string[]): {
    readonly child: ChildProcessWithoutNullStreams;
    ended(): Promise<Ran>;
    out(): string;
    err(): string;
  } {
    const env = { PATH: process.env['PATH'], HOME: this.#folder, SATCHEL_DATA: join(this.#folder, 'data') };
    const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', MAIN, ...args], { env });
    this.#children.push(child);
    let [out, err] = ['', ''];
    child.stdout.on('data', (part: Buffer) => (out += part.toString()));
    child.stderr.on('data', (part: Buffer) => (err += part.toString()));
    const closed = once(child, 'close');
    const ended = async (): Promise<Ran> => {
      const [exit] = (await closed) as [number | null];
      return { exit, out, err };
    };
    return { child, ended, out: () => out, err: () => err };
  }

  path(name: string): string {
    return join(this.#folder, name);
  }

  run(...args: readonly string[]): Promise<Ran> {
    return this.start(...args).ended();
  }

  /** A server on a free port that has said where it listens. */
  async serve(...args: readonly string[]): Promise<Running> {
    const { child, ended, out, err } = this.start('serve', '--listen', '127.0.0.1:0', ...args);
    while (!/listening/.test(out())) {
      const said = await Promise.race([once(child.stdout, 'data'), ended()]);
      if (!Array.isArray(said)) throw new Error(`the server ended: ${said.err}`);
    }
    const url = /http:\/\/[\d.:]+/.exec(out())?.[0] ?? '';
    const setup = async (): Promise<string> => {
      for (;;) {
        const word = /setup#(\S+)\n/.exec(err())?.[1];
        if (word !== undefined) return word;
        await once(child.stderr, 'data');
      }
    };
    return { child, url, ended, setup };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#children) child.kill('SIGKILL');
    await rm(this.#folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

async function hostFor(t: TestContext): Promise<Host> {
  const host = new Host(await mkdtemp(join(tmpdir(), 'satchel-serve-')));
  t.after(() => host[Symbol.asyncDispose]());
  return host;
}

async function signUp(url: string, extra: object = {}): Promise<{ status: number; json: Record<string, string> }> {
  const body = JSON.stringify({ email: 'ann@example.com', password: 'correct horse 7', deviceName: 'x', ...extra });
  const headers = { 'content-type': 'application/json' };
  const answer = await fetch(`${url}/api/v1/account/signup`, { method: 'POST', headers, body });
  return { status: answer.status, json: (await answer.json()) as Record<string, string> };
}

test('serve says where it listens, and its link makes the administrator once', async (t) => {
  const host = await hostFor(t);
  const server = await host.serve('--signup', 'closed', '--json');
  assert.equal((await fetch(`${server.url}/setup`)).status, 200);
  assert.equal((await signUp(server.url)).json['code'], 'signup_closed');
  const invite = await server.setup();
  assert.equal((await signUp(server.url, { invite })).status, 200);
  const second = await signUp(server.url, { email: 'eve@example.com', invite });
  assert.equal(second.json['code'], 'signup_closed');
  server.child.kill('SIGTERM');
  const { exit, out } = await server.ended();
  assert.equal(exit, 0);
  assert.deepEqual(JSON.parse(out), { listening: server.url });
  const again = await host.serve();
  again.child.kill('SIGTERM');
  assert.doesNotMatch((await again.ended()).err, /setup#/, 'there is an administrator');
});

test('SIGTERM ends a server with open streams in less than 10 s', async (t) => {
  const host = await hostFor(t);
  const server = await host.serve();
  const { json } = await signUp(server.url);
  const headers = { authorization: `Bearer ${json['access_token'] ?? ''}` };
  const ends = ['events', 'events', 'poll'].map(
    (name) =>
      new Promise<number>((resolve, reject) => {
        get(`${server.url}/api/v1/sync/${name}`, { headers }, (reply) => {
          reply.resume().once('close', () => resolve(reply.statusCode ?? 0));
        }).once('error', reject);
      }),
  );
  await fetch(`${server.url}/api/v1/account`, { headers });
  const begun = performance.now();
  server.child.kill('SIGTERM');
  const { exit } = await server.ended();
  assert.equal(exit, 0);
  assert.ok(performance.now() - begun < 10_000);
  await Promise.allSettled(ends);
});

test('S5 a server of which a part is missing does not start, makes nothing anew, and goes on when it is back', async (t) => {
  const host = await hostFor(t);
  const first = await host.serve();
  await signUp(first.url);
  first.child.kill('SIGTERM');
  await first.ended();
  const key = '.config/satchel-server/master.key';
  for (const part of ['data/meta', 'data/blocks', 'data/identity.sqlite', key]) {
    await rename(host.path(part), host.path('away'));
    for (const _ of ['at first', 'nor after that']) {
      const { exit, err } = await host.run('serve', '--listen', '127.0.0.1:0');
      assert.equal(exit, 1, part);
      assert.match(err, /is missing/, part);
      assert.match(err, new RegExp(part), part);
    }
    await rm(host.path(part), { recursive: true, force: true });
    await rename(host.path('away'), host.path(part));
  }
  const again = await host.serve();
  assert.equal((await signUp(again.url)).json['code'], 'email_taken');
});

test('S2 what was answered is there after kill -9', async (t) => {
  const host = await hostFor(t);
  const server = await host.serve();
  const { json: before } = await signUp(server.url);
  server.child.kill('SIGKILL');
  await server.ended();
  const again = await host.serve();
  const answer = await fetch(`${again.url}/api/v1/oauth/token`, {
    method: 'POST',
    body: new URLSearchParams({ grant_type: 'refresh_token', refresh_token: before['refresh_token'] ?? '' }),
  });
  assert.equal(answer.status, 200);
  const { access_token: token } = (await answer.json()) as { access_token: string };
  const account = await fetch(`${again.url}/api/v1/account`, { headers: { authorization: `Bearer ${token}` } });
  assert.equal(((await account.json()) as { workspaceId: string }).workspaceId, before['workspaceId']);
});

test('a server that cannot start says why', async (t) => {
  const host = await hostFor(t);
  const bad = await host.run('serve', '--signup', 'all');
  assert.equal(bad.exit, 2);
  assert.match(bad.err, /--signup: "all" is not one of open, invite, closed/);
  const open = await host.run('serve', '--listen', '0.0.0.0:0');
  assert.equal(open.exit, 2);
  assert.match(open.err, /Refusing plain HTTP/);
  const server = await host.serve();
  const second = await host.run('serve', '--listen', '127.0.0.1:0');
  assert.equal(second.exit, 1);
  assert.match(second.err, /in use by another server/);
  const port = new URL(server.url).port;
  const taken = await host.run('serve', '--listen', `127.0.0.1:${port}`, '--data', host.path('other'));
  assert.equal(taken.exit, 1);
  assert.match(taken.err, new RegExp(`port ${port} on 127.0.0.1 is in use`));
});

test('admin asks the running server, and does without when none runs', async (t) => {
  const host = await hostFor(t);
  const server = await host.serve('--default-quota', '5G');
  await signUp(server.url);
  const users = async (): Promise<readonly Record<string, unknown>[]> => {
    const { exit, out, err } = await host.run('admin', 'user', 'ls', '--json');
    assert.equal(exit, 0, err);
    return (JSON.parse(out) as { users: readonly Record<string, unknown>[] }).users;
  };
  const [ann] = await users();
  assert.deepEqual([ann?.['email'], ann?.['quotaBytes'], ann?.['devices']], ['ann@example.com', 5 * 1024 ** 3, 1]);
  assert.equal((await host.run('admin', 'user', 'quota', 'ann@example.com', '7G')).exit, 0);
  const { out: invite } = await host.run('admin', 'invite', '--json');
  assert.match((JSON.parse(invite) as { invite: string }).invite, /^[\w-]{32}$/);
  server.child.kill('SIGTERM');
  await server.ended();

  assert.equal((await users())[0]?.['quotaBytes'], 7 * 1024 ** 3);
  assert.equal((await host.run('admin', 'user', 'revoke', 'ann@example.com')).exit, 0);
  assert.equal((await users())[0]?.['devices'], 0);
  assert.equal((await host.run('admin', 'user', 'quota', 'nobody@example.com', '7G')).exit, 4);
  assert.equal((await host.run('admin', 'user', 'quota', 'ann@example.com', 'lots')).exit, 2);
  assert.equal((await host.run('admin', 'dance')).exit, 2);
});

test('refusals are one object on stderr with --json; every command takes the common flags', async (t) => {
  const host = await hostFor(t);
  const cases: readonly (readonly [readonly string[], number, string])[] = [
    [['admin', 'user', 'quota', 'nobody@example.com', '7G'], 4, 'not_found'],
    [['admin', 'dance'], 2, 'usage'],
    [['admin', 'gc', '--listen'], 2, 'usage'],
    [['admin', 'restore', host.path('none')], 4, 'backup_missing'],
    [['serve', '--bogus'], 2, 'usage'],
    [['serve', '--key-file', host.path('')], 1, 'internal'],
  ];
  for (const [command, exit, code] of cases) {
    const ran = await host.run(...command, '--json');
    assert.deepEqual([ran.exit, ran.out], [exit, ''], command.join(' '));
    const { error } = JSON.parse(ran.err.trim().split('\n').at(-1) ?? '') as { error: { code: string } };
    assert.equal(error.code, code, command.join(' '));
  }
  assert.equal((await host.run('admin', 'user', 'ls', '--quiet')).exit, 0);
  assert.equal((await host.run('admin', '-v', 'user', 'ls')).exit, 0);
  const server = await host.serve('--quiet');
  assert.equal((await host.run('admin', 'backup', host.path('backup'), '-q')).err, '');
  server.child.kill('SIGTERM');
  assert.doesNotMatch((await server.ended()).err, /"msg":"stopping"/);
});

test('the upkeep commands of a fresh server find nothing wrong', async (t) => {
  const host = await hostFor(t);
  const doctors = ['doctor', 'doctor --deep', 'doctor --repair'];
  for (const command of ['gc', 'scrub', 'purge', 'repack', ...doctors, 'renew-epochs', 'migrate']) {
    const { exit, out, err } = await host.run('admin', ...command.split(' '), '--json');
    assert.equal(exit, 0, `${command}: ${err}`);
    assert.equal(typeof JSON.parse(out), 'object');
  }
});
