import type { LocalNode } from '@satchel/core/tree.ts';
import type { ObjectId } from '@satchel/protocol/ids.ts';
import type { ModelDevice } from './model-device.ts';

const hidden = new WeakMap<ModelDevice, LocalNode[]>();

/**
 * An object, with all that is in it, cannot be looked at any more. Their nodes stay as unknown; those of objects that
 * had lain there before may be missing as well, which proves nothing.
 */
export function hide(device: ModelDevice, choice: number): void {
  const nodes = [...device.local.values()].filter((node) => node.presence === 'present');
  const chosen = nodes[choice % Math.max(1, nodes.length)];
  if (!chosen || device.pending > 0) return;
  const stored = hidden.get(device) ?? [];
  hidden.set(device, stored);
  device.local.set({ ...chosen, presence: 'unknown' });
  device.dirty.add(chosen.objectId);
  const removeBelow = (id: ObjectId): void => {
    for (const child of Array.from(device.local.children(id))) {
      removeBelow(child.objectId);
      if (device.synced.get(child.objectId)?.parentId !== id || [...device.local.children(child.objectId)].length > 0) {
        device.local.set({ ...child, presence: 'unknown' });
        continue;
      }
      stored.push(child);
      device.local.delete(child.objectId);
      device.dirty.add(child.objectId);
    }
  };
  removeBelow(chosen.objectId);
}

/** All that was hidden can be looked at again, as it was. */
export function reveal(device: ModelDevice): void {
  for (const node of Array.from(device.local.values())) {
    if (node.presence === 'present') continue;
    device.local.set({ ...node, presence: 'present' });
    device.dirty.add(node.objectId);
  }
  for (const node of hidden.get(device) ?? []) {
    device.local.set({ ...node, presence: 'present' });
    device.dirty.add(node.objectId);
  }
  hidden.delete(device);
}
