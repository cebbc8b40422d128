/** The server's data put back as docs/OPERATIONS.md says (S10, H87). */
import assert from 'node:assert/strict';
import { cpSync, renameSync } from 'node:fs';
import { test } from 'node:test';
import { converge } from '../support/converge.ts';
import { conflictCopies, folder, viewOf } from '../support/folder.ts';
import { withWorld } from '../support/world.ts';

test('H87 S10 the server is restored from an old backup: what is newer is uploaded again, nothing is deleted', async () => {
  await withWorld({ devices: ['ann', 'bob'] }, async (world) => {
    const { server } = world;
    const ann = world.device(0);
    const bob = world.device(1);
    const [hers, his] = [folder(ann.root), folder(bob.root)];
    for (const name of ['kept', 'edited', 'removed', 'moved']) hers.put(`d/${name}`, `${name}, before`);
    await converge(world.devices);

    const backup = world.scratch.join('backup');
    await server.stop();
    cpSync(server.dataDir, backup, { recursive: true });
    await server.start();
    hers.put('d/edited', 'edited, after');
    hers.rm('d/removed');
    his.put('e/new', 'new, after');
    his.mv('d/moved', 'e/moved');
    await converge(world.devices);

    await server.stop();
    renameSync(server.dataDir, world.scratch.join('broken'));
    cpSync(backup, server.dataDir, { recursive: true });
    assert.equal((await server.admin('renew-epochs')).code, 0);
    await server.start();
    const tree = await converge(world.devices);

    assert.equal(his.read('d/kept'), 'kept, before');
    assert.equal(his.read('e/new'), 'new, after');
    assert.equal(hers.read('d/removed'), 'removed, before', 'the server has it again, so it lives');
    const contents = [...tree.keys()].filter((path) => path.includes('edited')).map((path) => hers.read(path));
    assert.ok(contents.includes('edited, after'), 'the newer content lives');
    const moved = [...tree.keys()].filter((path) => path.endsWith('/moved'));
    assert.ok(moved.length >= 1, 'the moved file lives');
    assert.ok(conflictCopies(viewOf(ann.root)).length <= 2, 'no more copies than devices');
    assert.equal((await server.admin('doctor')).code, 0);
  });
});
