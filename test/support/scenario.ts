/**
 * Scenarios of work done apart. Each has a folder of its own; all of a file are played at once, so that one
 * parting and one reunion of two devices serve a whole table of conflicts.
 */
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { test } from 'node:test';
import { converge } from './converge.ts';
import { folder, viewOf, type Folder, type View } from './folder.ts';
import { type Device } from './satchel.ts';
import { type World } from './world.ts';

export type Scenario = {
  /** Begins with the hazard's number. */
  readonly title: string;
  /** What both have before they part. */
  readonly seed?: (f: Folder) => void;
  /** Work of the device that comes back first. */
  readonly first?: (f: Folder) => void;
  /** Work of the device that comes back second. */
  readonly second?: (f: Folder) => void;
  /** The scenario's folder as it is on all devices in the end. */
  readonly check: (view: View) => void;
};

/** How the two part: their daemons are stopped, or run on without a network, or never part (the work of both happens at once). */
export type Parting = 'stopped' | 'unplugged' | 'together';

export type Play = { readonly name: string; readonly parting: Parting; readonly order: readonly [number, number] };

/** Declares one test per scenario and play; the world needs proxies for 'unplugged'. */
export function testScenarios(world: World, plays: readonly Play[], scenarios: readonly Scenario[]): void {
  for (const play of plays) {
    let played: Promise<readonly Outcome[]> | undefined;
    scenarios.forEach((scenario, i) => {
      test(`${scenario.title} [${play.name}]`, async () => {
        played ??= playAll(world, play, scenarios);
        const outcome = (await played)[i];
        assert.ok(outcome !== undefined);
        assert.deepEqual(outcome.second, outcome.first);
        scenario.check(outcome.first);
      });
    });
  }
}

/** A scenario's folder on both devices in the end. */
type Outcome = { readonly first: View; readonly second: View };

function placeOf(play: Play, index: number): string {
  return `${play.name.replaceAll(' ', '-')}-${index}`;
}

function pair(world: World, play: Play): readonly [Device, Device] {
  return [world.device(play.order[0]), world.device(play.order[1])];
}

async function playAll(world: World, play: Play, scenarios: readonly Scenario[]): Promise<readonly Outcome[]> {
  const [first, second] = pair(world, play);
  const both = [first, second];
  const eachFolder = (device: Device, work: (scenario: Scenario) => ((f: Folder) => void) | undefined): void =>
    scenarios.forEach((scenario, i) => work(scenario)?.(folder(device.path(placeOf(play, i)))));
  scenarios.forEach((_, i) => mkdirSync(first.path(placeOf(play, i))));
  eachFolder(first, (scenario) => scenario.seed);
  await converge(both);
  for (const device of both) await part(world, play, device);
  eachFolder(first, (scenario) => scenario.first);
  eachFolder(second, (scenario) => scenario.second);
  await rejoin(world, play, first);
  if (play.parting !== 'together') assert.equal(await first.wait(), 0, 'the first one back is in sync');
  await rejoin(world, play, second);
  await converge(both);
  return scenarios.map((_, i) => ({
    first: viewOf(first.path(placeOf(play, i))),
    second: viewOf(second.path(placeOf(play, i))),
  }));
}

async function part(world: World, play: Play, device: Device): Promise<void> {
  if (play.parting === 'stopped') await device.stop();
  if (play.parting === 'unplugged') world.net(device).setOnline(false);
}

async function rejoin(world: World, play: Play, device: Device): Promise<void> {
  if (play.parting === 'stopped') await device.start();
  if (play.parting === 'unplugged') world.net(device).setOnline(true);
}
