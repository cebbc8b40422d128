import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CLIENT_FOLDER } from '@satchel/protocol/names.ts';
import * as fc from 'fast-check';
import { createIgnoreRules, IGNORE_LIMITS, OWN_FOLDER } from './ignore-rules.ts';

test('H11 what programs and systems leave behind is ignored at any depth', () => {
  const rules = createIgnoreRules();
  const names = ['~$Report.docx', '.~lock.a.odt#', '.a.txt.swp', 'a.swp', 'a.swx', '.a.swo', 'film.mkv.part'];
  names.push('x.crdownload', '.DS_Store', 'Thumbs.db', 'desktop.ini', '.syncthing.a.txt.tmp', '~WRD0001.tmp');
  names.push('.nfs000000000234c1e600000001', '.fuse_hidden0000', '.goutputstream-AB12');
  for (const name of names) {
    assert(rules.ignores(name, false), name);
    assert(rules.ignores(`a/b/${name}`, false), name);
  }
});

test('H11 documents of people are not ignored, backups among them', () => {
  const rules = createIgnoreRules();
  for (const name of [
    'a.txt',
    'a.txt~',
    'old.bak',
    'a.tmp',
    'part',
    'a.part1',
    '.bashrc',
    'swp',
    '~',
    'satchel',
    '...',
  ])
    assert(!rules.ignores(name, false), name);
});

test('the own folder never travels and the ignore file always does', () => {
  assert.equal(OWN_FOLDER, CLIENT_FOLDER);
  const rules = createIgnoreRules('*\n!.satchel\n!.satchel/**');
  for (const path of ['.satchel', '.Satchel', 'a/.satchel/staging/x']) assert(rules.ignores(path, false), path);
  assert(!rules.ignores('.satchelignore', false));
  assert(rules.ignores('a/.satchelignore', false));
  assert(!createIgnoreRules().ignores('my.satchel', false));
});

test('the file has the semantics of gitignore', () => {
  const rules = createIgnoreRules(
    [
      '# comment',
      '',
      '/top',
      'dir/',
      '*.o',
      '!keep.o',
      'a/**/z',
      'doc/*.txt',
      '\\#odd',
      '\\!odd',
      'sp\\ ',
      'X[0-9]',
    ].join('\r\n'),
  );
  const ignored: readonly (readonly [string, boolean])[] = [
    ['top', false],
    ['dir', true],
    ['x/dir', true],
    ['x/dir/inside', false],
    ['a.o', false],
    ['x/a.o', false],
    ['a/z', false],
    ['a/b/c/z', false],
    ['doc/a.txt', false],
    ['#odd', false],
    ['!odd', false],
    ['X3', false],
  ];
  const kept: readonly (readonly [string, boolean])[] = [
    ['x/top', false],
    ['dir', false],
    ['keep.o', false],
    ['x/keep.o', false],
    ['b/a/z', false],
    ['doc/sub/a.txt', false],
    ['x3', false],
    ['comment', false],
  ];
  for (const [path, isFolder] of ignored) assert(rules.ignores(path, isFolder), path);
  for (const [path, isFolder] of kept) assert(!rules.ignores(path, isFolder), path);
});

test('explain names the rule, its line, and the folder that decides', () => {
  const rules = createIgnoreRules('build/\n*.log\n!important.log\n!*.part\n');
  assert.deepEqual(rules.explain('x/build/deep/a.txt', false), {
    ignored: true,
    rule: { source: 'file', pattern: 'build/', line: 1 },
    decidedAt: 'x/build',
  });
  assert.deepEqual(rules.explain('important.log', false), {
    ignored: false,
    rule: { source: 'file', pattern: '!important.log', line: 3 },
    decidedAt: 'important.log',
  });
  assert.equal(rules.explain('film.part', false).rule?.line, 4);
  assert.deepEqual(rules.explain('.DS_Store', false).rule, {
    source: 'built-in',
    pattern: '.DS_Store',
    line: undefined,
  });
  assert.equal(rules.explain('.satchel/x', false).rule?.source, 'fixed');
  assert.deepEqual(rules.explain('a.txt', false), { ignored: false, rule: undefined, decidedAt: 'a.txt' });
});

