/** How programs write files (hazards §1), seen by the other device. */
import assert from 'node:assert/strict';
import {
  appendFileSync,
  copyFileSync,
  linkSync,
  readFileSync,
  renameSync,
  statSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { test } from 'node:test';
import { converge } from '../support/converge.ts';
import { folder, viewOf } from '../support/folder.ts';
import { freshSeed, seededRandom } from '../support/random.ts';
import { until, writerPause } from '../support/until.ts';
import { worldForFile } from '../support/world.ts';

const world = await worldForFile({ devices: ['ann', 'bob'], proxied: true });
const [ann, bob] = [world.device(0), world.device(1)];
const [a, b] = [folder(ann.root), folder(bob.root)];

/** Looks at a path on B all the time until `stop` is called; hands back every distinct thing seen there. */
function watchOnB<T>(look: () => T, same: (x: T, y: T) => boolean): { readonly stop: () => readonly T[] } {
  const seen: T[] = [];
  const timer = setInterval(() => {
    const now = look();
    const last = seen.at(-1);
    if (seen.length === 0 || last === undefined || !same(last, now)) seen.push(now);
  }, 5).unref();
  return {
    stop: () => {
      clearInterval(timer);
      return seen;
    },
  };
}

test('H1 a file written in steps arrives whole; what is seen before is a true prefix', async () => {
  const random = seededRandom();
  const pauses = [100, 150, 300, 100, 2500, 100, 200, 400, 100, 100];
  const steps = pauses.map(() => random.bytes(1 << 20));
  const whole = Buffer.concat(steps);
  const watch = watchOnB(
    () => (b.has('steps.bin') ? readFileSync(bob.path('steps.bin')) : undefined),
    (x, y) => x?.length === y?.length,
  );
  for (const [i, pauseMs] of pauses.entries()) {
    appendFileSync(ann.path('steps.bin'), steps[i] ?? '');
    await writerPause(pauseMs);
  }
  await converge(world.devices);
  const seen = watch.stop().filter((bytes) => bytes !== undefined);
  for (const bytes of seen)
    assert.ok(bytes.equals(whole.subarray(0, bytes.length)), `a mix of ${bytes.length} bytes, seed ${random.seed}`);
  assert.ok(readFileSync(bob.path('steps.bin')).equals(whole));
});

test('H3 same-size edits within milliseconds are never missed', async () => {
  for (let i = 0; i < 200; i++) {
    a.put(`same-size/${i}`, 'AAAA');
    await writerPause(5);
    a.put(`same-size/${i}`, 'BBBB');
  }
  await converge(world.devices);
  assert.deepEqual(new Set(Object.values(viewOf(bob.path('same-size')))), new Set(['BBBB']));
  for (let i = 0; i < 8; i++) {
    a.put('same-size/0', 'CCCC');
    if (i % 2 === 0) await writerPause(i * 30);
    a.put('same-size/0', 'DDDD');
    await converge(world.devices, { quietMs: 50 });
    assert.equal(b.read('same-size/0'), 'DDDD');
    a.put('same-size/0', 'EEEE');
    await converge(world.devices, { quietMs: 50 });
    assert.equal(b.read('same-size/0'), 'EEEE');
  }
});

test('H4 an edit that puts the old mtime back is noticed, running and stopped', async () => {
  const edit = (path: string, content: string): void => {
    const { atime, mtime } = statSync(ann.path(path));
    writeFileSync(ann.path(path), content);
    utimesSync(ann.path(path), atime, mtime);
  };
  a.put('restored/running', 'old content');
  a.put('restored/stopped', 'old content');
  await converge(world.devices);
  edit('restored/running', 'new content');
  await converge(world.devices);
  await ann.stop();
  edit('restored/stopped', 'new content');
  await ann.start();
  await converge(world.devices);
  assert.deepEqual(viewOf(bob.path('restored')), { running: 'new content', stopped: 'new content' });
});

test('H7 touching files sends no content', async () => {
  const random = seededRandom(1);
  for (let i = 0; i < 500; i++) a.put(`touched/${i}`, random.bytes(8192));
  await converge(world.devices);
  world.net(ann).resetTraffic();
  const now = Date.now() / 1000 + 100;
  for (let i = 0; i < 500; i++) utimesSync(ann.path(`touched/${i}`), now, now);
  await converge(world.devices);
  const { upBytes, byRoute } = world.net(ann).traffic();
  assert.ok(upBytes < 500 * 1024, `${upBytes} bytes up for 4 MB of touched files`);
  assert.deepEqual(
    Object.keys(byRoute).filter((route) => /chunks\/(batch|:id)|blocks/.test(route)),
    [],
  );
});

test('H8 a hundred saves by replace are one object that never vanishes on the other device', async () => {
  a.put('doc.txt', 'version 0');
  await converge(world.devices);
  const idOf = async (): Promise<unknown> =>
    objectIdIn(JSON.parse((await ann.ok('stat', 'doc.txt', '--json')).stdout) as Record<string, unknown>);
  const id = await idOf();
  const watch = watchOnB(
    () => b.has('doc.txt'),
    (x, y) => x === y,
  );
  for (let i = 1; i <= 100; i++) {
    a.put('.doc.txt.tmp', `version ${i}`);
    a.mv('.doc.txt.tmp', 'doc.txt');
    await writerPause(i % 10 === 0 ? 60 : 2);
  }
  await converge(world.devices);
  assert.deepEqual(watch.stop(), [true]);
  assert.equal(b.read('doc.txt'), 'version 100');
  assert.equal(await idOf(), id);
});

function objectIdIn(stat: Record<string, unknown>): unknown {
  const id = stat['objectId'] ?? stat['id'] ?? (stat['object'] as Record<string, unknown> | undefined)?.['objectId'];
  assert.ok(id !== undefined, `stat --json names no object id: ${JSON.stringify(stat)}`);
  return id;
}

/** Ways in which programs save; each leaves `name` with `content`. */
const patterns: Readonly<Record<string, (name: string, content: string, pauseMs: number) => Promise<void>>> = {
  'vim with a backup': async (name, content, pauseMs) => {
    renameSync(ann.path(name), ann.path(`${name}~`));
    await writerPause(pauseMs);
    writeFileSync(ann.path(name), content);
    await writerPause(pauseMs);
    unlinkSync(ann.path(`${name}~`));
  },
  'vim with a copied backup': async (name, content, pauseMs) => {
    copyFileSync(ann.path(name), ann.path(`${name}~`));
    await writerPause(pauseMs);
    truncateSync(ann.path(name));
    writeFileSync(ann.path(name), content);
    unlinkSync(ann.path(`${name}~`));
  },
  'MS Office': async (name, content, pauseMs) => {
    writeFileSync(ann.path('~WRD0001.tmp'), content);
    await writerPause(pauseMs);
    renameSync(ann.path(name), ann.path('~WRL0002.tmp'));
    renameSync(ann.path('~WRD0001.tmp'), ann.path(name));
    await writerPause(pauseMs);
    unlinkSync(ann.path('~WRL0002.tmp'));
  },
  'backup by hard link': async (name, content, pauseMs) => {
    linkSync(ann.path(name), ann.path(`${name}.bak`));
    unlinkSync(ann.path(name));
    await writerPause(pauseMs);
    writeFileSync(ann.path(name), content);
    unlinkSync(ann.path(`${name}.bak`));
  },
  'delete and write anew': async (name, content, pauseMs) => {
    unlinkSync(ann.path(name));
    await writerPause(pauseMs);
    writeFileSync(ann.path(name), content);
  },
};

for (const [name, save] of Object.entries(patterns)) {
  test(`H9 saved as by ${name}, with pauses of 0 to 1.5 s: one file with the new content, no copies`, async () => {
    a.put('saved.doc', 'before');
    await converge(world.devices, { quietMs: 50 });
    for (const pauseMs of [0, 30, 300, 1500]) {
      await save('saved.doc', `${name} after ${pauseMs} ms`, pauseMs);
      await converge(world.devices, { quietMs: 50 });
      assert.equal(b.read('saved.doc'), `${name} after ${pauseMs} ms`);
    }
    assert.deepEqual(
      Object.keys(viewOf(bob.root)).filter((path) => /^(saved|~WR)/.test(path)),
      ['saved.doc'],
    );
  });
}

test('H10 truncated, then written: an empty file is not seen when the write follows soon', async () => {
  for (const pauseMs of [20, 200, 5000]) {
    a.put('truncated.txt', 'before');
    await converge(world.devices, { quietMs: 50 });
    const watch = watchOnB(
      () => statSync(bob.path('truncated.txt'), { throwIfNoEntry: false })?.size,
      (x, y) => x === y,
    );
    truncateSync(ann.path('truncated.txt'));
    await writerPause(pauseMs);
    writeFileSync(ann.path('truncated.txt'), `after ${pauseMs}`, { flag: 'r+' });
    await converge(world.devices, { quietMs: 50 });
    const seen = watch.stop();
    if (pauseMs < 1000) assert.ok(!seen.includes(0), `an empty file was seen, pause ${pauseMs} ms`);
    assert.equal(b.read('truncated.txt'), `after ${pauseMs}`);
  }
});

test('H2 a file that never stops changing does not keep others waiting', async () => {
  const random = seededRandom(freshSeed());
  const writer = setInterval(() => appendFileSync(ann.path('log.txt'), random.bytes(100)), 50);
  try {
    for (let i = 0; i < 50; i++) a.put(`others/${i}`, `other ${i}`);
    await until(() => Object.keys(viewOf(bob.path('others'))).length === 50, {
      timeoutMs: 10_000,
      what: 'fifty files arrive beside a busy log',
    });
  } finally {
    clearInterval(writer);
  }
  await converge(world.devices);
});

test('H11 lock and temporary files of office programs and editors stay here', async () => {
  for (const name of ['~$report.docx', '.~lock.sheet.ods#', '.text.swp', 'movie.part']) a.put(`locks/${name}`, 'lock');
  a.put('locks/report.docx', 'real');
  assert.equal(await ann.wait(), 0);
  assert.equal(await bob.wait(), 0);
  assert.deepEqual(viewOf(bob.path('locks')), { 'report.docx': 'real' });
});