test('explain and ignores agree', () => {
  const parts = [
    'a',
    'b',
    'ab',
    '/',
    '*',
    '**',
    '!',
    '.',
    '?',
    '\\',
    '[',
    ']',
    '[ab]',
    '[!a]',
    '[]a]',
    '-',
    ' ',
    '~',
    '#',
  ];
  const pattern = fc.array(fc.constantFrom(...parts), { minLength: 1, maxLength: 7 });
  const name = fc
    .array(fc.constantFrom('a', 'b', 'ab', '.', '[', ']', '\\', '-', ' ', '~', '#', '*', '!'), {
      minLength: 1,
      maxLength: 4,
    })
    .map((letters) => letters.join(''));
  const path = fc
    .array(
      name.filter((text) => text !== '.' && text !== '..'),
      { minLength: 1, maxLength: 4 },
    )
    .map((names) => names.join('/'));
  fc.assert(
    fc.property(fc.array(pattern, { maxLength: 4 }), path, fc.boolean(), (patterns, asked, isFolder) => {
      const rules = createIgnoreRules(patterns.map((each) => each.join('')).join('\n'));
      const verdict = rules.explain(asked, isFolder);
      assert.equal(verdict.ignored, rules.ignores(asked, isFolder));
      assert(verdict.ignored ? verdict.rule !== undefined && `${asked}/`.startsWith(`${verdict.decidedAt}/`) : true);
    }),
    { numRuns: 2000 },
  );
});

test('any text is taken as an ignore file', () => {
  const text = fc.string({
    unit: fc.constantFrom(...'ab/*?[]!\\-^(){}|+.$ \n\r\t#:\u0000\uE000\uFEFFé\ud800'),
    maxLength: 80,
  });
  fc.assert(
    fc.property(text, fc.string({ unit: fc.constantFrom(...'ab/[]\\ .'), minLength: 1 }), (fileText, path) => {
      assert.equal(typeof createIgnoreRules(fileText).ignores(path, false), 'boolean');
    }),
    { numRuns: 3000 },
  );
});

test('a file beyond the limits has its first rules taken and the rest named', () => {
  const long = createIgnoreRules(`a\n${'x'.repeat(IGNORE_LIMITS.patternCharacters + 1)}\nb`);
  assert.deepEqual(long.problems, [{ line: 2, reason: 'pattern_too_long' }]);
  assert(long.ignores('a', false) && long.ignores('b', false));
  const many = createIgnoreRules(Array.from({ length: IGNORE_LIMITS.rules + 5 }, (_, index) => `n${index}`).join('\n'));
  assert.deepEqual(many.problems, [{ line: IGNORE_LIMITS.rules + 1, reason: 'too_many_rules' }]);
  const huge = createIgnoreRules(`first\n${'# comment\n'.repeat(10_000)}last`);
  assert.equal(huge.problems[0]?.reason, 'file_too_large');
  assert(huge.ignores('first', false) && !huge.ignores('last', false));
  assert.deepEqual(createIgnoreRules('**/a/**/b/**/c').problems, [{ line: 1, reason: 'too_many_globstars' }]);
  assert.deepEqual(createIgnoreRules('**/a/**/b/**\n!/**/*.c').problems, []);
});

test('hostile rules and names together cost a moment, not minutes', () => {
  const fill = (pattern: string): string =>
    Array.from(
      { length: Math.min(1000, IGNORE_LIMITS.fileCharacters / (pattern.length + 5)) },
      (_, index) => pattern + index,
    ).join('\n');
  const files = [
    '*a'.repeat(100),
    '*a*a*a*b',
    `x${'*?'.repeat(100)}[!a]`,
    '*[a-z]*[a-z]*[a-z]*b',
    '**/a/**/a/**/a',
    'a/**/a',
  ];
  files.push(
    `a/**/${'*/'.repeat(60)}b`,
    `a/**/${'*/'.repeat(8)}b`,
    '**/a*/**/a*a*b',
    'a**a**a**b',
    '!**/**/a/**/*/*/a',
  );
  const deep = `${'aaaaaaaaa/'.repeat(60)}a`;
  const paths = [
    'a'.repeat(255),
    `x${'a'.repeat(254)}`,
    'a/'.repeat(2000).slice(0, -1),
    `${`${'a'.repeat(254)}/`.repeat(15)}a`,
    deep,
  ];
  for (const pattern of files) {
    const rules = createIgnoreRules(fill(pattern));
    for (const path of paths) {
      const from = process.cpuUsage();
      rules.ignores(path, false);
      const tookMs = process.cpuUsage(from).user / 1000;
      assert(tookMs < 5000, `${tookMs.toFixed(0)} ms of CPU for ${pattern} on ${path.slice(0, 20)}`);
    }
  }
});

test('a walk over many paths does not pile up memory', () => {
  const rules = createIgnoreRules('*.o');
  let ignored = 0;
  for (let index = 0; index < 30_000; index++) if (rules.ignores(`d${index % 100}/f${index}.o`, false)) ignored++;
  assert.equal(ignored, 30_000);
});
